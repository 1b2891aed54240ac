/** The newest outcomes of one lookup. What it tells stays the same while nothing changes: every change of a part is sent. */
import type { Lookup } from '../../proto/parts.ts';
import { steadyTime } from '../probes/probe.ts';
import type { LookupOutcome } from './ask.ts';
import type { PlannedLookup } from './planned-lookups.ts';

/** So many of the newest count: one that is lost is not yet a fault. */
const windowLength = 3;

export class LookupWindow {
  readonly lookup: PlannedLookup;
  #outcomes: readonly LookupOutcome[] = [];
  #shownMs: number | null = null;

  constructor(lookup: PlannedLookup) {
    this.lookup = lookup;
  }

  add(outcome: LookupOutcome): void {
    this.#outcomes = [...this.#outcomes, outcome].slice(-windowLength);
    const times = this.#outcomes.flatMap((one) => (one.kind === 'answered' ? [one.milliseconds] : []));
    this.#shownMs = steadyTime(times, this.#shownMs);
  }

  result(): Lookup {
    const { server, port, by, protocol, name } = this.lookup;
    const newest = this.#outcomes.at(-1);
    const answer = newest?.kind === 'answered' ? newest.answer : null;
    return {
      ...{ server, port, by, protocol, name },
      sent: this.#outcomes.length,
      answered: this.#outcomes.filter(({ kind }) => kind === 'answered').length,
      outcomes: this.#outcomes.map(codeOf),
      rcode: answer?.rcode ?? null,
      addresses: answer?.addresses ?? [],
      truncated: answer?.truncated ?? false,
      latencyMs: this.#shownMs,
      error: newest?.kind === 'failed' ? newest.error : null,
    };
  }
}

/** NODATA is what RFC 2308 calls an answer that the name is there, and has no address. */
function codeOf(outcome: LookupOutcome): string {
  if (outcome.kind === 'failed') return outcome.error;
  const { rcode, addresses } = outcome.answer;
  return rcode === 'NOERROR' && addresses.length === 0 ? 'NODATA' : rcode;
}
