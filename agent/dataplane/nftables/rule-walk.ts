/** One rule on the way of packets: each step passes them on, takes them, or leaves them to the next rule. */
import type { RuleLine } from '../../../proto/parts.ts';
import { matchesInterface } from '../matching.ts';
import { changeMark, merge, type Piece, type Walk } from '../pieces.ts';
import { cut } from '../rule-tables.ts';
import { elementsOf, heldSources, verdictsFor } from './lookup.ts';
import type { ChainPlans } from './plans.ts';
import type { Rule, Step, Verdict } from './rule.ts';
import { tableName } from './table.ts';

const maxSteps = 200_000;
const maxPieces = 64;

/** Packets on their way through a chain; `stores` is the set that has remembered their client in this chain. */
export interface NftPiece extends Piece {
  readonly stores: string | null;
}

/** One walk, see Walk; its path holds rules and the elements of maps. */
export type NftWalk = Omit<Walk, 'path'> & { readonly path: RuleLine[] | null };

export interface Way {
  readonly plans: ChainPlans;
  readonly walk: NftWalk;
  /** Walks another chain; gives back what comes back from it. */
  readonly enter: (chain: string, piece: NftPiece, depth: number) => readonly NftPiece[];
}

/** Pieces that differ only in weight, or only in sources, as one. */
export function joined(pieces: readonly NftPiece[]): readonly NftPiece[] {
  if (pieces.length < 2 || pieces.some(({ stores }) => stores !== null)) return pieces;
  return merge(pieces).map((piece) => ({ ...piece, stores: null }));
}

interface Stand {
  readonly chain: string;
  readonly rule: Rule;
  readonly depth: number;
}

/** Sends the live pieces through the steps of one rule. */
export class RuleWalk {
  readonly #way: Way;
  readonly #stand: Stand;
  /** Pieces that leave the chain. */
  readonly #returned: NftPiece[];
  /** Pieces that go on to the next rule. */
  #next: NftPiece[] = [];
  #isTold = false;

  constructor(way: Way, stand: Stand, returned: NftPiece[]) {
    this.#way = way;
    this.#stand = stand;
    this.#returned = returned;
  }

  /** @returns the pieces that go on to the next rule. */
  run(live: readonly NftPiece[]): readonly NftPiece[] {
    const { walk } = this.#way;
    walk.steps += live.length;
    if (walk.steps > maxSteps || live.length > maxPieces) walk.unknown ??= 'too-complex';
    this.#steps(live, 0);
    return joined(this.#next);
  }

  #steps(pieces: readonly NftPiece[], from: number): void {
    const { steps } = this.#stand.rule;
    let live = pieces;
    for (let at = from; at < steps.length && live.length > 0 && this.#way.walk.unknown === null; at++) {
      const step = steps[at];
      if (step === undefined) break;
      const through: NftPiece[] = [];
      for (const piece of live) this.#step(step, piece, through, at);
      live = through;
    }
    this.#next.push(...live);
  }

  #step(step: Step, piece: NftPiece, through: NftPiece[], at: number): void {
    const { walk } = this.#way;
    switch (step.kind) {
      case 'asks':
        this.#ask(step, piece, through, at);
        return;
      case 'verdict':
        this.#act(step.verdict, piece);
        return;
      case 'verdict-map':
        this.#lookUp(step, piece);
        return;
      case 'chance':
        this.#draw(step.choices, piece, (verdict, part) => this.#act(verdict, part));
        return;
      case 'dnat':
        this.#tell();
        this.#draw(step.choices, piece, (to, part) => {
          const backend = this.#way.plans.backend(to, walk.packet.port);
          walk.leaves.push({ kind: 'sent', piece: part, backend, stores: part.stores });
        });
        return;
      case 'set-mark':
        this.#tell();
        through.push({ ...piece, mark: changeMark(piece.mark, step) });
        return;
      case 'remember': {
        const { set, seconds } = step;
        through.push({ ...piece, stores: seconds === null ? set : `${set} for ${seconds} s` });
        return;
      }
      case 'untrack':
        this.#tell();
        walk.leaves.push({ kind: 'untracked', piece });
        return;
      // Before routing nobody masquerades.
      case 'masquerade':
        walk.unknown ??= 'unreadable-target';
        return;
      case 'unreadable':
        this.#tell();
        walk.unknown ??= step.reason;
        return;
      default:
        (this.#holds(step, piece) ? through : this.#next).push(piece);
    }
  }

  /** A step that holds for all of a piece or for none of it. */
  #holds(
    step: Extract<Step, { kind: 'mark' | 'interface' | 'address-type' | 'translated' | 'undecided' | 'never' }>,
    piece: NftPiece,
  ): boolean {
    const { walk } = this.#way;
    switch (step.kind) {
      case 'mark':
        return ((piece.mark & step.mask) >>> 0 === step.value) !== step.negated;
      case 'interface':
        return usesInterface(step, walk);
      case 'address-type': {
        const isLocal = step.of === 'source' ? walk.packet.fromNode : walk.packet.toNode;
        return step.types.includes(isLocal ? 'local' : 'unicast') !== step.negated;
      }
      // A packet that was sent to a backend is not followed any further.
      case 'translated':
        return step.negated;
      case 'undecided':
        return walk.doubts.answer('undecided-match');
      case 'never':
        return false;
    }
  }

  #ask(step: Extract<Step, { kind: 'asks' }>, piece: NftPiece, through: NftPiece[], at: number): void {
    const { plans, walk } = this.#way;
    const set = 'set' in step.among ? plans.table.sets.get(step.among.set) : undefined;
    if (set?.isDynamic === true) {
      this.#askSeen({ name: set.name, seconds: set.timeoutSeconds }, step.negated, piece, { through, at });
      return;
    }
    const elements = elementsOf(plans.table, step.among);
    const held = elements === null ? 'unread' : heldSources(elements, step.fields, walk.packet);
    if (held === 'unread') {
      (walk.doubts.answer('set-not-read') ? through : this.#next).push(piece);
    } else if (held === 'all' || held === 'none') {
      ((held === 'all') !== step.negated ? through : this.#next).push(piece);
    } else {
      const { inside, outside } = cut(piece.sources, held);
      walk.steps += piece.sources.ipv4.length + piece.sources.ipv6.length;
      const [hit, miss] = step.negated ? [outside, inside] : [inside, outside];
      if (hit !== null) through.push(hit === piece.sources ? piece : { ...piece, sources: hit });
      if (miss !== null) this.#next.push(miss === piece.sources ? piece : { ...piece, sources: miss });
    }
  }

  /** Clients seen before go a way beside the main one, on which all were counted; a client is on one list only. */
  #askSeen(
    list: NonNullable<Piece['seen']>,
    negated: boolean,
    piece: NftPiece,
    { through, at }: { readonly through: NftPiece[]; readonly at: number },
  ): void {
    if (negated && piece.seen?.name !== list.name) {
      through.push(piece);
      return;
    }
    this.#next.push(piece);
    if (negated || piece.seen !== null) return;
    new RuleWalk(this.#way, this.#stand, []).#steps([{ ...piece, seen: list }], at + 1);
  }

  #lookUp(step: Extract<Step, { kind: 'verdict-map' }>, piece: NftPiece): void {
    const { plans, walk } = this.#way;
    const elements = elementsOf(plans.table, step.among);
    const found = elements === null ? 'unread' : verdictsFor(elements, step.fields, walk.packet);
    if (found === 'unread') {
      walk.unknown ??= 'set-not-read';
      return;
    }
    let rest: NftPiece | null = piece;
    for (const { sources, verdict } of found) {
      if (rest === null) break;
      const { inside, outside }: ReturnType<typeof cut> =
        sources === 'all' ? { inside: rest.sources, outside: null } : cut(rest.sources, sources);
      if (inside !== null) {
        this.#tellElement(step, verdict);
        this.#act(verdict, { ...rest, sources: inside });
      }
      rest = outside === null ? null : { ...rest, sources: outside };
    }
    if (rest !== null) this.#next.push(rest);
  }

  /** Shares a piece among what numbers stand for; numbers that stand for nothing end the rule. */
  #draw<T>(
    choices: readonly { readonly part: number; readonly value: T }[],
    piece: NftPiece,
    take: (value: T, piece: NftPiece) => void,
  ): void {
    let left = 1;
    for (const { part, value } of choices) {
      left -= part;
      take(value, part === 1 ? piece : { ...piece, weight: piece.weight * part });
    }
    if (left > 1e-9) this.#next.push({ ...piece, weight: piece.weight * left });
  }

  #act(verdict: Verdict, piece: NftPiece): void {
    const { walk } = this.#way;
    this.#tell();
    switch (verdict.kind) {
      case 'jump':
      case 'goto': {
        const back = this.#way.enter(verdict.chain, piece, this.#stand.depth + 1);
        (verdict.kind === 'goto' ? this.#returned : this.#next).push(...back);
        return;
      }
      case 'return':
        this.#returned.push(piece);
        return;
      case 'continue':
        this.#next.push(piece);
        return;
      case 'accept':
        walk.leaves.push({ kind: 'accepted', piece });
        return;
      case 'drop':
        walk.leaves.push({ kind: 'dropped', piece });
        return;
      case 'reject':
        walk.leaves.push({ kind: 'rejected', piece });
        return;
    }
  }

  /** Notes the rule on the path, once. */
  #tell(): void {
    const { walk, plans } = this.#way;
    if (walk.path === null || this.#isTold) return;
    this.#isTold = true;
    walk.path.push({ table: tableName(plans.table), chain: this.#stand.chain, rule: this.#stand.rule.text });
  }

  /** Notes the element of a named map that a packet met. */
  #tellElement({ fields, among }: Extract<Step, { kind: 'verdict-map' }>, verdict: Verdict): void {
    const { walk, plans } = this.#way;
    if (walk.path === null || !('set' in among)) return;
    this.#tell();
    const key = fields.map((field) => (field === 'source' ? '...' : walk.packet[field])).join(' . ');
    const target = 'chain' in verdict ? `${verdict.kind} ${verdict.chain}` : verdict.kind;
    walk.path.push({ table: tableName(plans.table), chain: among.set, rule: `${key} : ${target}` });
  }
}

/** Rules alone do not say where a packet is routed: decided only where no link fits, or every one does. */
function usesInterface({ way, patterns, negated }: Extract<Step, { kind: 'interface' }>, walk: NftWalk): boolean {
  const fits = (link: string): boolean => patterns.some((pattern) => matchesInterface(pattern, link));
  if (way === 'in') {
    if (walk.interface === null) return negated;
    walk.askedInterface = true;
    return fits(walk.interface) !== negated;
  }
  const { leaving, doubts } = walk;
  if (leaving === 'not') return negated;
  if (leaving === 'lo') return fits('lo') !== negated;
  const fitting = leaving?.filter(fits).length ?? 0;
  if (leaving === null || (fitting > 0 && fitting < leaving.length)) return doubts.answer('interface-dependent');
  return fitting > 0 !== negated;
}
