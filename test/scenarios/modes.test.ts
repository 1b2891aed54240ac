/**
 * One Service on nodes of different modes: what recorded nodes really do, and what nodes of random clusters should do,
 * held against what each other mode would do in their place. Equal routes, but for the differences of
 * test/mode-differences.ts.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { observe } from '../../agent/observe.ts';
import { recordedHost } from '../../agent/recorded-host.ts';
import { desiredState } from '../../aggregator/audit/desired.ts';
import type { ClusterState } from '../../aggregator/model/cluster.ts';
import type { DesiredState } from '../../aggregator/model/desired.ts';
import { readApiFolder } from '../../cli/audit/api-folder.ts';
import { routeDigest, routeText } from '../../proto/canonical.ts';
import { type ForwardingTable, type FrontendKey, type Origin, origins } from '../../proto/forwarding.ts';
import type { NodeProfile } from '../../proto/profile.ts';
import { valueOr } from '../../proto/profile.ts';
import { known } from '../builders.ts';
import {
  type AskedNode,
  differencesAt,
  type KubeProxyMode,
  type ModeDifference,
  modeDifferences,
} from '../mode-differences.ts';
import { randomCluster } from '../property/cluster-arbitrary.ts';
import { iptablesProfile } from '../property/iptables-profile.ts';
import { recordingFolder } from '../recordings.ts';

const modes: readonly KubeProxyMode[] = ['iptables', 'nftables', 'ipvs'];

/** What kube-proxy of another mode should do on the very same node. */
function inMode(mode: KubeProxyMode, state: ClusterState, name: string, profile: NodeProfile): DesiredState {
  const zone = state.nodes.find((node) => node.name === name)?.zone ?? null;
  return desiredState(state, { name, zone, profile: { ...profile, mode: known(mode) } });
}

/** The frontends at which two tables route differently, each with the origins that fare differently there. */
function differing(one: ForwardingTable, other: ForwardingTable) {
  return [...new Set([...one.keys(), ...other.keys()])].sort().flatMap((key) => {
    const [a, b] = [one.get(key)?.forwarding, other.get(key)?.forwarding];
    if (a === undefined || b === undefined) return [{ key, origins }];
    if (routeDigest(a) === routeDigest(b)) return [];
    return [{ key, origins: origins.filter((origin) => routeText(a[origin].route) !== routeText(b[origin].route)) }];
  });
}

interface Difference {
  readonly key: FrontendKey;
  readonly origins: readonly Origin[];
}

/** Why two modes may differ at a frontend: each as far as it differs from iptables mode. Null where nothing says why. */
function reasonsAt(
  { key, origins: affected }: Difference,
  pair: readonly KubeProxyMode[],
  { wanted: { table, owners }, node }: { readonly wanted: DesiredState; readonly node: AskedNode },
): readonly string[] | null {
  const frontend = table.get(key)?.frontend;
  const owner = owners.get(key);
  if (frontend === undefined || owner === undefined) return null;
  const perOrigin = affected.map((origin) =>
    pair.flatMap((mode) => differencesAt({ frontend, owner, origin, mode }, node)),
  );
  return perOrigin.some((reasons) => reasons.length === 0) ? null : [...new Set(perOrigin.flat())].sort();
}

const recordings: readonly (readonly [string, string, KubeProxyMode])[] = [
  ['s1-healthy', 'node-a', 'iptables'],
  ['s1-healthy', 'node-b', 'iptables'],
  ['s1-healthy', 'node-c', 'nftables'],
  ['s6-ipvs-healthy', 'node-d', 'ipvs'],
];

const withLocalEndpoints = {
  'no short-circuit for pods and the node': 6,
  'own packets are rejected too': 2,
  'source ranges do not bind the node': 2,
};
const withFewLocalEndpoints = {
  'all endpoints serve where none is local': 5,
  'no short-circuit for pods and the node': 1,
  'nothing is dropped for want of local endpoints': 1,
  'source ranges do not bind the node': 2,
};
const withoutPods = {
  'all endpoints serve where none is local': 6,
  'nothing is dropped for want of local endpoints': 1,
  'source ranges do not bind the node': 2,
};

/** At how many frontends of a recorded node another mode would route otherwise, and why. */
const recordedDifferences: Readonly<Record<string, Readonly<Partial<Record<ModeDifference, number>>>>> = {
  'node-a nftables': { 'own packets are rejected too': 2 },
  'node-a ipvs': withLocalEndpoints,
  'node-b nftables': { 'own packets are rejected too': 2 },
  'node-b ipvs': withLocalEndpoints,
  'node-c iptables': { 'own packets are rejected too': 2 },
  'node-c ipvs': withFewLocalEndpoints,
  'node-d iptables': { ...withoutPods, 'own packets are rejected too': 2 },
  'node-d nftables': withoutPods,
};

describe.each(recordings)('%s, %s in %s mode', async (scenario, name, real) => {
  const api = readApiFolder(join(recordingFolder(scenario), 'api'), 'compare the modes');
  if (!api.ok) throw new Error(api.refusal.cameBack);
  const state = api.value;
  const { profile, parts } = await observe(recordedHost(join(recordingFolder(scenario), name)));
  if (parts.forwarding.state !== 'ok') throw new Error('the rules were not read');
  const observed = parts.forwarding.value.table;
  const node: AskedNode = { state, nodeName: name, localAddresses: valueOr(profile.localAddresses, []) };

  it.each(modes)('routes as %s mode would, but for what differs on purpose', (mode) => {
    const wanted = inMode(mode, state, name, profile);
    const counts: Partial<Record<string, number>> = {};
    for (const difference of differing(observed, wanted.table)) {
      const reasons = reasonsAt(difference, [real, mode], { wanted, node });
      const reason = reasons?.join(', ') ?? `no reason at ${difference.key}`;
      counts[reason] = (counts[reason] ?? 0) + 1;
    }
    expect(counts).toEqual(recordedDifferences[`${name} ${mode}`] ?? {});
  });
});

describe('random clusters', () => {
  /** Some load-balancer addresses are external IPs as well. */
  const clusters = fc.tuple(randomCluster(4), fc.boolean()).map(([cluster, isTwice]) => {
    const services = cluster.state.services.map((service) => ({
      ...service,
      externalIPs: [...service.externalIPs, ...(isTwice ? service.loadBalancerIngress.map((one) => one.address) : [])],
    }));
    return { ...cluster, state: { ...cluster.state, services } };
  });

  it('are routed alike by all modes, but for what differs on purpose; and each of that is met', () => {
    const met = new Set<string>();
    fc.assert(
      fc.property(clusters, ({ state, node }) => {
        const profile = iptablesProfile(node);
        const reference = inMode('iptables', state, node.nodeName, profile);
        for (const mode of modes) {
          const { table } = inMode(mode, state, node.nodeName, profile);
          for (const difference of differing(reference.table, table)) {
            const reasons = reasonsAt(difference, [mode], { wanted: reference, node: { ...node, state } });
            expect({ difference, mode, reasons }).toEqual({ difference, mode, reasons: expect.any(Array) });
            for (const reason of reasons ?? []) met.add(`${mode}: ${reason}`);
          }
        }
      }),
      { seed: 1, numRuns: 150 },
    );
    const all = Object.entries(modeDifferences).flatMap(([reason, { modes: differ }]) =>
      differ.map((mode) => `${mode}: ${reason}`),
    );
    expect([...met].sort()).toEqual(all.sort());
  });
});

describe('docs/modes.md', () => {
  it('has a row for each difference, in this order', () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/modes.md'), 'utf8');
    const [, section = ''] = page.split('## Routes that differ on purpose');
    const rows = [...(section.split('\n## ')[0] ?? '').matchAll(/^\| ([^|]+) \|/gm)].map(([, first]) => first);
    expect(rows.slice(2)).toEqual(Object.keys(modeDifferences));
  });
});
