/** What the table, and the walk of one packet, say of a probe's connections. */
import type { BackendRules } from '../../agent/dataplane/iptables.ts';
import { type PacketAnswer, tracePacket } from '../../agent/dataplane/packet-path.ts';
import type { Address, Backend } from '../../proto/address.ts';
import { parseHostPort } from '../../proto/address.ts';
import { frontendKey } from '../../proto/canonical.ts';
import type { Dress, ForwardingTable, Route } from '../../proto/forwarding.ts';
import { contains, prefixSet } from '../../proto/prefixes.ts';
import { localAddresses } from './lab.ts';
import type { Fared, Probe } from './probes.ts';

/** Null where the table says `unknown`: then it claims nothing. */
export function toldByTable(table: ForwardingTable, probe: Probe): Fared | null {
  const fate = table.get(frontendKey(probe.entry.frontend))?.forwarding[probe.origin];
  if (fate === undefined) return ended('none');
  const { route, dress } = fate;
  switch (route.action) {
    case 'unknown':
      return null;
    case 'reject':
    case 'drop':
    case 'none':
      return ended(route.action);
    case 'forward': {
      const isMeant = route.sources === 'any' || contains(prefixSet(route.sources), probe.from);
      return isMeant && dress !== null ? forwarded(route, dress, probe) : ended(route.otherwise);
    }
  }
}

type Forward = Extract<Route, { readonly action: 'forward' }>;

function forwarded(route: Forward, dress: Dress, { from }: Probe): Fared | null {
  const isMasqueraded =
    typeof dress.masquerade === 'string'
      ? dress.masquerade === 'always'
      : contains(prefixSet(dress.masquerade.some), from);
  const lost = dress.shares !== 'even' && dress.shares.lost > 0;
  const isMeeting = (backend: Backend): boolean => parseHostPort(backend)?.address === from;
  if (isMasqueraded || !route.backends.some(isMeeting)) {
    return { verdict: 'forward', backends: route.backends, masquerade: isMasqueraded, lost, unanswered: false };
  }
  switch (dress.hairpin) {
    case 'all':
      return { verdict: 'forward', backends: route.backends, masquerade: true, lost, unanswered: false };
    // Some backends are masqueraded towards themselves: the table does not say which.
    case 'some':
      return null;
    case 'none': {
      // The sender gets its own packet back, with its own source, and answers nobody.
      const others = route.backends.filter((backend) => !isMeeting(backend));
      if (others.length === 0) return ended('drop');
      return { verdict: 'forward', backends: others, masquerade: false, lost, unanswered: true };
    }
  }
}

/** What the walk of one packet says; null where it says `unknown`. Of the lost and the unanswered it tells nothing. */
export function toldByWalk(rules: BackendRules, { from, to, entry }: Probe): Fared | null {
  const { protocol, port } = entry.frontend;
  return toldByAnswer(tracePacket({ rulesets: [rules], from, to, port, protocol, localAddresses }), from);
}

/** The same of an answer from whichever tracer. @param from the packet's source. */
export function toldByAnswer(answer: PacketAnswer, from: Address): Fared | null {
  if (answer.verdict === 'unknown') return null;
  // As above: a sender that meets only itself, with its own source.
  if (!answer.masquerade && answer.backends.length === 1 && answer.backends[0]?.ip === from) return ended('drop');
  return {
    verdict: answer.verdict === 'accept' ? 'none' : answer.verdict,
    backends: answer.backends.map((backend) => `${backend.ip}:${backend.port}`).sort(),
    masquerade: answer.masquerade,
    lost: false,
    unanswered: false,
  };
}

function ended(verdict: 'reject' | 'drop' | 'none'): Fared {
  return { verdict, backends: [], masquerade: false, lost: false, unanswered: false };
}
