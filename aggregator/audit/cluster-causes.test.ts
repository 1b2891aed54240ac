/**
 * A flannel overlay of three nodes, with a replica of cluster DNS on node-a and one on node-b. Of the second nobody but its
 * own node hears anything: what else the nodes show says whose fault that is.
 */
import { describe, expect, it } from 'vitest';
import { slice } from '../../test/builders.ts';
import { dnsReport, dnsSnapshot, failed, lookup, replicas, silent } from '../../test/dns-node.ts';
import { flannelParts } from '../../test/flannel-node.ts';
import {
  flannelWord,
  listed,
  nameOf,
  numberedNode,
  probe,
  probes,
  reportOf,
  unanswered,
} from '../../test/network-builders.ts';
import { nodeView, objects, reported } from '../../test/view-builders.ts';
import { networkOf } from '../../test/wired-node.ts';
import type { Lookup, NodeParts } from '../../proto/parts.ts';
import { checks } from '../checks/index.ts';
import type { Pod } from '../model/cluster.ts';
import { evaluateCluster } from './evaluate.ts';

const numbers = [1, 2, 3];
const [first, second] = replicas;
const held = { link: 'eth0', address: second, prefixLength: 24 };
const at = (server: Lookup['server'], changes: Partial<Lookup> = {}) => lookup({ by: 'backend', server, ...changes });

interface Sketch {
  /** What comes of lookups at the second replica, by node; silence unless said. */
  readonly seen?: Readonly<Record<string, Partial<Lookup>>>;
  /** What comes of them at the first; answers unless said. */
  readonly ofFirst?: Partial<Lookup>;
  /** How the replicas are, where none is ready. */
  readonly waiting?: readonly Partial<Pod>[];
  /** Parts that differ from those of a sound node. */
  readonly parts?: Readonly<Record<string, Partial<NodeParts>>>;
}

/** The check and node of the cause of what is said about the second replica; null where there is none. */
function causeOf(
  { seen = {}, ofFirst = {}, waiting, parts = {} }: Sketch,
  about = 'dns-replica-failing',
): string | null {
  const { services = [], endpointSlices = [], pods } = dnsSnapshot();
  const cluster = objects({
    services,
    endpointSlices:
      waiting === undefined ? endpointSlices : [slice('kube-system/kube-dns').port(53, 'dns', 'udp').built],
    pods: (pods ?? []).map((pod, index) => ({ ...pod, ...waiting?.[index] })),
    ...{ networkPolicies: [], foreignPolicies: [], namespaces: [] },
    nodes: numbers.map((number) => numberedNode(number, { cni: flannelWord(number) })),
  });
  const all = new Map(
    numbers.map((number) => {
      const name = nameOf(number);
      const own = seen[name] ?? (name === 'node-b' ? {} : silent);
      const dns = reported(dnsReport({ lookups: [at(first, ofFirst), at(second, own)] }));
      return [name, { ...flannelParts(number), dns, ...parts[name] }] as const;
    }),
  );
  const nodes = [...all].map(([name, own]) => {
    const view = nodeView({ name, objects: cluster, parts: own, peers: Object.fromEntries(all) });
    return { ...view, node: cluster.node(name) };
  });
  const { findings } = evaluateCluster({ nodes, objects: cluster }, checks);
  const found = findings.find(({ check }) => check === about);
  if (found === undefined) throw new Error(`${about} says nothing`);
  const cause = findings.find(({ fingerprint }) => fingerprint === found.parent);
  return cause === undefined ? null : `${cause.check} on ${cause.node}`;
}

/** The routes of a node but those to the pods of node-b. */
function withoutWay(number: number): Partial<NodeParts> {
  const known = reportOf(flannelParts(number), 'routes').routes.first;
  const kept = known.filter(({ destination }) => destination !== '10.244.2.0/24');
  return { routes: reported({ routes: listed(kept), rules: null }) };
}

/** The links of node-b, with its overlay device switched off. */
function overlayDown(): Partial<NodeParts> {
  const known = reportOf(flannelParts(2), 'links').links.first;
  const changed = known.map((one) =>
    one.name === 'flannel.1' ? { ...one, isUp: false, state: 'down' as const } : one,
  );
  return { links: reported({ links: listed(changed) }) };
}

/** The second replica as its own namespace shows it: without a default route. */
const withoutRoute: Partial<NodeParts> = {
  podNetworks: reported({
    pods: listed([networkOf(2, { uid: 'uid-of-coredns-2', addresses: [held], defaultRoutes: [] })]),
    unread: 0,
    problem: null,
  }),
};

describe('a replica of cluster DNS that is not heard on other nodes', () => {
  it('is its own fault where nothing else is known', () => {
    expect(causeOf({})).toBeNull();
  });

  it("is cut off where its node's overlay device is down", () => {
    expect(causeOf({ parts: { 'node-b': overlayDown() } })).toBe('tunnel-down on node-b');
  });

  it('is cut off where each of them has lost the way to its node', () => {
    expect(causeOf({ parts: { 'node-a': withoutWay(1), 'node-c': withoutWay(3) } })).toBe(
      'peer-route-missing on node-a',
    );
  });

  it.each([{}, { 'node-b': silent }])(
    'is cut off where its own namespace has no way out, whoever hears it: %j',
    (seen) => {
      expect(causeOf({ seen, parts: { 'node-b': withoutRoute } })).toBe('pod-default-route on node-b');
    },
  );

  it('fails where one of them has lost the way, and the other has not', () => {
    expect(causeOf({ parts: { 'node-a': withoutWay(1) } })).toBeNull();
  });

  it('fails where its own node hears nothing either, which needs no way', () => {
    const seen = { 'node-b': silent };
    expect(causeOf({ seen, parts: { 'node-b': overlayDown() } })).toBeNull();
    expect(causeOf({ seen, parts: { 'node-a': withoutWay(1), 'node-c': withoutWay(3) } })).toBeNull();
  });

  it('fails where it answers one of them, with an error: the way is there', () => {
    const seen = { 'node-a': failed, 'node-c': failed };
    expect(causeOf({ seen, parts: { 'node-b': overlayDown() } })).toBeNull();
  });
});

describe('cluster DNS of which no replica is heard', () => {
  const seen = { 'node-b': silent };
  const cutOff = (number: 1 | 2): Partial<NodeParts> => {
    const [uid, own] = number === 1 ? ['uid-of-coredns-1', first] : ['uid-of-coredns-2', second];
    const addresses = [{ ...held, address: own }];
    const pods = listed([networkOf(2, { uid, addresses, defaultRoutes: [] })]);
    return { podNetworks: reported({ pods, unread: 0, problem: null }) };
  };

  it('is cut off where each of them is, by the cause of the first', () => {
    const parts = { 'node-a': cutOff(1), 'node-b': cutOff(2) };
    expect(causeOf({ seen, ofFirst: silent, parts })).toBe('pod-default-route on node-a');
  });

  it('is its own fault where one of them is wired', () => {
    expect(causeOf({ seen, ofFirst: silent, parts: { 'node-b': cutOff(2) } })).toBeNull();
  });

  it('is its own fault where one of them answers, with an error', () => {
    const parts = { 'node-a': cutOff(1), 'node-b': cutOff(2) };
    expect(causeOf({ seen, ofFirst: failed, parts })).toBeNull();
  });
});

describe('cluster DNS of which no replica is ready', () => {
  const waits = { ready: false, phase: 'Pending', addresses: [], startedAt: '2026-11-22T07:00:00Z' } as const;
  const crashes = { ready: false, waitingReason: 'CrashLoopBackOff' } as const;
  const cause = (...waiting: readonly Partial<Pod>[]) => causeOf({ waiting }, 'dns-no-endpoints');

  it('waits for the network of its nodes, where all of them wait for one', () => {
    expect(cause(waits, waits)).toBe('pod-without-ip on node-a');
  });

  it('is its own fault where one of them has a network, and crashes', () => {
    expect(cause(waits, crashes)).toBeNull();
  });

  it('is its own fault where they are on no node yet', () => {
    expect(cause({ ...waits, nodeName: null }, { ...waits, nodeName: null })).toBeNull();
  });
});

describe('a pod elsewhere to which a node cannot connect, though no policy forbids it', () => {
  /** What node-a has seen of it. */
  const lost = {
    probes: reported(
      probes({ results: [probe({ by: 'endpoint', node: '', address: second, port: 53, ...unanswered })] }),
    ),
  };
  const cause = (parts: Sketch['parts'] = {}) =>
    causeOf({ parts: { ...parts, 'node-a': { ...parts['node-a'], ...lost } } }, 'matrix-mismatch');

  it('is dropped by what the API does not show, as far as is known', () => {
    expect(cause()).toBeNull();
  });

  it('is not wired on its node', () => {
    expect(cause({ 'node-b': withoutRoute })).toBe('pod-default-route on node-b');
  });

  it('is cut off with its node', () => {
    expect(cause({ 'node-b': overlayDown() })).toBe('tunnel-down on node-b');
  });

  it('is where this node has lost the way to', () => {
    expect(cause({ 'node-a': withoutWay(1) })).toBe('peer-route-missing on node-a');
    expect(cause({ 'node-c': withoutWay(3) })).toBeNull();
  });
});
