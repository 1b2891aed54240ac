/** The life of a finding as stretches of time: what it was, from when to when. */
import type { TransitionJson } from '../http/schemas/finding.ts';

export interface Stretch {
  /** `over`: between two episodes, or after the last. */
  readonly state: 'pending' | 'firing' | 'unknown' | 'suppressed' | 'over';
  /** Unix milliseconds. */
  readonly from: number;
  readonly to: number;
}

type Step = Pick<TransitionJson, 'at' | 'kind'>;

/**
 * @param steps the newest first, as the API tells them.
 * @param now where the last stretch ends, if the finding is open.
 */
export function stretchesOf(steps: readonly Step[], now: number): readonly Stretch[] {
  const stretches: Stretch[] = [];
  /** What is known beneath `unknown` and `suppressed`. */
  let beneath: Stretch['state'] = 'pending';
  for (const [at, step] of steps.toReversed().entries()) {
    const after = steps[steps.length - 2 - at];
    const state = stateAfter(step.kind, beneath);
    if (state === 'pending' || state === 'firing') beneath = state;
    const isLast = after === undefined;
    if (isLast && state === 'over') break;
    stretches.push({ state, from: Date.parse(step.at), to: isLast ? now : Date.parse(after.at) });
  }
  return stretches.filter(({ from, to }) => to > from);
}

function stateAfter(kind: Step['kind'], beneath: Stretch['state']): Stretch['state'] {
  switch (kind) {
    case 'pending':
    case 'firing':
    case 'unknown':
    case 'suppressed':
      return kind;
    case 'known':
    case 'unsuppressed':
      return beneath;
    case 'resolved':
    case 'gone':
    case 'withdrawn':
      return 'over';
  }
}

/** How much of the line a stretch takes: an hour is more than a minute, and does not hide it. */
export function shareOf({ from, to }: Stretch): number {
  return Math.round(10 * Math.log2(2 + (to - from) / 1_000));
}
