/** The kubelet's Events about sandboxes that could not be made, as far as they tell of now. */
import type { NodeView } from '../../model/check.ts';
import type { PodEvent } from '../../model/cluster.ts';
import { unixSeconds } from './times.ts';

const recentSeconds = 600;

/** Those of the ten minutes before the node's newest reading: a kubelet that fails again says so at least that often. */
export function recentEvents({ objects, name, parts: { addresses } }: NodeView): readonly PodEvent[] {
  const readAt = addresses.state === 'ok' ? unixSeconds(addresses.collectedAt) : null;
  return [...objects.podEventsOn(name)].filter(({ lastAt }) => {
    const at = unixSeconds(lastAt);
    return readAt === null || at === null || readAt - at < recentSeconds;
  });
}
