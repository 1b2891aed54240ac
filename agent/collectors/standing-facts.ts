/** Facts of the node that change seldom and that no rule depends on: routes, links, CNI files. */
import type { NodeParts, Part, PodNetworksReport } from '../../proto/parts.ts';
import type { Clock } from '../clock.ts';
import type { Host } from '../host.ts';
import { collectAddresses } from './addresses.ts';
import { collectBird } from './bird.ts';
import { collectCni } from './cni/cni.ts';
import { collectDns, type DnsSettings } from './dns/dns.ts';
import { collectFlannel } from './flannel.ts';
import { collectLinks } from './links.ts';
import { collectNeighbours } from './network/neighbours.ts';
import { NetworkCountersReader } from './network/network-counters.ts';
import { collectNetworkSettings } from './network/network-settings.ts';
import { collectOffloads } from './network/offloads.ts';
import { collectPodNetworks } from './pod-networks/pod-networks.ts';
import { recordedPodNetworks } from './pod-networks/recorded-pods.ts';
import { collectRoutes } from './routes.ts';
import { SandboxesReader } from './sandboxes.ts';
import { atMostEvery } from './throttle.ts';

export type StandingFacts = Pick<
  NodeParts,
  | 'routes'
  | 'links'
  | 'neighbours'
  | 'networkSettings'
  | 'networkCounters'
  | 'offloads'
  | 'cni'
  | 'flannel'
  | 'bird'
  | 'podNetworks'
  | 'sandboxes'
> & {
  /** What lookups tell is added to it. */
  readonly dns: Part<DnsSettings>;
};

export const noStandingFacts: StandingFacts = {
  routes: { state: 'absent' },
  links: { state: 'absent' },
  neighbours: { state: 'absent' },
  networkSettings: { state: 'absent' },
  networkCounters: { state: 'absent' },
  offloads: { state: 'absent' },
  cni: { state: 'absent' },
  flannel: { state: 'absent' },
  bird: { state: 'absent' },
  podNetworks: { state: 'absent' },
  sandboxes: { state: 'absent' },
  dns: { state: 'absent' },
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
  const counters = new NetworkCountersReader(host, clock);
  const sandboxes = new SandboxesReader(host, now);
  return atMostEvery(
    seconds,
    () => clock.monotonicMs(),
    async () => {
      const links = await collectLinks(host, now);
      const routes = await collectRoutes(host, now);
      return {
        ...noStandingFacts,
        links,
        routes,
        neighbours: await collectNeighbours(host, links, now),
        networkSettings: await collectNetworkSettings(host, links, now),
        networkCounters: await counters.read({ links, routes }),
        offloads: await collectOffloads(host, links, now),
        cni: await collectCni(host, now),
        flannel: await collectFlannel(host, now),
        bird: await collectBird(host, now),
        podNetworks: await podNetworksOf(host, now),
        sandboxes: await sandboxes.read(),
        dns: await collectDns(host, { links, addresses: await collectAddresses(host, now) }, now),
      };
    },
  );
}

/** Recordings have them by the pods' names where they were not made by Plumbline. */
async function podNetworksOf(host: Host, now: () => Date): Promise<Part<PodNetworksReport>> {
  const part = await collectPodNetworks(host, now);
  return part.state === 'absent' ? recordedPodNetworks(host, now) : part;
}
