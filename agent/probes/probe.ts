/** One probe, what came of it, and what is told of several. */
import { familyOf } from '../../proto/address.ts';
import type { ProbeResult } from '../../proto/parts.ts';
import type { ProbeTarget } from '../stream/targets.ts';
import { packetOf, payloadOf, smallBytes } from './packet.ts';

/** One target in one size. */
export interface Probe {
  readonly target: ProbeTarget;
  readonly size: 'small' | 'full';
  /** Of the question; 0 for a connection. */
  readonly payloadBytes: number;
}

export type ProbeOutcome =
  | { readonly kind: 'answered'; readonly milliseconds: number }
  | { readonly kind: 'silent' }
  /** It could not be sent, or somebody said that it does not arrive: `ENETUNREACH`, `EMSGSIZE`, `ECONNREFUSED`. */
  | { readonly kind: 'failed'; readonly error: string };

/** What is sent to a target: a small packet, and one of full size where that is larger. */
export function probesOf(target: ProbeTarget): readonly Probe[] {
  if (target.protocol === 'tcp') return [{ target, size: 'small', payloadBytes: 0 }];
  const small: Probe = { target, size: 'small', payloadBytes: smallBytes };
  const payloadBytes = payloadOf(target.packetBytes, familyOf(target.address));
  return payloadBytes === null || payloadBytes <= smallBytes
    ? [small]
    : [small, { target, size: 'full', payloadBytes }];
}

/** So many of the newest count: one that is lost is not yet a fault. */
const windowLength = 3;

/**
 * The newest outcomes of one probe. What it tells stays the same while nothing changes: every change of a report is sent
 * to the aggregator.
 */
export class ProbeWindow {
  readonly #probe: Probe;
  #outcomes: readonly ProbeOutcome[] = [];
  #shownMs: number | null = null;

  constructor(probe: Probe) {
    this.#probe = probe;
  }

  add(outcome: ProbeOutcome): void {
    this.#outcomes = [...this.#outcomes, outcome].slice(-windowLength);
    const times = this.#outcomes.flatMap((one) => (one.kind === 'answered' ? [one.milliseconds] : []));
    this.#shownMs = steadyTime(times, this.#shownMs);
  }

  result(): ProbeResult {
    const { target, size, payloadBytes } = this.#probe;
    const { node, address, port, by, protocol } = target;
    const newest = this.#outcomes.at(-1);
    return {
      ...{ node, address, port, by, size },
      packetBytes: protocol === 'tcp' ? 0 : packetOf(payloadBytes, familyOf(address)),
      sent: this.#outcomes.length,
      answered: this.#outcomes.filter(({ kind }) => kind === 'answered').length,
      lastAnswered: newest === undefined ? null : newest.kind === 'answered',
      error: newest?.kind === 'failed' ? newest.error : null,
      roundTripMs: this.#shownMs,
    };
  }
}

/** The median as the power of two above it; what is shown stays until it is too small, or four times too large. */
export function steadyTime(times: readonly number[], shownMs: number | null): number | null {
  const median = times.toSorted((a, b) => a - b)[times.length >> 1];
  if (median === undefined) return null;
  const rounded = 2 ** Math.max(0, Math.ceil(Math.log2(Math.max(median, 1))));
  return shownMs !== null && rounded <= shownMs && rounded > shownMs / 4 ? shownMs : rounded;
}
