/** What is asked for now and then: policies that are not judged, and the configuration of cluster DNS. */
import { describe, expect, it } from 'vitest';
import { ManualTiming } from '../../test/manual-timing.ts';
import { ApiClient } from './api-client.ts';
import type { ApiRequest, ApiTransport } from './api-transport.ts';
import {
  dnsConfigurationQuestions,
  dnsConfigurationsEveryMs,
  foreignPoliciesEveryMs,
  foreignPolicyQuestions,
} from './asked-kinds.ts';
import { AskedObjects } from './asked-objects.ts';

/** A server that answers these paths, and 404 elsewhere; a number is a status. */
function asked(kind: 'foreign' | 'dns', answers: Map<string, unknown>) {
  const timing = new ManualTiming();
  const requests: string[] = [];
  const transport: ApiTransport = {
    server: 'https://192.0.2.10:6443',
    close: async () => undefined,
    send: async ({ path }: ApiRequest) => {
      const bare = path.replace(/\?.*/, '');
      requests.push(path);
      const answer = answers.get(bare) ?? 404;
      const [status, body] = typeof answer === 'number' ? [answer, { kind: 'Status', message: 'no' }] : [200, answer];
      const pieces = (async function* () {
        yield Buffer.from(JSON.stringify(body));
      })();
      return { ok: true as const, response: { status, header: () => null, body: pieces } };
    },
  };
  const told = { warnings: [] as string[], changes: 0 };
  const common = {
    client: new ApiClient(transport, timing),
    timing,
    warn: (message: string) => told.warnings.push(message),
    changed: () => {
      told.changes++;
    },
  };
  const objects =
    kind === 'dns'
      ? new AskedObjects({ ...common, questions: dnsConfigurationQuestions, everyMs: dnsConfigurationsEveryMs })
      : new AskedObjects({ ...common, questions: foreignPolicyQuestions, everyMs: foreignPoliciesEveryMs });
  const run = objects.run();
  const stop = async () => {
    objects.stop();
    await run;
  };
  return { objects, timing, requests, told, stop };
}

const configMaps = '/api/v1/namespaces/kube-system/configmaps';
const corefileMap = (Corefile: unknown) => ({
  metadata: { namespace: 'kube-system', name: 'coredns' },
  data: { Corefile },
});
const fresh = { fresh: true, because: null };

describe('policies of other kinds', () => {
  it('are none where no such kind is installed, which is known and no trouble', async () => {
    const { objects, timing, requests, told, stop } = asked('foreign', new Map());
    await timing.pass(0);
    expect([objects.objects, objects.health(), told]).toEqual([
      [],
      { ...fresh, ageMs: 0 },
      { warnings: [], changes: 1 },
    ]);
    expect(requests).toEqual([
      '/apis/cilium.io/v2/ciliumnetworkpolicies?limit=500',
      '/apis/cilium.io/v2/ciliumclusterwidenetworkpolicies?limit=500',
      '/apis/crd.projectcalico.org/v1/networkpolicies?limit=500',
      '/apis/crd.projectcalico.org/v1/globalnetworkpolicies?limit=500',
      '/apis/policy.networking.k8s.io/v1alpha1/adminnetworkpolicies?limit=500',
      '/apis/policy.networking.k8s.io/v1alpha1/baselineadminnetworkpolicies?limit=500',
      '/apis/policy.networking.k8s.io/v1alpha2/clusternetworkpolicies?limit=500',
    ]);
    await timing.pass(599);
    expect(requests.length).toBe(7);
    await timing.pass(2);
    expect([requests.length, told.changes]).toEqual([14, 1]);
    await stop();
  });

  it('are told by kind, namespace and name alone', async () => {
    const answers = new Map<string, unknown>([
      [
        '/apis/cilium.io/v2/ciliumnetworkpolicies',
        { items: [{ metadata: { namespace: 'shop', name: 'l7' }, spec: {} }] },
      ],
      ['/apis/crd.projectcalico.org/v1/globalnetworkpolicies', { items: [{ metadata: { name: 'default.deny' } }, {}] }],
    ]);
    const { objects, timing, told, stop } = asked('foreign', answers);
    await timing.pass(0);
    expect(objects.objects).toEqual([
      { kind: 'CiliumNetworkPolicy', namespace: 'shop', name: 'l7' },
      { kind: 'GlobalNetworkPolicy.crd.projectcalico.org', namespace: null, name: 'default.deny' },
    ]);
    answers.delete('/apis/cilium.io/v2/ciliumnetworkpolicies');
    await timing.pass(600);
    expect([objects.objects.length, told.changes]).toEqual([1, 2]);
    await stop();
  });

  it('that may not be read are not known, without a word in the log', async () => {
    const { objects, timing, told, stop } = asked(
      'foreign',
      new Map([['/apis/cilium.io/v2/ciliumnetworkpolicies', 403]]),
    );
    await timing.pass(0);
    expect([objects.health().fresh, objects.health().because?.includes('403'), told.warnings]).toEqual([
      false,
      true,
      [],
    ]);
    await stop();
  });

  it('stay as they were while the server fails, which is told once and asked again in a minute', async () => {
    const path = '/apis/cilium.io/v2/ciliumnetworkpolicies';
    const policies = { items: [{ metadata: { namespace: 'shop', name: 'l7' } }] };
    const answers = new Map<string, unknown>([[path, policies]]);
    const { objects, timing, told, stop } = asked('foreign', answers);
    await timing.pass(0);
    answers.set(path, 500);
    await timing.pass(660);
    expect([objects.objects.length, objects.health().fresh, told.warnings.length]).toEqual([1, false, 1]);
    answers.set(path, policies);
    await timing.pass(60);
    expect(objects.health()).toEqual({ ...fresh, ageMs: 0 });
    await stop();
  });

  it('in an answer that is no list are not known', async () => {
    const { objects, timing, stop } = asked(
      'foreign',
      new Map([['/apis/cilium.io/v2/ciliumnetworkpolicies', { x: 1 }]]),
    );
    await timing.pass(0);
    expect(objects.health().because).toContain('the answer is no list of CiliumNetworkPolicy');
    await stop();
  });
});

describe('the configuration of cluster DNS', () => {
  it('is a few ConfigMaps by their names, and no other', async () => {
    const answers = new Map<string, unknown>([
      [`${configMaps}/coredns`, corefileMap('. {\n  errors\n}')],
      [`${configMaps}/node-local-dns`, 403],
    ]);
    const { objects, timing, requests, told, stop } = asked('dns', answers);
    await timing.pass(0);
    const names = ['coredns', 'rke2-coredns-rke2-coredns', 'coredns-custom', 'node-local-dns'];
    expect(requests).toEqual(names.map((name) => `${configMaps}/${name}`));
    expect([objects.health().fresh, told]).toEqual([false, { warnings: [], changes: 1 }]);
    answers.delete(`${configMaps}/node-local-dns`);
    await timing.pass(60);
    expect([objects.objects, objects.health().fresh, told.changes]).toEqual([
      [{ namespace: 'kube-system', name: 'coredns', files: { Corefile: '. {\n  errors\n}' } }],
      true,
      2,
    ]);
    await stop();
  });

  it('is kept without lines that may hold a secret, its blocks whole, and cut where it is too long', async () => {
    const text = `corp {\n  etcd { # token\n    credentials me secret\n  }\n}\n${'#'.repeat(70_000)}`;
    const { objects, timing, stop } = asked('dns', new Map([[`${configMaps}/coredns`, corefileMap(text)]]));
    await timing.pass(0);
    const [map] = objects.objects;
    const kept = map !== undefined && 'files' in map ? (map.files.Corefile ?? '') : '';
    expect(kept.startsWith('corp {\n  (left out) {\n    (left out)\n  }\n}\n###')).toBe(true);
    expect([kept.endsWith('###\n(left out)'), kept.length < 65_536]).toEqual([true, true]);
    await stop();
  });

  it('that cannot be read is not known', async () => {
    const { objects, timing, stop } = asked('dns', new Map([[`${configMaps}/coredns`, corefileMap(7)]]));
    await timing.pass(0);
    expect(objects.health().because).toContain('ConfigMap kube-system/coredns: data.Corefile is 7, expected a string');
    await stop();
  });
});
