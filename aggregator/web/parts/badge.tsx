/** States and severities: each by shape, letter and word, and by colour last. */
import type { FindingJson } from '../../http/schemas/finding.ts';
import type { NodeJson } from '../../http/schemas/node.ts';

const letters = { critical: 'C', high: 'H', medium: 'M', low: 'L' } as const;

/** A letter in a square, filled while the finding fires. */
export function Severity({ severity, state }: Pick<FindingJson, 'severity' | 'state'>) {
  const words = `${severity}, ${state}`;
  return (
    <span class={`mark ${severity} ${state}`} role="img" aria-label={words} title={words}>
      {letters[severity]}
    </span>
  );
}

/** `firing`, in the form of its state. */
export function FindingState({ state }: Pick<FindingJson, 'state'>) {
  return <span class={`state ${state}`}>{state}</span>;
}

/** `healthy`, in the form of its state. */
export function NodeState({ state }: Pick<NodeJson, 'state'>) {
  return <span class={`state ${state}`}>{state}</span>;
}
