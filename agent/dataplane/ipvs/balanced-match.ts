/**
 * `-m ipvs`, iptables-extensions(8): whether the kernel's load balancer has a packet in hand, and for which of its
 * virtual servers (net/netfilter/xt_ipvs.c).
 *
 *     -A KUBE-IPVS-OUT-FILTER -s 203.0.113.11/32 -m ipvs --vproto 6 --vaddr 203.0.113.11 --vport 80 -j DROP
 */
import { parseAddress, parseWhole } from '../../../proto/address.ts';
import type { Protocol } from '../../../proto/forwarding.ts';
import { type ServerKey, serverKey } from './server.ts';

const protocols: ReadonlyMap<string, Protocol> = new Map([
  ['6', 'tcp'],
  ['17', 'udp'],
  ['132', 'sctp'],
]);

/**
 * What a match asks.
 * @returns the virtual server, null for any; null for all of it where it asks for something else than these.
 */
export function balancedBy(
  words: readonly string[],
): { readonly server: ServerKey | null; readonly negated: boolean } | null {
  const text = words.join(' ');
  if (text === '--ipvs' || text === '! --ipvs') return { server: null, negated: text.startsWith('!') };
  const asked = new Map<string, string>();
  for (let i = 0; i + 1 < words.length; i += 2) asked.set(words[i] ?? '', words[i + 1] ?? '');
  const protocol = protocols.get(asked.get('--vproto') ?? '');
  const address = parseAddress(asked.get('--vaddr') ?? '');
  const port = parseWhole(asked.get('--vport') ?? '', 65535);
  if (protocol === undefined || address === null || port === null || words.length !== 6) return null;
  return { server: serverKey(protocol, address, port), negated: false };
}
