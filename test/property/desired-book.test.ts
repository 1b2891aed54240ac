import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DesiredBook } from '../../aggregator/audit/desired-book.ts';
import { DriftMemo, tableDrift } from '../../aggregator/audit/bucket-drift.ts';
import { desiredState } from '../../aggregator/audit/desired.ts';
import { drift } from '../../aggregator/audit/drift.ts';
import { countEndpoints } from '../../aggregator/audit/service-ports.ts';
import { ServiceHistory } from '../../aggregator/audit/service-history.ts';
import type { DesiredState } from '../../aggregator/model/desired.ts';
import type { Drift } from '../../aggregator/model/drift.ts';
import { BucketTable, leavesOf, treeOf } from '../../proto/bucket-tree.ts';
import { entryDigest } from '../../proto/canonical.ts';
import type { Entry, FrontendKey } from '../../proto/forwarding.ts';
import { type ClusterStep, ClusterSoFar, clusterLife } from './cluster-changes.ts';

const options = { historyHours: 24, maxPast: 1000 };
const runs = { seed: 1, numRuns: 150 };

function tell(book: DesiredBook, step: ClusterStep, now: number): void {
  if (step.kind === 'node') book.setNode(step.name, step.node);
  else book.setService(step.key, step.version?.service ?? null, step.version?.slices ?? [], now);
}

function wantedOf(cluster: ClusterSoFar, name: string): DesiredState | null {
  const node = cluster.nodes.get(name);
  if (node === undefined) return null;
  return desiredState(cluster.state, { name, zone: node.apiNode.zone, profile: node.profile });
}

/** Everything the book says of a node's present, and that it knows its own leaves. */
function present(book: DesiredBook, name: string) {
  const said = book.desired(name);
  if (said === null) return null;
  const owners = new Map([...said.table.keys()].map((key) => [key, said.owner(key)]));
  expect(said.table.leaves.filter((leaf) => book.leaf(leaf.digest) !== leaf)).toEqual([]);
  if (said.table.size > 0) expect(book.tree(said.tree.root)?.root).toBe(said.tree.root);
  return { tree: said.tree, size: said.table.size, owners: new Map([...owners].sort()) };
}

function presentByFormula(cluster: ClusterSoFar, name: string) {
  const wanted = wantedOf(cluster, name);
  if (wanted === null) return null;
  const tree = treeOf(leavesOf(wanted.table).map(({ digest }) => digest));
  return { tree, size: wanted.table.size, owners: new Map([...wanted.owners].sort()) };
}

describe('the book, whatever happens to a cluster,', () => {
  it('says of every node what the formula says of it', () => {
    fc.assert(
      fc.property(clusterLife, fc.infiniteStream(fc.nat(4)), (steps, looks) => {
        const book = new DesiredBook(options);
        const cluster = new ClusterSoFar();
        for (const step of steps) {
          cluster.take(step);
          tell(book, step, 0);
          // Now and then one node is asked for, so that some are up to date and some are behind.
          const name = ['node-a', 'node-b', 'node-c'][looks.next().value ?? 0];
          if (name !== undefined) expect(present(book, name)).toEqual(presentByFormula(cluster, name));
        }
        for (const name of ['node-a', 'node-b', 'node-c']) {
          expect(present(book, name)).toEqual(presentByFormula(cluster, name));
        }
      }),
      runs,
    );
  });

  it('says the same in whatever order it heard of things', () => {
    fc.assert(
      fc.property(
        clusterLife.chain((steps) => {
          const last = new Map(steps.map((step) => [step.kind === 'node' ? step.name : step.key, step]));
          return fc.tuple(fc.constant(steps), fc.shuffledSubarray([...last.values()], { minLength: last.size }));
        }),
        ([steps, shuffled]) => {
          const [one, other] = [new DesiredBook(options), new DesiredBook(options)];
          for (const step of steps) tell(one, step, 0);
          for (const step of shuffled) tell(other, step, 0);
          for (const name of ['node-a', 'node-b', 'node-c']) expect(present(one, name)).toEqual(present(other, name));
        },
      ),
      runs,
    );
  });

  it('remembers of every frontend what the formula said at each time', () => {
    fc.assert(
      fc.property(clusterLife, (steps) => {
        const book = new DesiredBook(options);
        const cluster = new ClusterSoFar();
        for (const step of steps.filter(({ kind }) => kind === 'node')) {
          cluster.take(step);
          tell(book, step, 0);
        }
        book.relisted('services', 0);
        book.relisted('endpointslices', 0);
        const seen = new Map([...cluster.nodes.keys()].map((name) => [name, new Remembered()]));
        const remember = (now: number): void => {
          for (const [name, remembered] of seen) remembered.add(wantedOf(cluster, name), now);
        };
        remember(0);
        steps.forEach((step, index) => {
          if (step.kind === 'node') return;
          cluster.take(step);
          tell(book, step, index + 1);
          remember(index + 1);
        });
        for (const [name, remembered] of seen) {
          for (const key of remembered.keys) expect([...book.past(name, key)]).toEqual(remembered.past(key));
        }
      }),
      runs,
    );
  });

  it('counts endpoints as kube-proxy counts them', () => {
    fc.assert(
      fc.property(clusterLife, (steps) => {
        const history = new ServiceHistory(options);
        const cluster = new ClusterSoFar();
        for (const step of steps) {
          cluster.take(step);
          if (step.kind === 'service')
            history.set(step.key, step.version?.service ?? null, step.version?.slices ?? [], 0);
        }
        expect(history.endpoints).toEqual(countEndpoints(cluster.state));
      }),
      runs,
    );
  });
});

const nothingTaken = { route: { action: 'none' }, dress: null } as const;

function byKey(drifts: readonly Drift[]): readonly Drift[] {
  return [...drifts].sort((a, b) => (a.key < b.key ? -1 : 1));
}

describe('the difference of two tables, bucket by bucket,', () => {
  it('is that of the whole tables', () => {
    fc.assert(
      fc.property(clusterLife, fc.infiniteStream(fc.nat(9)), (steps, dice) => {
        const cluster = new ClusterSoFar();
        for (const step of steps) cluster.take(step);
        const tables = [...cluster.nodes.keys()].flatMap((name) => wantedOf(cluster, name)?.table ?? []);
        const memo = new DriftMemo(3);
        for (const wanted of tables) {
          for (const other of tables) {
            // Some entries say in so many words that nothing takes the packet, which is the same as no entry.
            const real = new Map<FrontendKey, Entry>();
            for (const [key, entry] of other) {
              const roll = dice.next().value;
              if (roll === 1) continue;
              const none = { pod: nothingTaken, node: nothingTaken, outside: nothingTaken };
              real.set(key, roll === 0 ? { ...entry, forwarding: none } : structuredClone(entry));
            }
            const [desired, observed] = [new BucketTable(leavesOf(wanted)), new BucketTable(leavesOf(real))];
            expect(byKey(tableDrift(desired, observed, memo))).toEqual(byKey(drift(wanted, real)));
            expect(byKey(tableDrift(desired, desired, memo))).toEqual(byKey(drift(wanted, wanted)));
          }
        }
        expect(memo.size).toBeLessThanOrEqual(3);
      }),
      runs,
    );
  });
});

/** The naive history: every frontend's digest at every time. */
class Remembered {
  readonly keys = new Set<FrontendKey>();
  readonly #times: { readonly at: number; readonly digests: ReadonlyMap<FrontendKey, string> }[] = [];

  add(wanted: DesiredState | null, at: number): void {
    const digests = new Map<FrontendKey, string>();
    for (const [key, { forwarding }] of wanted?.table ?? []) {
      digests.set(key, entryDigest(key, forwarding));
      this.keys.add(key);
    }
    this.#times.push({ at, digests });
  }

  past(key: FrontendKey) {
    const changes: { digest: string | null; from: number }[] = [];
    for (const { at, digests } of this.#times) {
      const digest = digests.get(key) ?? null;
      if (changes.at(-1)?.digest !== digest) changes.push({ digest, from: at });
    }
    const stretches = changes.map((change, index) => ({ ...change, until: changes[index + 1]?.from }));
    return stretches.filter(({ until }) => until !== undefined).reverse();
  }
}
