/**
 * What the node does, out of what the readers of its dataplanes found: the table of the one that kube-proxy works with,
 * corrected where another one, left over or a second writer's, acts on the same packets.
 */
import { sameFate, unknownFate } from '../dataplane/fate.ts';
import type { Entry, Fate, Forwarding, FrontendKey } from '../../proto/forwarding.ts';
import type { ForwardingReport, Part, ReadMode } from '../../proto/parts.ts';
import type { DataplaneMode, Sourced } from '../../proto/profile.ts';
import { type DataplaneReading, notRead, nothingRead } from './dataplane-reading.ts';

/** A reading per dataplane; one that is not on the node is absent in it. */
export type DataplaneReadings = { readonly [Mode in ReadMode]: DataplaneReading };

/** The order in which packets meet them, as far as it is fixed: IPVS gets what no NAT has translated before. */
const modes: readonly ReadMode[] = ['iptables', 'nftables', 'ipvs', 'cilium'];

/**
 * The reading of the node's mode. `failed` also when another dataplane's rules could not be read: they may come first.
 * Absent where the mode is known and has no reader.
 */
export function readingOf(mode: Sourced<DataplaneMode>, readings: DataplaneReadings): DataplaneReading {
  if (mode.source === 'unknown') return notRead(mode.reason);
  const main = modes.find((one) => one === mode.value);
  if (main === undefined) return nothingRead;
  const reading = readings[main];
  if (reading.forwarding.state !== 'ok') return reading;
  let { value } = reading.forwarding;
  for (const other of modes) {
    if (other === main) continue;
    const { forwarding } = readings[other];
    if (forwarding.state === 'failed') return notRead(`rules of ${other}, which may come first: ${forwarding.reason}`);
    if (actsOn(forwarding)) value = withOther(value, forwarding.value);
  }
  return value === reading.forwarding.value ? reading : { ...reading, forwarding: { ...reading.forwarding, value } };
}

function actsOn(part: Part<ForwardingReport>): part is Extract<Part<ForwardingReport>, { readonly state: 'ok' }> {
  return part.state === 'ok' && part.value.table.size > 0;
}

/** Two that translate the same packets: which is asked first, nobody sees, so what they do not do alike is unknown. */
function withOther(main: ForwardingReport, other: ForwardingReport): ForwardingReport {
  const table = new Map<FrontendKey, Entry>(main.table);
  const isLast = other.mode === 'ipvs';
  for (const [key, { frontend, forwarding }] of other.table) {
    const own = main.table.get(key)?.forwarding;
    if (isLast && own !== undefined) continue;
    table.set(key, { frontend, forwarding: isLast ? forwarding : joined(own ?? untaken, forwarding) });
  }
  return { ...main, table, unlisted: main.unlisted ?? other.unlisted };
}

const nothing: Fate = { route: { action: 'none' }, dress: null };
const untaken: Forwarding = { pod: nothing, node: nothing, outside: nothing };

function joined(a: Forwarding, b: Forwarding): Forwarding {
  return { pod: either(a.pod, b.pod), node: either(a.node, b.node), outside: either(a.outside, b.outside) };
}

function either(a: Fate, b: Fate): Fate {
  return sameFate(a, b) ? a : unknownFate('order-not-visible');
}
