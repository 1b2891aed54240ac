/** What the sessions of all nodes share. */
import type { ContentStore } from './content-store.ts';
import type { IngestCounts } from './counts.ts';
import type { IngestLimits, SharedBytes } from './limits.ts';
import type { MemoryPressure } from './memory-pressure.ts';
import type { Wants } from './wants.ts';

export interface SessionShared {
  readonly store: ContentStore;
  readonly wants: Wants;
  readonly counts: IngestCounts;
  /** Of uploads under way. */
  readonly uploads: SharedBytes;
  readonly limits: IngestLimits;
  readonly pressure: MemoryPressure;
}
