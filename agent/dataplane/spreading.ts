/** How new connections and returning clients are spread over backends. */
import type { Backend } from '../../proto/address.ts';
import { type Shares, wholeShare } from '../../proto/forwarding.ts';

/** One way that chance may choose. */
export interface Choice {
  readonly backend: Backend;
  /** 0 to 1. */
  readonly weight: number;
  /** The list that remembers the client for this backend. */
  readonly stores: string | null;
}

/** One way that clients seen before go. */
export interface Sticky {
  readonly backend: Backend;
  readonly name: string;
  readonly seconds: number | null;
}

export interface Spreading {
  readonly backends: readonly Backend[];
  readonly shares: Shares;
  readonly affinitySeconds: number | 'partial';
}

/**
 * kube-proxy writes probabilities with ten decimals and the kernel rounds them again: even shares of a thousand backends
 * are within a millionth of each other.
 */
const evenWithin = 1e-5;

/** Whether a part is what the next of `left` equal backends gets, rounding aside. */
export function isEvenPart(part: number, left: number): boolean {
  return Math.abs(part * left - 1) < evenWithin;
}

/** What a set of choices and returning ways amounts to; backends are sorted by text, each once. */
export function spreadingOf(choices: readonly Choice[], stickies: readonly Sticky[]): Spreading {
  const sorted = isSorted(choices) ? choices : joinedByBackend(choices);
  const backends: Backend[] = [];
  const share = 1 / sorted.length;
  let lost = 1;
  let even = true;
  for (const { backend, weight } of sorted) {
    backends.push(backend);
    lost -= weight;
    even &&= Math.abs(weight - share) < share * evenWithin;
  }
  const parts = (weight: number): number => Math.round(weight * wholeShare);
  const shares: Shares =
    even && lost < share * evenWithin
      ? 'even'
      : { parts: sorted.map(({ weight }) => parts(weight)), lost: Math.max(0, parts(lost)) };
  return { backends, shares, affinitySeconds: affinityOf(choices, stickies) };
}

/** kube-proxy writes backends in the order of their text, as the desired table sorts them: by code unit. */
function isSorted(choices: readonly Choice[]): boolean {
  let before = '';
  for (const { backend } of choices) {
    if (backend <= before) return false;
    before = backend;
  }
  return true;
}

function joinedByBackend(choices: readonly Choice[]): readonly Pick<Choice, 'backend' | 'weight'>[] {
  const weights = new Map<Backend, number>();
  for (const { backend, weight } of choices) weights.set(backend, (weights.get(backend) ?? 0) + weight);
  return [...weights.keys()].sort().map((backend) => ({ backend, weight: weights.get(backend) ?? 0 }));
}

/** A client comes back only where a list is both written on the way out and asked on the way in. */
function affinityOf(choices: readonly Choice[], stickies: readonly Sticky[]): number | 'partial' {
  const [first] = stickies;
  if (first === undefined) return 0;
  const { seconds } = first;
  const remembered = new Map(choices.map(({ backend, stores }) => [backend, stores]));
  const asked = new Set<Backend>();
  for (const sticky of stickies) {
    if (sticky.seconds !== seconds || remembered.get(sticky.backend) !== sticky.name) return 'partial';
    asked.add(sticky.backend);
  }
  return seconds !== null && asked.size === remembered.size ? seconds : 'partial';
}
