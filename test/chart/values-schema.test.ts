/** What a user is told who gives values that cannot be. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { renderedFile, renderedWith } from './rendered-chart.ts';
import { refusalsOf, valuesSchema } from './values-schema.ts';

const defaults = parse(readFileSync(join(import.meta.dirname, '../../charts/plumbline/values.yaml'), 'utf8'));

/** `agent.resources.limits` for every key of the defaults that has none below it. */
function leavesOf(value: unknown, path = ''): readonly string[] {
  const isTree = typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;
  if (!isTree) return [path];
  return Object.entries(value).flatMap(([key, inner]) => leavesOf(inner, path === '' ? key : `${path}.${key}`));
}

/** The same of the schema, down to objects of any keys and to what is defined for several. */
function leavesOfSchema({ properties }: Readonly<Record<string, unknown>>, path = ''): readonly string[] {
  if (properties === undefined) return [path];
  return Object.entries(Object(properties)).flatMap(([key, inner]) =>
    leavesOfSchema(Object(inner), path === '' ? key : `${path}.${key}`),
  );
}

describe('the schema of values', () => {
  it('takes the defaults', () => expect(refusalsOf(defaults)).toEqual([]));

  it('knows every value that there is, and no other', () => {
    const known = leavesOfSchema(Object(valuesSchema)).filter((path) => path !== 'global');
    const there = leavesOf(defaults);
    const isBelow = (path: string) => known.some((one) => path === one || path.startsWith(`${one}.`));
    expect(there.filter((path) => !isBelow(path))).toEqual([]);
    expect(known.filter((path) => !there.some((one) => one === path || one.startsWith(`${path}.`)))).toEqual([]);
  });

  it('lets a chart that has this one below it hand down its globals', () => {
    expect(refusalsOf({ ...defaults, global: { region: 'north' } })).toEqual([]);
  });

  it('is closed everywhere but for labels and globals', () => {
    const open: string[] = [];
    const visit = (schema: unknown, path: string) => {
      if (typeof schema !== 'object' || schema === null) return;
      const { type, additionalProperties } = Object(schema);
      if (type === 'object' && additionalProperties !== false) open.push(path);
      for (const [key, inner] of Object.entries(schema)) visit(inner, `${path}/${key}`);
    };
    visit(valuesSchema, '');
    expect(open).toEqual(['/properties/global', '/definitions/labels']);
  });

  it('has only patterns that Go, in which Helm is written, reads too', () => {
    const patterns = [...JSON.stringify(valuesSchema).matchAll(/"pattern":"(?<pattern>(?:[^"\\]|\\.)*)"/g)];
    expect(patterns.length).toBeGreaterThan(10);
    expect(patterns.filter(({ groups }) => /\(\?|\\\\[1-9bBdDwWsS]/.test(groups?.pattern ?? ''))).toEqual([]);
  });

  it.each([
    [{ agnet: {} }, "(root): must NOT have additional properties (agnet): values of Plumbline's chart"],
    [{ agent: { priviledges: 'none' } }, 'agent: must NOT have additional properties (priviledges): the agents'],
    [
      { agent: { privileges: 'some' } },
      'agent.privileges: must be equal to one of the allowed values (full, none): full = with agent.capabilities, none = without any',
    ],
    [
      { agent: { capabilities: ['SYS_ADMIN'] } },
      'agent.capabilities.0: must be equal to one of the allowed values (NET_ADMIN, NET_RAW)',
    ],
    [{ agent: { dialSpreadSeconds: '30s' } }, 'agent.dialSpreadSeconds: must be integer: seconds from 0 to 600'],
    [
      { agent: { cniStatePath: 'var/lib/cni' } },
      'agent.cniStatePath: must match pattern "^(/\\.?[^/:.][^/:]*)+$": absolute path on the nodes',
    ],
    [
      { agent: { calicoPath: 'var/run/calico' } },
      'agent.calicoPath: must match pattern "^((/\\.?[^/:.][^/:]*)+)?$": absolute path on the nodes, or empty',
    ],
    [
      { agent: { criSocket: 'unix:///run/containerd/containerd.sock' } },
      'agent.criSocket: must match pattern "^((/\\.?[^/:.][^/:]*){2,})?$": a socket on the nodes in a folder of its own, or empty',
    ],
    [
      { agent: { cniStatePath: '/var/../etc' } },
      'agent.cniStatePath: must match pattern "^(/\\.?[^/:.][^/:]*)+$": absolute path on the nodes',
    ],
    [
      { agent: { image: 'registry.example/plumbline-agent:1.0' } },
      'agent.image: must match pattern "^([a-z0-9.-]+(:[0-9]+)?/)?([a-z0-9._-]+/)*[a-z0-9][a-z0-9._-]*$": image without tag, as registry.example/team/plumbline-agent',
    ],
    [{ agent: { nodeSelector: { audited: true } } }, 'agent.nodeSelector.audited: must be string'],
    [
      { aggregator: { storage: { size: '5 GB' } } },
      'aggregator.storage.size: must match pattern "^[1-9][0-9]*(\\.[0-9]+)?(Ki|M|Mi|G|Gi|T|Ti)$": size, as 5Gi',
    ],
    [{ podDisruptionBudget: { enabled: 'yes' } }, 'podDisruptionBudget.enabled: must be boolean: make it'],
    [
      { access: { viewers: [{ kind: 'ServiceAccount', name: 'prometheus' }] } },
      "access.viewers.0: must have required property 'namespace'",
    ],
    [{ access: { viewers: ['on-call'] } }, 'access.viewers.0: must be object'],
  ])('refuses %j', (given, message) => {
    expect(refusalsOf(given)).toEqual([message]);
  });

  it('refuses what is no range of addresses', () => {
    const refused = ['10.0.0.0', '10.0.0.0/33', 'fd00::/129', 'nodes/16', 'abc/8'];
    const given = { networkPolicy: { nodeCIDRs: [...refused, '10.0.0.0/16', 'fd00:10::/48', '::/0'] } };
    const places = refusalsOf(given).map((line) => line.replace(/: must match .*"/, ''));
    expect(places).toEqual(
      refused.map((_, index) => `networkPolicy.nodeCIDRs.${index}: range of addresses, as 10.0.0.0/16 or fd00::/48`),
    );
  });
});

describe('values that do not fit each other are refused, with what to do:', () => {
  const place = /^execution error at \(plumbline\/templates\/validation\.yaml:\d+:\d+\): /;

  it.each([
    [
      { tls: { existingSecret: 'mine' } },
      'tls.existingSecret is mine and tls.existingCAConfigMap is empty: agents must know who signed that certificate.',
    ],
    [
      { tls: { existingCAConfigMap: 'company-ca' } },
      'tls.existingCAConfigMap is company-ca and tls.existingSecret is empty: name the Secret that has the certificate too',
    ],
    [{ namespaces: { create: true } }, "namespaces.create makes the agents' namespace, and agent.namespace is empty"],
    [
      { namespaces: { create: true }, agent: { namespace: 'observability' } },
      "namespaces.create makes the agents' namespace, and agent.namespace is empty or the release's own",
    ],
  ])('%j', (values, message) => {
    expect(() => renderedWith([values])).toThrow(place);
    expect(() => renderedWith([values])).toThrow(message);
  });

  it('a release whose name is too long for its Services', () => {
    const release = 'a'.repeat(44);
    expect(() => renderedFile('default.yaml', { release })).toThrow(`the release name ${release} has 44 letters`);
    expect(renderedFile('default.yaml', { release: 'a'.repeat(43) }).manifests.length).toBeGreaterThan(20);
  });
});
