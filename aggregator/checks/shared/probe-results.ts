/** What probes to other nodes' pods say of the way there. */
import type { NodeParts, ProbeResult } from '../../../proto/parts.ts';

/** As many in a row without an answer mean that there is none. */
const leastSent = 3;

/** Whether none of the newest was answered. */
export function isUnanswered({ sent, answered, lastAnswered }: ProbeResult): boolean {
  return sent >= leastSent && answered === 0 && lastAnswered === false;
}

/** Whether it tells of the way to another node, and not of a Service or of a program that is connected to. */
export function isOfWay({ by }: Pick<ProbeResult, 'by'>): boolean {
  return by === 'overlay' || by === 'node' || by === 'pod';
}

/**
 * Whether probes among the pods' addresses get there: `lost` where some get no answer, `pass` where all get theirs; null
 * where none are sent, or not yet long enough.
 * @param isAsked which of them; all unless given.
 */
export function overlayProbes(
  { probes }: Pick<NodeParts, 'probes'>,
  isAsked: (result: ProbeResult) => boolean = () => true,
): 'lost' | 'pass' | null {
  const results = probes.state === 'ok' ? probes.value.results : [];
  const asked = results.filter((one) => isOfWay(one) && one.by !== 'node' && one.sent > 0 && isAsked(one));
  if (asked.some(isUnanswered)) return 'lost';
  return asked.length > 0 && asked.every(({ lastAnswered }) => lastAnswered === true) ? 'pass' : null;
}
