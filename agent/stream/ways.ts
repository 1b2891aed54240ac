/**
 * How each way to the aggregator went when it was used or tried. That the Service's address fails while a pod's own
 * works says something about the node's rules for Services, so all of it is told.
 */
import { longestAddress, mostWays, type Way, type WayFailure } from '../../proto/ways.ts';
import type { ListedWay } from './way-list.ts';

/** One way with the moments of its fortune, monotonic milliseconds; null = that did not happen. */
export interface KnownWay extends ListedWay {
  readonly inUse: boolean;
  readonly workedAt: number | null;
  readonly failedAt: number | null;
  /** The first failure after which none worked. */
  readonly failingSince: number | null;
  readonly reason: WayFailure | null;
}

/** The ways of one agent. */
export class Ways {
  #known: readonly KnownWay[] = [];

  /** What is known now: the same array until something changes. */
  list(): readonly KnownWay[] {
    return this.#known;
  }

  /** These ways there are; of those that are gone, all but the one in use is forgotten. */
  listed(ways: readonly ListedWay[]): void {
    const used = this.#known.filter(({ address, inUse }) => inUse && !ways.some((way) => way.address === address));
    const next = ways.map((way) => this.#known.find(isThe(way.address)) ?? untried(way));
    const known = [...next, ...used].filter(({ address }) => canBeTold(address)).slice(0, mostWays);
    if (known.length !== this.#known.length || known.some((way, index) => way !== this.#known[index])) {
      this.#known = known;
    }
  }

  /** The stream goes over this one from now on. */
  use(address: string, at: number): void {
    this.#change(address, (way) => ({ ...worked(way, at), inUse: true }));
  }

  /** The stream over it has ended: until then it worked. */
  leave(address: string, at: number): void {
    this.#change(address, (way) => ({ ...worked(way, at), inUse: false }));
  }

  worked(address: string, at: number): void {
    this.#change(address, (way) => worked(way, at));
  }

  failed(address: string, reason: WayFailure, at: number): void {
    this.#change(address, (way) => ({
      ...way,
      inUse: false,
      failedAt: at,
      failingSince: way.failingSince ?? at,
      reason,
    }));
  }

  #change(address: string, change: (way: KnownWay) => KnownWay): void {
    this.#known = this.#known.map((way) => (way.address === address ? change(way) : way));
  }
}

function worked(way: KnownWay, at: number): KnownWay {
  return { ...way, workedAt: at, failingSince: null };
}

function untried({ address, kind }: ListedWay): KnownWay {
  return { address, kind, inUse: false, workedAt: null, failedAt: null, failingSince: null, reason: null };
}

function isThe(address: string): (way: KnownWay) => boolean {
  return (way) => way.address === address;
}

/** The path of a socket may hold what no message may. */
function canBeTold(address: string): boolean {
  return address.length <= longestAddress && /^[!-~]+$/.test(address);
}

/** A way with ages in place of moments. @param now monotonic milliseconds. */
export function agedWay({ address, kind, inUse, reason, ...moments }: KnownWay, now: number): Way {
  const since = (moment: number | null): number | null => (moment === null ? null : now - moment);
  return {
    address,
    kind,
    inUse,
    workedAgeMs: since(moments.workedAt),
    failedAgeMs: since(moments.failedAt),
    failingAgeMs: since(moments.failingSince),
    reason,
  };
}
