/**
 * The desired table of one standing, laid over that of the more common standing above it. A class has a whole table; a
 * zone and a node have only what differs there, and share every other leaf with what lies below. Nothing is worked out
 * before somebody asks, and then only the leaves that changed.
 *
 *     class   |..................................|   1,024 leaves
 *     zone    |     ...         ....             |   Services with hints for this zone
 *     node    |  .   .                     .     |   Services with an endpoint here, addresses of this node
 */
import type { Leaf, TreeDigests } from '../../proto/bucket-tree.ts';
import { BucketTable, childrenDigest, emptyLeaf, leafCount, leafIndexOf, treeOf } from '../../proto/bucket-tree.ts';
import type { Entry, FrontendKey } from '../../proto/forwarding.ts';
import type { DesiredOwner } from '../model/desired.ts';
import { claimNow } from './claims.ts';
import type { LeafRegister } from './leaf-register.ts';
import type { ServiceHistory, ServiceRecord } from './service-history.ts';
import { presentOf } from './service-history.ts';
import type { ServiceState } from './service-state.ts';
import type { Standing } from './standing.ts';
import type { AskedFrontend } from './wishes.ts';

/** What one node should do now. Nodes of which the same is wanted share the very object. */
export interface DesiredNodeTable {
  readonly table: BucketTable;
  readonly tree: TreeDigests;
  /** Who asks for a frontend; null where nobody does. */
  owner(key: FrontendKey): DesiredOwner | null;
}

export interface LayerSources {
  readonly history: ServiceHistory;
  readonly register: LeafRegister;
}

const noLeaves: readonly Leaf[] = Array.from({ length: leafCount }, () => emptyLeaf);
const nothing: DesiredNodeTable = {
  table: new BucketTable(noLeaves),
  tree: treeOf(noLeaves.map(({ digest }) => digest)),
  owner: () => null,
};

export class DesiredLayer {
  readonly standing: Standing;
  readonly #below: DesiredLayer | null;
  readonly #sources: LayerSources;
  /** The Services that are asked for here anew, each with the frontends that it had when that was found. */
  readonly #placed = new Map<ServiceRecord, readonly AskedFrontend[]>();
  /** Their frontends by leaf, each with the number of those Services that ask for it. */
  readonly #own = new Map<number, Map<FrontendKey, number>>();
  /** The leaves that were made here, and what they were laid over. */
  readonly #made = new Map<number, { readonly base: Leaf; readonly leaf: Leaf }>();
  readonly #dirty = new Set<number>();
  /** The number of the next change that is not looked at yet; null before the first look. */
  #seen: number | null = null;
  #base: DesiredNodeTable = nothing;
  #settled: DesiredNodeTable | null = null;

  /** @param below null for a class. */
  constructor(standing: Standing, below: DesiredLayer | null, sources: LayerSources) {
    this.standing = standing;
    this.#below = below;
    this.#sources = sources;
  }

  /** The table of this moment; the same object until something in it changes. */
  settle(): DesiredNodeTable {
    const base = this.#below?.settle() ?? nothing;
    this.#catchUp();
    if (this.#settled !== null && this.#base === base && this.#dirty.size === 0) return this.#settled;
    const leaves = this.#leavesOver(base.table.leaves);
    this.#dirty.clear();
    const before = this.#settled === this.#base ? null : this.#settled;
    this.#base = base;
    this.#settled = this.#tableOf(leaves, before);
    if (before !== null && before !== this.#settled) this.#sources.register.releaseTree(before.tree);
    return this.#settled;
  }

  /** Gives back what it holds. Not to be used after. */
  dispose(): void {
    for (const { leaf } of this.#made.values()) this.#sources.register.release(leaf);
    if (this.#settled !== null && this.#settled !== this.#base) this.#sources.register.releaseTree(this.#settled.tree);
  }

  #catchUp(): void {
    const { history } = this.#sources;
    const { log } = history;
    if (this.#seen === log.next) return;
    const changes = this.#seen === null ? null : log.since(this.#seen);
    this.#seen = log.next;
    if (changes === null) {
      for (const record of [...this.#placed.keys()]) this.#place(record, null);
      const all = this.#below === null ? history.records() : history.dependent();
      for (const record of all) this.#place(record, presentOf(record));
      for (const node of this.#ownNodes()) {
        for (const record of history.withEndpointsOn(node)) this.#place(record, presentOf(record));
      }
      return;
    }
    for (const { record, keys } of changes) {
      this.#place(record, presentOf(record));
      // Another Service may ask for one of these too, and have it here.
      for (const key of keys) {
        const index = leafIndexOf(key);
        if (this.#own.get(index)?.has(key)) this.#dirty.add(index);
      }
    }
  }

  #place(record: ServiceRecord, state: ServiceState | null): void {
    const before = this.#placed.get(record) ?? null;
    const after = state !== null && this.#isOwn(state) ? state.asked : null;
    if (before === after) return;
    for (const { key } of before ?? []) this.#count(key, -1);
    for (const { key } of after ?? []) this.#count(key, 1);
    if (after === null) this.#placed.delete(record);
    else this.#placed.set(record, after);
  }

  #isOwn(state: ServiceState): boolean {
    if (this.#below === null) return true;
    return state.mayDifferOn(this.standing) && state.traitOf(this.standing) !== state.traitOf(this.#below.standing);
  }

  /** Of which nodes it matters by itself that they have an endpoint: its own, in some modes. */
  #ownNodes(): ReadonlySet<string> {
    const served = this.#below === null ? [] : [...this.standing.families.values()];
    return new Set(served.flatMap(({ facts, place }) => (facts.hairpinOwnOnly ? [place.nodeName] : [])));
  }

  #count(key: FrontendKey, change: 1 | -1): void {
    const index = leafIndexOf(key);
    this.#dirty.add(index);
    const keys = this.#own.get(index) ?? new Map<FrontendKey, number>();
    const count = (keys.get(key) ?? 0) + change;
    if (count > 0) keys.set(key, count);
    else keys.delete(key);
    if (keys.size > 0) this.#own.set(index, keys);
    else this.#own.delete(index);
  }

  #leavesOver(base: readonly Leaf[]): readonly Leaf[] {
    const { register } = this.#sources;
    for (const index of this.#dirty) {
      const made = this.#own.has(index) ? undefined : this.#made.get(index);
      if (made !== undefined) register.release(made.leaf);
      if (!this.#own.has(index)) this.#made.delete(index);
    }
    if (this.#own.size === 0) return base;
    const leaves = base.slice();
    for (const [index, keys] of this.#own) leaves[index] = this.#leafOver(index, base[index] ?? emptyLeaf, keys);
    return leaves;
  }

  #leafOver(index: number, base: Leaf, keys: ReadonlyMap<FrontendKey, number>): Leaf {
    const { register, history } = this.#sources;
    const known = this.#made.get(index);
    if (known !== undefined && known.base === base && !this.#dirty.has(index)) return known.leaf;
    const entries = new Map<FrontendKey, Entry>(base.entries);
    for (const key of keys.keys()) {
      const claim = claimNow(history.claimants(key), key, this.standing);
      if (claim === null) entries.delete(key);
      else entries.set(key, claim.entry);
    }
    const leaf = register.hold(entries);
    if (known !== undefined) register.release(known.leaf);
    this.#made.set(index, { base, leaf });
    return leaf;
  }

  #tableOf(leaves: readonly Leaf[], before: DesiredNodeTable | null): DesiredNodeTable {
    if (areSame(leaves, this.#base.table.leaves)) return this.#base;
    if (before !== null && areSame(leaves, before.table.leaves)) return before;
    const tree = treeOver(leaves, before === null ? [this.#base.tree] : [this.#base.tree, before.tree]);
    this.#sources.register.holdTree(tree);
    const { standing } = this;
    const { history } = this.#sources;
    const owner = (key: FrontendKey) => claimNow(history.claimants(key), key, standing)?.owner ?? null;
    return { table: new BucketTable(leaves), tree, owner };
  }
}

function areSame(a: readonly Leaf[], b: readonly Leaf[]): boolean {
  if (a === b) return true;
  for (let index = 0; index < leafCount; index++) if (a[index] !== b[index]) return false;
  return true;
}

/** The tree over these leaves; what one of the known trees has alike is taken from there. */
function treeOver(leaves: readonly Leaf[], known: readonly TreeDigests[]): TreeDigests {
  const digests = leaves.map(({ digest }) => digest);
  const fanout = known[0]?.inner.length ?? 1;
  const width = leafCount / fanout;
  const inner = Array.from({ length: fanout }, (_, group) => {
    const start = group * width;
    const alike = known.find((tree) => {
      for (let index = start; index < start + width; index++) if (tree.leaves[index] !== digests[index]) return false;
      return true;
    });
    return alike?.inner[group] ?? childrenDigest(digests.slice(start, start + width));
  });
  return { root: childrenDigest(inner), inner, leaves: digests };
}
