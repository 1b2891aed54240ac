/*
 * Each node gives addresses away out of its own range. Where two ranges overlap, two pods of two nodes get one address,
 * and every node sends packets for it to one of them (kubernetes#45001). The controller that gives ranges away never
 * makes them overlap; Nodes made by hand, restored from a backup or given `spec.podCIDR` by an installer may.
 */
import { type Family, familyOf, type Prefix } from '../../proto/address.ts';
import { prefixSet } from '../../proto/prefixes.ts';
import type { ClusterCheck, ClusterView } from '../model/check.ts';
import type { ClusterNode } from '../model/cluster.ts';
import type { Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { shellWord } from './shared/remedies.ts';
import { joined } from './shared/words.ts';

export const podCidrOverlap: ClusterCheck = {
  id: 'pod-cidr-overlap',
  layer: 'L2',
  scope: 'cluster',
  severity: 'critical',
  title: 'The pod ranges of two Nodes overlap',
  explanation: `Two Nodes have ranges (\`spec.podCIDRs\`) of which one holds addresses of the other. CNI plugins that work by these ranges give one address away on both nodes, and each node has one route for it: connections reach the wrong pod, or break off when a route changes.`,
  falsePositives: `The API's own words are compared, nothing else. CNI plugins with their own way of giving addresses away pass over these ranges; overlapping ones are a slip all the same, and hurt with the next plugin: so where Calico or Cilium says that it is at work on all of these Nodes, the severity is medium.`,
  remediation: `Drain the younger of the two nodes, delete its Node object and have its kubelet register again: the controller gives it a range that is free. A Node's range cannot be changed.`,
  needs: [],
  holdForSeconds: 30,
  clearForSeconds: 30,
  evaluate,
};

interface Held {
  readonly node: ClusterNode;
  readonly range: Prefix;
  readonly first: number | bigint;
  readonly last: number | bigint;
}

/** One finding for each node that overlaps with an older one. */
function evaluate({ objects }: ClusterView): readonly Violation[] {
  const held = [...objects.nodes()].flatMap((node) => node.podCIDRs.flatMap((range) => heldOf(node, range)));
  const clashes = (['ipv4', 'ipv6'] as const).flatMap((family) => overlapping(held, family));
  const byYounger = Map.groupBy(clashes, ({ younger }) => younger.node);
  return [...byYounger].map(([node, of]) => violation(node, of));
}

function heldOf(node: ClusterNode, range: Prefix): readonly Held[] {
  const { ipv4, ipv6 } = prefixSet([range]);
  return [...ipv4, ...ipv6].map(({ first, last }) => ({ node, range, first, last }));
}

interface Clash {
  readonly younger: Held;
  readonly older: Held;
}

/** Sorted by their beginning, a range overlaps with the one before that reaches farthest, or with none. */
function overlapping(all: readonly Held[], family: Family): readonly Clash[] {
  const sorted = all
    .filter(({ range }) => familyOf(range) === family)
    .sort((one, other) => (one.first < other.first ? -1 : one.first > other.first ? 1 : 0));
  const clashes: Clash[] = [];
  let farthest: Held | null = null;
  for (const one of sorted) {
    if (farthest !== null && one.first <= farthest.last && one.node !== farthest.node)
      clashes.push(byAge(one, farthest));
    if (farthest === null || one.last > farthest.last) farthest = one;
  }
  return clashes;
}

function byAge(one: Held, other: Held): Clash {
  const isYounger = (one.node.createdAt ?? '') >= (other.node.createdAt ?? '');
  return isYounger ? { younger: one, older: other } : { younger: other, older: one };
}

function violation(node: ClusterNode, clashes: readonly Clash[]): Violation {
  const others = clashes.map(({ older }) => `${older.range} of ${older.node.name}`);
  const name = shellWord(node.name);
  // Their annotations say so; by these ranges nothing is given away there, as far as anybody knows.
  const isUnused = [node, ...clashes.map(({ older }) => older.node)].every(hasOwnRanges);
  const outcome = isUnused
    ? 'it does no harm while Calico or Cilium gives addresses away by ranges of its own'
    : 'pods of both can get the same address';
  return {
    subject: { kind: 'Node', name: node.name },
    ...(isUnused ? { severity: 'medium' } : {}),
    summary: `The pod range of ${node.name}, ${joined([...new Set(clashes.map(({ younger }) => younger.range))])}, overlaps with ${joined(others)}: ${outcome}.`,
    evidence: [
      ...clashes
        .slice(0, 10)
        .map(({ younger, older }) => fact(younger.range, `overlaps with ${older.range} of ${older.node.name}`)),
      fact(`${node.name} since`, node.createdAt ?? 'not told'),
    ],
    remediation: [
      {
        command: `kubectl drain ${name} --ignore-daemonsets --delete-emptydir-data`,
        effect: `Moves the pods of ${node.name} to other nodes.`,
      },
      {
        command: `kubectl delete node ${name}`,
        effect: `Takes the Node away; restart the kubelet there, and it registers again with a range that is free.`,
      },
    ],
    frontends: [],
  };
}

function hasOwnRanges({ cni: { flannel, calico, cilium } }: ClusterNode): boolean {
  return flannel === null && (calico !== null || cilium !== null);
}
