/**
 * What an aggregator has shown, held against all that it shows later: for a cluster where faults only come and are never
 * mended, so whatever was shown once must be shown for ever, as the same finding.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { FindingJson } from '../../aggregator/http/schemas/finding.ts';
import type { ToldStep } from '../e2e/aggregator-client.ts';
import type { Cluster } from '../e2e/cluster.ts';

/** Steps that end a finding. */
const ends = ['resolved', 'gone', 'withdrawn'];

export class ShownFindings {
  /** What must not have been, one sentence each. */
  readonly wrong = new Set<string>();
  readonly #shown = new Map<string, FindingJson>();

  get fingerprints(): readonly string[] {
    return [...this.#shown.keys()].sort();
  }

  /** Takes one whole answer. */
  take(answer: readonly FindingJson[]): void {
    const now = new Map(answer.map((finding) => [finding.fingerprint, finding]));
    if (now.size < answer.length) this.wrong.add('one answer shows a finding twice');
    for (const [fingerprint, before] of this.#shown) {
      const after = now.get(fingerprint);
      if (after === undefined) this.wrong.add(`${nameOf(before)}, once ${before.state}, is not shown any more`);
      else this.#compare(before, after);
    }
    for (const [fingerprint, finding] of now) this.#shown.set(fingerprint, finding);
  }

  /** Takes a step that was told. */
  hear({ transition: { kind, because, fingerprint } }: ToldStep): void {
    if (ends.includes(kind)) this.wrong.add(`${fingerprint} was told to be ${kind}: ${because}`);
  }

  #compare(before: FindingJson, after: FindingJson): void {
    const isSame = after.episode === before.episode && after.pendingAt === before.pendingAt;
    if (!isSame) this.wrong.add(`${nameOf(before)} is another: ${JSON.stringify([before, after])}`);
    if (before.firedAt === null) return;
    if (after.firedAt !== before.firedAt || after.knownState !== 'firing') {
      this.wrong.add(`${nameOf(before)} had fired, and now is ${JSON.stringify(after)}`);
    }
  }
}

function nameOf({ check, node, fingerprint }: FindingJson): string {
  return `${check} of ${node} (${fingerprint})`;
}

/** Asks for the findings again and again, whether anybody answers or not, until it is told to end. */
export function watchClosely({ client }: Cluster, shown: ShownFindings): () => Promise<void> {
  let isOver = false;
  const watching = (async () => {
    while (!isOver) {
      const answer = await client.findings().catch((cause: unknown) => cause);
      if (Array.isArray(answer)) shown.take(answer);
      // Connections are refused and cut while the aggregator is down; an answer of another kind is a fault.
      else if (answer instanceof Error && answer.message.startsWith('GET ')) shown.wrong.add(answer.message);
      await pause(20);
    }
  })();
  return async () => {
    isOver = true;
    await watching;
  };
}
