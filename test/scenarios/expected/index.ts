/** Every scenario, in the order of the page. */
import { damages } from './damage.ts';
import { inSync } from './in-sync.ts';
import { ipvs } from './ipvs.ts';
import type { Scenario } from './scenario.ts';
import { stale } from './stale.ts';

export const scenarios: readonly Scenario[] = [...inSync, ...stale, ...damages, ...ipvs].sort((one, other) =>
  one.title < other.title ? -1 : 1,
);
