/** What ingest counts since its start; aggregator/ingest/figures.ts tells it. */
import { Tally } from '../doors/tally.ts';

export class IngestCounts {
  readonly messages = new Tally();
  /** Streams, connections and messages that were refused, by why. */
  readonly refused = new Tally();
  /** Parts that did not fit their form, by part. */
  readonly misfits = new Tally();
  /** Content that nobody had asked for, or not any more. */
  unwanted = 0;
  bytes = 0;
  replays = 0;
  gaps = 0;
  resyncs = 0;
  wants = 0;
  reports = 0;
  identityMismatches = 0;
}
