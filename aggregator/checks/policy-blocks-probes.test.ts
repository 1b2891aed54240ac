import { describe, expect, it } from 'vitest';
import { pods, policy, type PolicySpec, world } from '../../test/policy-world.ts';
import type { Pod } from '../model/cluster.ts';
import { policyBlocksProbes } from './policy-blocks-probes.ts';

const db = { podSelector: { matchLabels: { app: 'db' } }, policyTypes: ['Ingress'] };
const probed: Partial<Pod> = { ready: false, kubeletProbes: [{ kind: 'readiness', port: 5432 }] };
const told = (spec: PolicySpec, changes: Partial<Pod> = probed, more: readonly Pod[] = []) => {
  const changed = [...pods.map((pod) => (pod.name === 'db' ? { ...pod, ...changes } : pod)), ...more];
  const objects = world([policy('shop/p', spec)], { pods: changed });
  return policyBlocksProbes.evaluate({ nodes: [], objects }).map(({ summary }) => summary);
};
const letting = (peer: object | null, port = 5432) => ({
  ...db,
  ingress: [{ ...(peer === null ? {} : { from: [peer] }), ports: [{ port }] }],
});

describe('policy-blocks-probes', () => {
  it('the only pod is not ready, and no rule lets its node in', () => {
    expect(told(db)).toEqual([
      "1 pod of shop (pod db) that shop/p isolates is running and not ready, and no rule lets the kubelet in at port 5432: if the network plugin does not exempt a pod's own node, that is why.",
    ]);
    expect(told(letting({ podSelector: {} }))).toHaveLength(1);
  });

  it('nothing where another shut pod is ready: its kubelet is let in', () => {
    const all = { podSelector: {}, policyTypes: ['Ingress'] };
    const ready = pods.map((pod) => ({ ...pod, kubeletProbes: [{ kind: 'readiness', port: 8080 } as const] }));
    expect(
      told(
        all,
        probed,
        ready.filter(({ name }) => name === 'bare').map((pod) => ({ ...pod, name: 'well' })),
      ),
    ).toEqual([]);
  });

  it('nothing where Calico is at work', () => {
    const [system] = pods.filter(({ namespace }) => namespace === 'kube-system');
    expect(told(db, probed, system === undefined ? [] : [{ ...system, name: 'calico-node-x2x4z' }])).toEqual([]);
  });

  it.each<readonly [string, PolicySpec, Partial<Pod>]>([
    ['it is ready', db, { ...probed, ready: true }],
    ['it is probed by a command', db, { ready: false }],
    ['it is starting', db, { ...probed, phase: 'Pending' }],
    ['everybody is let in at the port', letting(null), probed],
    ["a block holds the node's address", letting({ ipBlock: { cidr: '192.168.100.0/24' } }), probed],
    ['only egress is isolated', { ...db, policyTypes: ['Egress'] }, probed],
  ])('nothing where %s', (_, spec, changes) => {
    expect(told(spec, changes)).toEqual([]);
  });
});
