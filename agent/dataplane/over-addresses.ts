/** What becomes of a frontend that several addresses stand for: the node's own, for a node port. */
import type { Address } from '../../proto/address.ts';
import type { Fate, Forwarding, Route } from '../../proto/forwarding.ts';
import { sameFate, unknownFate } from './fate.ts';

const unknownAddresses = unknownFate('node-addresses-unknown');

/** A node port's, where the node's addresses are not known. */
export const unknownNodePort: Forwarding = { pod: unknownAddresses, node: unknownAddresses, outside: unknownAddresses };

/** Whether nothing takes the packets, from whatever origin: such a frontend is in no table. */
export function isNothing({ pod, node, outside }: Forwarding): boolean {
  return pod.route.action === 'none' && node.route.action === 'none' && outside.route.action === 'none';
}

/** A `node` frontend's fate is that of the node's addresses; where one differs, the one that serves least is told. */
export function overAddresses(destinations: readonly Address[], trace: (to: Address) => Forwarding): Forwarding | null {
  let result: Forwarding | null = null;
  for (const destination of destinations) {
    const one = trace(destination);
    result = result === null ? one : perOrigin(result, one, leastServed);
  }
  return result;
}

const service: readonly Route['action'][] = ['unknown', 'none', 'drop', 'reject', 'forward'];

function leastServed(a: Fate, b: Fate): Fate {
  if (sameFate(a, b)) return a;
  const order = service.indexOf(a.route.action) - service.indexOf(b.route.action);
  return order < 0 ? a : order > 0 ? b : unknownFate('address-dependent');
}

/** Joins what two do with the packets of each origin. */
export function perOrigin(a: Forwarding, b: Forwarding, join: (a: Fate, b: Fate) => Fate): Forwarding {
  if (a === b) return a;
  return { pod: join(a.pod, b.pod), node: join(a.node, b.node), outside: join(a.outside, b.outside) };
}
