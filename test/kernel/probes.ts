/** Real connects to every frontend of a table from every origin, and what became of them in the words of the tracer. */
import type { Address } from '../../proto/address.ts';
import { frontendKey } from '../../proto/canonical.ts';
import type { Entry, ForwardingTable, Origin } from '../../proto/forwarding.ts';
import { origins } from '../../proto/forwarding.ts';
import type { Lab } from './lab.ts';
import { clientAddress, masqueradeAddress, nodeAddress, otherClientAddress, podAddress } from './lab.ts';
import type { Connect, Outcome } from './lab-peer.ts';

/** One packet's way: who sends it, where to. */
export interface Probe {
  /** `tcp 10.96.0.1:80 from 192.168.100.50 (outside)`; names the probe in failures. */
  readonly name: string;
  readonly entry: Entry;
  readonly origin: Origin;
  readonly from: Address;
  readonly to: Address;
}

/** What becomes of a probe's connections, all of them together. */
export interface Fared {
  readonly verdict: 'forward' | 'reject' | 'drop' | 'none';
  /** `ip:port`, sorted; empty unless forwarded. */
  readonly backends: readonly string[];
  /** Whether some backend saw the node's address instead of the sender's. */
  readonly masquerade: boolean;
  /** Whether some connections went on un-NATed where others were forwarded. */
  readonly lost: boolean;
  /** Whether some connections were answered by nobody where others were forwarded. */
  readonly unanswered: boolean;
}

const sendersOf: { readonly [origin in Origin]: readonly Address[] } = {
  pod: [podAddress],
  node: [nodeAddress],
  outside: [clientAddress, otherClientAddress],
};

/** Probes of every frontend from every origin; node ports by the node's main address. */
export function probesOf(table: ForwardingTable): readonly Probe[] {
  return [...table.values()].flatMap((entry) =>
    origins.flatMap((origin) =>
      sendersOf[origin].map((from) => {
        const to = entry.frontend.address === 'node' ? nodeAddress : entry.frontend.address;
        return { name: `${frontendKey(entry.frontend)} from ${from} (${origin})`, entry, origin, from, to };
      }),
    ),
  );
}

/** One value per probe, by its name. */
export function byName<T>(probes: readonly Probe[], tell: (probe: Probe) => T): Readonly<Record<string, T>> {
  return Object.fromEntries(probes.map((probe) => [probe.name, tell(probe)]));
}

/**
 * Connects `times(probe)` times per probe, all at once.
 * @throws when a connection ends in a way that no rule brings about: then the lab itself is broken.
 */
export async function connectProbes(
  lab: Lab,
  probes: readonly Probe[],
  times: (probe: Probe) => number,
): Promise<Readonly<Record<string, Fared>>> {
  const perOrigin = origins.map(async (origin) => {
    const own = probes.filter((probe) => probe.origin === origin);
    const connects = own.flatMap((probe) => Array.from({ length: times(probe) }, () => connectOf(probe)));
    const outcomes = await lab.connect(origin, connects);
    let next = 0;
    return own.map((probe) => {
      const first = next;
      next += times(probe);
      return [probe.name, faredOf(probe, outcomes.slice(first, next))] as const;
    });
  });
  return Object.fromEntries((await Promise.all(perOrigin)).flat());
}

export function connectOf({ entry, from, to }: Probe): Connect {
  // Peers of the lab speak TCP and UDP; the lab has no SCTP service.
  return { protocol: entry.frontend.protocol === 'udp' ? 'udp' : 'tcp', to, port: entry.frontend.port, from };
}

function faredOf({ name, entry, from, to }: Probe, outcomes: readonly Outcome[]): Fared {
  const kinds = new Set(outcomes.map(({ kind }) => kind));
  const failed = outcomes.find((outcome) => outcome.kind === 'failed');
  if (failed?.kind === 'failed') throw new Error(`${name}: ${failed.code}`);
  if (kinds.has('refused') && kinds.size > 1) throw new Error(`${name}: ${[...kinds].join(' and ')}`);
  const answered = outcomes.flatMap((outcome) => (outcome.kind === 'answered' ? [outcome] : []));
  // An un-NATed packet is answered by the very address and port that it was sent to.
  const sent = answered.filter(({ server }) => server !== `${to}:${entry.frontend.port}`);
  if (sent.length > 0) {
    return {
      verdict: 'forward',
      backends: [...new Set(sent.map(({ server }) => server))].sort(),
      masquerade: sent.some(({ server, peer }) => peer !== from && peer === masqueradeAddress(server)),
      lost: answered.length > sent.length,
      unanswered: kinds.has('silent'),
    };
  }
  const verdict = kinds.has('refused') ? 'reject' : kinds.has('silent') ? 'drop' : 'none';
  return { verdict, backends: [], masquerade: false, lost: false, unanswered: false };
}
