/**
 * What the ways of an agent say about its node. The Service's address is reached by the node's own rules for Services,
 * a pod's without them: where the one fails and the other works, the rules that are audited may be why. A fact beside
 * the findings, and none itself: a firewall does the same.
 */
import type { WayFailure } from '../../proto/ways.ts';
import type { AgentWay } from '../model/record.ts';

const reasons: { readonly [reason in WayFailure]: string } = {
  refused: 'connection refused',
  timeout: 'no answer in time',
  'name-unknown': 'its name is not known',
  tls: 'TLS failed',
  unreachable: 'not reachable',
};

const kinds: { readonly [kind in AgentWay['kind']]: string } = {
  service: 'Service address',
  headless: 'headless name',
  pod: 'pod address',
  socket: 'socket',
  other: 'address',
};

/** Null unless the Service's address fails and another way works. */
export function waysSentence(ways: readonly AgentWay[]): string | null {
  const failing = ways.find(({ kind, failingSince }) => kind === 'service' && failingSince !== null);
  const since = failing?.failingSince?.replace(/\.\d+Z$/, 'Z');
  const working = ways.filter(({ kind }) => kind !== 'service').filter(works);
  // The way of the stream works for certain.
  const other = working.find(({ inUse }) => inUse) ?? working[0];
  if (failing === undefined || since === undefined || other === undefined) return null;
  const why = failing.reason === null ? '' : ` (${reasons[failing.reason]})`;
  return `The Service address ${failing.address} fails since ${since}${why} while the ${kinds[other.kind]} ${other.address} works: this node's own Service rules may be why.`;
}

function works({ inUse, lastWorkedAt, failingSince }: AgentWay): boolean {
  return inUse || (lastWorkedAt !== null && failingSince === null);
}
