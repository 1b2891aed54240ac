import { describe, expect, it } from 'vitest';
import { chainHash } from '../../proto/chain-names.ts';
import { address } from '../../test/builders.ts';
import { dnsReport, lookup, replicas, silent } from '../../test/dns-node.ts';
import { probe, probes, unanswered } from '../../test/network-builders.ts';
import { world } from '../../test/policy-world.ts';
import {
  everyone,
  excerpt,
  forwardTo,
  forwardWith,
  frontend,
  nodeView,
  preroutingJump,
  reported,
  silentKubeProxy,
  structure,
  unreadable,
  untaken,
  type Row,
} from '../../test/view-builders.ts';
import { checks } from '../checks/index.ts';
import type { Finding, Violation } from '../model/finding.ts';
import { findingsOf } from '../../test/findings-of.ts';
import { rootCauses } from './causes.ts';

const web = 'tcp 10.96.0.1:80';
const cart = 'tcp 10.96.0.3:6379';
const owners = { [web]: 'shop/web:http', [cart]: 'shop/cart:redis' };
const served = everyone(forwardTo('10.244.1.2:8080'));
const others = everyone(forwardTo('10.244.9.9:8080'));
const onlyNode = { ...served, pod: untaken, outside: untaken };
const desired = [
  [web, served],
  [cart, served],
] as const;

/** `check: subject`, and after an arrow the check of its parent. */
function outline(findings: readonly Finding[]): readonly string[] {
  const byFingerprint = new Map(findings.map((finding) => [finding.fingerprint, finding]));
  return findings.map(({ check, subject, parent }) => {
    const name = subject.kind === 'Service' ? `${subject.namespace}/${subject.name}` : subject.name;
    return `${check}: ${name}${parent === null ? '' : ` <- ${byFingerprint.get(parent)?.check}`}`;
  });
}

describe('causes', () => {
  it('a lost base jump is the cause of every missing service', () => {
    const view = nodeView({
      desired,
      observed: [
        [web, onlyNode],
        [cart, onlyNode],
      ],
      owners,
      structures: [structure({ missingBaseJumps: [preroutingJump] })],
    });
    expect(outline(findingsOf(view, checks))).toEqual([
      'missing-base-jump: node-a',
      'missing-service: shop/cart <- missing-base-jump',
      'missing-service: shop/web <- missing-base-jump',
    ]);
  });

  it('what a lost base jump does not account for stays a finding of its own', () => {
    const view = nodeView({
      desired,
      observed: [
        [web, onlyNode],
        [cart, others],
      ],
      owners,
      structures: [structure({ missingBaseJumps: [preroutingJump] })],
    });
    expect(outline(findingsOf(view, checks))).toEqual([
      'missing-base-jump: node-a',
      'missing-service: shop/web <- missing-base-jump',
      'stale-endpoint: shop/cart',
      'missing-endpoint: shop/cart <- stale-endpoint',
    ]);
  });

  it('a silent kube-proxy is the cause of all old rules; children of children hang on it, too', () => {
    const view = nodeView({ desired, observed: [[web, others]], owners, parts: { kubeProxy: silentKubeProxy() } });
    expect(outline(findingsOf(view, checks))).toEqual([
      'missing-service: shop/cart <- proxy-down',
      'proxy-down: node-a',
      'stale-endpoint: shop/web <- proxy-down',
      'missing-endpoint: shop/web <- proxy-down',
    ]);
  });

  it('a damaged mark chain is the cause of what is not masqueraded, also under a silent kube-proxy', () => {
    const marked = everyone(forwardWith(['10.244.1.2:8080'], { dress: { masquerade: 'always' } }));
    const view = nodeView({
      desired: [[web, marked]],
      observed: [[web, served]],
      owners,
      structures: [structure({ masqueradePath: 'mark-not-set' })],
      parts: { kubeProxy: silentKubeProxy() },
    });
    expect(outline(findingsOf(view, checks))).toEqual([
      'proxy-down: node-a',
      'missing-masquerade: nat KUBE-MARK-MASQ (ipv4)',
      'missing-masquerade: shop/web <- missing-masquerade',
    ]);
  });

  it('a silent kube-proxy neither damages nor doubles rules', () => {
    const target = `KUBE-SVC-${chainHash('shop/web:http', 'tcp')}`;
    const line = { table: 'nat', chain: 'KUBE-SERVICES', rule: `-A KUBE-SERVICES -j ${target}` };
    const view = nodeView({
      desired,
      observed: [[cart, served]],
      owners,
      structures: [
        structure({ danglingJumps: excerpt({ ...line, target }), duplicateRules: excerpt({ ...line, count: 2 }) }),
      ],
      parts: { kubeProxy: silentKubeProxy() },
    });
    expect(outline(findingsOf(view, checks))).toEqual([
      'dangling-jump: shop/web',
      'missing-service: shop/web <- dangling-jump',
      'proxy-down: node-a',
      'duplicate-rules: shop/web',
    ]);
  });

  it('a deleted entry leaves a chain that nothing refers to: the missing service is the cause', () => {
    const chain = `KUBE-SVC-${chainHash('shop/cart:redis', 'tcp')}`;
    const view = nodeView({
      desired,
      observed: [[web, served]],
      owners,
      structures: [structure({ orphanedChains: excerpt({ table: 'nat', chain }) })],
    });
    expect(outline(findingsOf(view, checks))).toEqual([
      'missing-service: shop/cart',
      'orphaned-chains: shop/cart <- missing-service',
    ]);
  });

  it('two backends that disagree: the services are children in state unknown', () => {
    const view = nodeView({
      desired,
      observed: [
        [web, everyone(unreadable('order-not-visible'))],
        [cart, served],
      ],
      owners,
      structures: [structure(), structure({ backend: 'legacy' })],
    });
    const findings = findingsOf(view, checks);
    expect(outline(findings)).toEqual(['mixed-backends: node-a', 'mixed-backends: shop/web <- mixed-backends']);
    expect(findings.map(({ state }) => state)).toEqual(['firing', 'unknown']);
  });
});

describe('what lookups and connections come to', () => {
  const dns = 'udp 10.96.0.10:53';
  const [, replica] = replicas;
  const should = everyone(forwardTo(`${replica}:53`));
  /** Lookups at the Service's address are lost, and a replica answers. */
  const report = reported(dnsReport({ lookups: [lookup(silent), lookup({ by: 'backend', server: replica })] }));
  const name = { [dns]: 'kube-system/kube-dns:dns' };

  it('follows from the rules of the DNS Service', () => {
    const view = nodeView({ desired: [[dns, should]], observed: [], owners: name, parts: { dns: report } });
    expect(outline(findingsOf(view, checks))).toEqual([
      'dns-vip-failing: kube-system/kube-dns <- missing-service',
      'missing-service: kube-system/kube-dns',
    ]);
  });

  it('and does not where these are right, and those of another Service are not', () => {
    const view = nodeView({
      desired: [[dns, should], ...desired],
      observed: [
        [dns, should],
        [web, served],
      ],
      owners: { ...owners, ...name },
      parts: { dns: report },
    });
    expect(outline(findingsOf(view, checks))).toEqual([
      'dns-vip-failing: kube-system/kube-dns',
      'missing-service: shop/cart',
    ]);
  });

  it('follows from the rules of the Service that a probe connected to', () => {
    const key = 'tcp 10.96.0.5:5432';
    const known = world([]);
    const lost = probe({ by: 'service', node: '', address: address('10.96.0.5'), port: 5432, ...unanswered });
    const sketch = (observed: readonly Row[]) => ({
      ...nodeView({
        desired: [[key, everyone(forwardTo('10.244.2.3:5432'))]],
        ...{ observed, owners: { [key]: 'shop/db:pg' }, objects: known },
        parts: { probes: reported(probes({ results: [lost] })) },
      }),
      node: known.node('node-a'),
    });
    expect(outline(findingsOf(sketch([[key, everyone(forwardTo('10.244.2.9:5432'))]]), checks))).toEqual([
      'stale-endpoint: shop/db',
      'matrix-mismatch: shop/db <- stale-endpoint',
      'missing-endpoint: shop/db <- stale-endpoint',
    ]);
    expect(outline(findingsOf(sketch([[key, everyone(forwardTo('10.244.2.3:5432'))]]), checks))).toEqual([
      'matrix-mismatch: shop/db',
    ]);
  });
});

type Said = Pick<Violation, 'topics' | 'explainsTopics' | 'explains'> & { readonly frontends?: readonly string[] };

/** What checks said of one node, each with the check of its cause behind an arrow. */
function causesOf(...said: readonly (readonly [check: string, said: Said])[]): readonly string[] {
  const found = said.map(([check, { frontends = [], ...topics }]) => {
    const subject = { kind: 'Node', name: 'node-a' } as const;
    const words = { summary: '', evidence: [], remediation: [] };
    return { check, violation: { subject, ...words, ...topics, frontends: frontends.map(frontend) } };
  });
  const roots = rootCauses(found);
  return found.map((one) => {
    const root = roots.get(one);
    return `${one.check}${root === undefined ? '' : ` <- ${root.check}`}`;
  });
}

const webPod = 'pod shop/web-0';
const apiPod = 'pod shop/api-0';

describe('causes below Services', () => {
  it('a lost CNI configuration is the cause of all sandboxes and pods that wait for it', () => {
    expect(
      causesOf(
        ['cni-config-missing', { explainsTopics: 'all' }],
        ['sandbox-failing', { topics: [webPod, apiPod], explainsTopics: [webPod, apiPod] }],
        ['pod-without-ip', { topics: [webPod] }],
        ['peer-route-missing', { topics: ['peer node-b'] }],
      ),
    ).toEqual([
      'cni-config-missing',
      'sandbox-failing <- cni-config-missing',
      'pod-without-ip <- cni-config-missing',
      'peer-route-missing',
    ]);
  });

  it('explain only what speaks of nothing else', () => {
    expect(
      causesOf(
        ['sandbox-failing', { topics: [webPod], explainsTopics: [webPod] }],
        ['pod-without-ip', { topics: [webPod] }],
        ['pod-without-ip', { topics: [apiPod] }],
        ['pod-without-ip', { topics: [webPod, apiPod] }],
        ['pod-without-ip', { topics: [] }],
      ),
    ).toEqual(['sandbox-failing', 'pod-without-ip <- sandbox-failing', ...Array(3).fill('pod-without-ip')]);
  });

  it('explain what speaks of frontends too where they explain those as well', () => {
    const key = 'tcp 10.96.0.1:80';
    const explainsBoth = { explainsTopics: ['peer node-b'], explains: [frontend(key)] };
    const speaksOfBoth = { topics: ['peer node-b'], frontends: [key] };
    expect(causesOf(['bgp-down', explainsBoth], ['node-unreachable', speaksOfBoth])[1]).toBe(
      'node-unreachable <- bgp-down',
    );
    const { explains: _, ...topicsAlone } = explainsBoth;
    expect(causesOf(['bgp-down', topicsAlone], ['node-unreachable', speaksOfBoth])[1]).toBe('node-unreachable');
  });

  it('are the lowest there are: what hangs on an effect hangs on its cause', () => {
    const peer = { topics: ['peer node-b'], explainsTopics: ['peer node-b'] };
    expect(
      causesOf(
        ['node-unreachable', { topics: ['peer node-b'] }],
        ['peer-fdb-missing', peer],
        ['vtep-mac-drift', peer],
        ['tunnel-down', { explainsTopics: ['peer node-b', 'peer node-c'] }],
      ),
    ).toEqual([
      'node-unreachable <- tunnel-down',
      'peer-fdb-missing <- tunnel-down',
      'vtep-mac-drift <- tunnel-down',
      'tunnel-down',
    ]);
  });

  it.each([
    ['cni-config-ambiguous', 'cni-plugin-missing'],
    ['orphan-veth', 'pod-route-misdirected'],
    ['pod-route-misdirected', 'pod-unwired'],
    ['pod-unwired', 'pod-default-route'],
    ['pod-address-mismatch', 'pod-default-route'],
    ['tunnel-down', 'mtu-ladder'],
    ['bgp-down', 'peer-route-missing'],
    ['blackhole-route', 'peer-route-missing'],
    ['vtep-mac-drift', 'peer-fdb-missing'],
    ['peer-route-missing', 'rp-filter-strict'],
    ['ip-forward-off', 'node-unreachable'],
    ['rp-filter-strict', 'node-unreachable'],
    ['mtu-ladder', 'node-unreachable'],
    ['vxlan-checksum-offload', 'node-unreachable'],
  ])('%s is one of %s, and not the other way round', (cause, effect) => {
    const about = { topics: ['node'], explainsTopics: ['node'] };
    expect(causesOf([cause, about], [effect, about])).toEqual([cause, `${effect} <- ${cause}`]);
    expect(causesOf([effect, about], [cause, about])).toEqual([`${effect} <- ${cause}`, cause]);
  });

  it('have no cause themselves where they have effects, whichever three come together', () => {
    const ids = checks.flatMap(({ id, layer }) => (layer === 'L1' || layer === 'L2' ? [id] : []));
    const about = { topics: ['node'], explainsTopics: ['node'] };
    const chains = ids.flatMap((one, at) =>
      ids.slice(at + 1).flatMap((other, behind) =>
        ids.slice(at + behind + 2).flatMap((third) => {
          const said = causesOf([one, about], [other, about], [third, about]).map((words) => words.split(' <- '));
          const parents = said.flatMap(([, parent = '']) => (parent === '' ? [] : [parent]));
          return said.filter(([check = '', parent]) => parent !== undefined && parents.includes(check));
        }),
      ),
    );
    expect(ids.length).toBeGreaterThan(20);
    expect(chains).toEqual([]);
  });
});
