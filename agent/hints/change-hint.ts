/** What tells of changes between readings. A hint says when to look, never what is there. */
import type { LoopFigures } from '../reading.ts';
import type { Observation } from '../observe.ts';

export interface ChangeHint {
  readonly name: LoopFigures['hintSources'][number];
  /** Whether a change would be told right now. */
  readonly isListening: boolean;
  /** Begins; `onChange` is called for each sign of a change, often more than once for one. */
  start(onChange: () => void): void;
  /** Told of every reading: what is worth listening to depends on what is on the node. */
  heed(observation: Pick<Observation, 'parts'>): void;
  /** Ends when nothing runs any more. */
  stop(): Promise<void>;
}
