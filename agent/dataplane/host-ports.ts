/**
 * Ports of the node that somebody else than kube-proxy sends to a pod or container: portmap's, CRI-O's, Docker's.
 *
 *     -A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
 *     -A CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: ..." -m multiport --dports 8088 -j CNI-DN-8b54de9ef9ce11b42b1e5
 *     -A CNI-DN-8b54de9ef9ce11b42b1e5 -p tcp -m tcp --dport 8088 -j DNAT --to-destination 10.244.1.8:8080
 *
 * A DNAT counts when PREROUTING leads to it; what else is asked of the packets is not. CRI-O's names no port (and the
 * kubelet's before it): the rule that leads to its chain does.
 *
 *     -A KUBE-HOSTPORTS -p tcp -m comment --comment "..." -m tcp --dport 443 -j KUBE-HP-A7HWACIJNU4N3R5W
 *     -A KUBE-HP-A7HWACIJNU4N3R5W -p tcp -m comment --comment "..." -m tcp -j DNAT --to-destination 10.244.1.8:8443
 */
import { type Address, backendOf, parseAddress, parseBackend } from '../../proto/address.ts';
import type { Protocol } from '../../proto/forwarding.ts';
import type { HostPort, LongExcerpt } from '../../proto/parts.ts';
import { chainsReached } from './chains-reached.ts';
import type { WalkedTable } from './rule-tables.ts';

/** As many as a report may list. */
const mostListed = 2000;

/** @param nat the nat table; undefined when there is none. */
export function hostPortsOf(nat: WalkedTable | undefined): LongExcerpt<HostPort> {
  if (nat === undefined) return { total: 0, first: [] };
  const found = new Map<string, HostPort>();
  const asked = new Map<number, readonly number[]>();
  for (const chain of chainsReached(nat, 'PREROUTING')) {
    const inherited = asked.get(chain) ?? [];
    for (let rule = nat.firstRule(chain); rule < nat.endOfRules(chain); rule++) {
      const own = portsOf(nat, rule);
      const ports = own.length > 0 ? own : inherited;
      const { action } = nat.plan(rule);
      if (action.kind === 'jump' && ports.length > 0) {
        const next = nat.operandId(rule, action.operand);
        asked.set(next, [...(asked.get(next) ?? []), ...ports].slice(0, mostListed));
      }
      for (const one of ofRule(nat, rule, ports)) found.set(JSON.stringify(one), one);
    }
  }
  return { total: found.size, first: [...found.values()].slice(0, mostListed) };
}

/** @param ports that the rule asks for, or those that lead to it. */
function ofRule(nat: WalkedTable, rule: number, ports: readonly number[]): readonly HostPort[] {
  const { action } = nat.plan(rule);
  const protocol = transport(nat.protocol(rule));
  if (action.kind !== 'dnat' || protocol === null) return [];
  const address = nat.hostDestination(rule);
  const to = nat.operandText(rule, action.to);
  return ports.flatMap((port) => {
    const backend = backendAt(to, port);
    return backend === null ? [] : [{ protocol, port, address, backend }];
  });
}

/** The ports that a rule names, one or several; of a range, only one that is no longer than a list may be. */
function portsOf(nat: WalkedTable, rule: number): readonly number[] {
  const single = nat.singlePort(rule);
  if (single !== null) return [single];
  return nat.plan(rule).conditions.flatMap((condition) => {
    if (condition.kind !== 'destination-ports' || condition.negated) return [];
    return condition.ports.flatMap(({ first, last }) =>
      last - first < mostListed ? Array.from({ length: last - first + 1 }, (_, i) => first + i) : [],
    );
  });
}

/** Without a port of its own, DNAT keeps that of the packet. */
function backendAt(to: string, port: number): HostPort['backend'] | null {
  const address: Address | null = parseAddress(to);
  return address === null ? parseBackend(to) : backendOf(address, port);
}

function transport(text: string | null): Protocol | null {
  return text === 'tcp' || text === 'udp' || text === 'sctp' ? text : null;
}
