/** Packets as policies are asked about them: after the Service's address was translated, and perhaps the source's. */
import type { Address, Family } from '../../proto/address.ts';
import { doorAt } from '../audit/front-doors.ts';
import { mayBeRewritten, type ServiceWay } from '../audit/policy/rewritten-source.ts';
import type { FlowEnd } from '../model/policy.ts';
import { type Destination, flowEnd } from './destinations.ts';
import type { ServiceTarget } from './ends.ts';
import type { Walk } from './walk.ts';

/** Packets of one source to some destinations. */
export interface Passage {
  readonly from: FlowEnd;
  readonly family: Family;
  readonly destinations: readonly Destination[];
  /** `shop/web:http`, or what else the destinations are: for sentences. */
  readonly label: string;
  /** Why the packets go there, where it is not what was asked for: `to resolve names`. */
  readonly purpose: string | null;
  /** The address of the Service that they are sent to; null = none, or a node port. */
  readonly through: Address | null;
  /** They come by a node port or a load balancer: a node's address may stand in place of the source's by then. */
  readonly mayBeRewritten: boolean;
}

/** The packets of a walk. */
export function passageOf(walk: Walk, { label, purpose }: Pick<Passage, 'label' | 'purpose'>): Passage {
  const { source, family, destinations, asked, goal } = walk;
  const at = asked[0]?.frontend.address ?? 'node';
  return {
    ...{ from: flowEnd(source), family, destinations, label, purpose },
    through: at === 'node' ? null : at,
    mayBeRewritten: goal.kind === 'service' && mayBeRewritten(wayTo(goal), flowEnd(source)),
  };
}

/** By which of its addresses the Service is asked. */
function wayTo({ service, at }: ServiceTarget): ServiceWay {
  const { externalTrafficPolicy } = service;
  if (typeof at === 'object' && at !== null) {
    return { kind: 'node-port', node: at.nodePortOf.name, externalTrafficPolicy };
  }
  const door = at === null ? 'cluster-ip' : doorAt(service, at);
  return door === 'external' ? { kind: door, externalTrafficPolicy } : { kind: 'cluster-ip' };
}
