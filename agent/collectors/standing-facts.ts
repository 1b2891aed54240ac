/** Facts of the node that change seldom and that no rule depends on: routes, links, CNI files. */
import type { NodeParts } from '../../proto/parts.ts';
import type { Clock } from '../clock.ts';
import type { Host } from '../host.ts';
import { collectCni } from './cni.ts';
import { collectLinks } from './links.ts';
import { collectRoutes } from './routes.ts';
import { atMostEvery } from './throttle.ts';

export type StandingFacts = Pick<NodeParts, 'routes' | 'links' | 'cni'>;

export const noStandingFacts: StandingFacts = {
  routes: { state: 'absent' },
  links: { state: 'absent' },
  cni: { state: 'absent' },
};

/**
 * What reads one node's facts again and again: at most once a minute, unless told otherwise. In between stand the last
 * ones, with the time at which they were read.
 */
export function standingFactsReader(
  host: Host,
  clock: Pick<Clock, 'now' | 'monotonicMs'>,
  seconds = 60,
): () => Promise<StandingFacts> {
  const now = () => clock.now();
  return atMostEvery(
    seconds,
    () => clock.monotonicMs(),
    async () => ({
      routes: await collectRoutes(host, now),
      links: await collectLinks(host, now),
      cni: await collectCni(host, now),
    }),
  );
}
