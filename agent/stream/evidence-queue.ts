/** Rules that were asked for, until they are sent. Each reading brings its own; none is lost when a reading is skipped. */
import type * as wire from '../../proto/generated/plumbline/agent/v1/agent.ts';
import { digestBytes } from '../../proto/wire/digest-bytes.ts';
import type { NodeReading, ReadEvidence } from '../reading.ts';

interface KeptEvidence {
  readonly reading: number;
  readonly evidence: ReadEvidence;
}

const mostKept = 200;
/** What the contract allows of one entry's rules; iptables itself writes no line of this length. */
const mostLines = 40;
const longestRule = 8_192;

export class EvidenceQueue {
  #kept: readonly KeptEvidence[] = [];

  /** Keeps what a reading brings; beyond 200 the oldest goes. */
  add({ number, evidence }: NodeReading): void {
    if (evidence.length === 0) return;
    this.#kept = [...this.#kept, ...evidence.map((one) => ({ reading: number, evidence: one }))].slice(-mostKept);
  }

  clear(): void {
    this.#kept = [];
  }

  /** The next answer; null while there is none of this reading or an earlier one. */
  take(toldReading: number): wire.Upload | null {
    const [first] = this.#kept;
    if (first === undefined || first.reading > toldReading) return null;
    this.#kept = this.#kept.slice(1);
    return { content: { $case: 'evidence', value: evidenceOf(first) } };
  }
}

function evidenceOf({ reading, evidence }: KeptEvidence): wire.Evidence {
  const { entry, repaired, lines, total } = evidence;
  const shown = repaired ? [] : lines.slice(0, mostLines);
  return {
    entry: digestBytes(entry),
    reading: BigInt(reading),
    repaired,
    lines: shown.map((line) => ({ ...line, rule: line.rule.slice(0, longestRule) })),
    total: Math.max(total, shown.length),
  };
}
