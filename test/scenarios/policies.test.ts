/**
 * NetworkPolicies (L5) over the pods and Services of recording s1, with one named change each: a fault, and beside it what
 * looks alike and is right. s1 has two policies of its own: payments/default-deny and shop/allow-web. The forms of the
 * others are those of the Kubernetes documentation ("Network Policies", "Default policies").
 */
import { describe, expect, it } from 'vitest';
import { toldBy } from './changed.ts';

const of = 's1-healthy/node-a';

type Json = Record<string, unknown>;
type Edit = (text: string) => string;

const items =
  (edit: (items: readonly Json[]) => readonly Json[]): Edit =>
  (text) => {
    const list = JSON.parse(text) as { items: Json[] };
    return JSON.stringify({ ...list, items: edit(list.items) });
  };

/** shop/allow-web with another spec. */
const allowWeb = (edit: (spec: Json) => Json): Readonly<Record<string, Edit>> => ({
  'networkpolicies.json': items((policies) =>
    policies.map((policy) =>
      (policy.metadata as Json).name === 'allow-web' ? { ...policy, spec: edit(policy.spec as Json) } : policy,
    ),
  ),
});

/** Every pod of a namespace changed. */
const podsOf = (namespace: string, edit: (pod: { metadata: Json; spec: Json; status: Json }) => Json): Edit =>
  items((pods) => pods.map((pod) => ((pod.metadata as Json).namespace === namespace ? edit(pod as never) : pod)));

describe('policy-denies-dns', () => {
  const egress = (more: Json) => allowWeb((spec) => ({ ...spec, policyTypes: ['Ingress', 'Egress'], ...more }));

  it('egress is denied by default, and DNS was forgotten', async () => {
    expect(await toldBy('policy-denies-dns', { of, api: egress({}) })).toEqual(['high shop/allow-web']);
  });

  it('the same with DNS allowed is right', async () => {
    const to = [{ namespaceSelector: {}, podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } } }];
    expect(await toldBy('policy-denies-dns', { of, api: egress({ egress: [{ to }] }) })).toEqual([]);
  });
});

describe('policy-port-after-dnat', () => {
  const port = (number: number) =>
    allowWeb((spec) => ({ ...spec, ingress: [{ from: [{ namespaceSelector: {} }], ports: [{ port: number }] }] }));

  it("the rule names the Service's port 80, and the pods listen at 8080", async () => {
    expect(await toldBy('policy-port-after-dnat', { of, api: port(80) })).toEqual(['high shop/allow-web']);
  });

  it("a port that is no Service's is somebody's own affair", async () => {
    expect(await toldBy('policy-port-after-dnat', { of, api: port(8081) })).toEqual([]);
  });
});

describe('policy-selects-nothing', () => {
  const selecting = (app: string) => allowWeb((spec) => ({ ...spec, podSelector: { matchLabels: { app } } }));

  it('a slip of the pen: app=wbe', async () => {
    expect(await toldBy('policy-selects-nothing', { of, api: selecting('wbe') })).toEqual(['medium shop/allow-web']);
  });

  it('pods that nothing resembles may come', async () => {
    expect(await toldBy('policy-selects-nothing', { of, api: selecting('checkout') })).toEqual([]);
  });
});

describe('policy-blocks-probes', () => {
  const probed = (ready: boolean): Edit =>
    podsOf('payments', ({ metadata, spec, status }) => ({
      metadata,
      spec: {
        ...spec,
        containers: (spec.containers as Json[]).map((one) => ({
          ...one,
          readinessProbe: { tcpSocket: { port: 7000 } },
        })),
      },
      status: { ...status, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
    }));

  it('no pod of the namespace becomes ready, and no rule lets their kubelet in', async () => {
    expect(await toldBy('policy-blocks-probes', { of, api: { 'pods.json': probed(false) } })).toEqual([
      'medium payments/default-deny',
    ]);
  });

  it('the same pods are ready: the plugin lets the kubelet in', async () => {
    expect(await toldBy('policy-blocks-probes', { of, api: { 'pods.json': probed(true) } })).toEqual([]);
  });
});

describe('first-policy-isolates', () => {
  const since = (time: string): Edit =>
    podsOf('payments', ({ metadata, ...pod }) => ({ ...pod, metadata: { ...metadata, creationTimestamp: time } }));

  it('Services that are open to the outside were there for hours before', async () => {
    expect(await toldBy('first-policy-isolates', { of, api: { 'pods.json': since('2026-11-22T04:00:00Z') } })).toEqual([
      'medium payments/default-deny',
    ]);
  });

  it('pods that came together with their policy never had other clients', async () => {
    expect(await toldBy('first-policy-isolates', { of, api: { 'pods.json': since('2026-11-22T07:29:00Z') } })).toEqual(
      [],
    );
  });
});

describe('policy-not-enforced', () => {
  it('the plugin bridge enforces nothing', async () => {
    const api = { 'namespaces.json': items((all) => [...all, { metadata: { name: 'more' } }]) };
    expect(await toldBy('policy-not-enforced', { of, api })).toEqual(['high NetworkPolicies']);
  });

  it('a controller of policies runs beside it', async () => {
    const api = {
      'pods.json': items((pods) => [
        ...pods,
        {
          metadata: { namespace: 'kube-system', name: 'kube-network-policies-7x2lp', uid: 'knp' },
          spec: { nodeName: 'node-a' },
        },
      ]),
    };
    expect(await toldBy('policy-not-enforced', { of, api })).toEqual([]);
  });
});
