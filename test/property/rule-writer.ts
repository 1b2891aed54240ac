/**
 * A second kube-proxy, for tests only: writes a ForwardingTable as the iptables rules that kube-proxy would have made for
 * it (pkg/proxy/iptables/proxier.go of v1.36: skeleton, chain names, order, comments), so that reading is tested against
 * writing. It takes only what a healthy kube-proxy can produce and throws on anything else.
 */
import type { DesiredOwner } from '../../aggregator/model/desired.ts';
import type { Address, Family, Prefix } from '../../proto/address.ts';
import { familyOf } from '../../proto/address.ts';
import { servicePortName } from '../../proto/chain-names.ts';
import type { Entry, ForwardingTable, FrontendKey, Origin } from '../../proto/forwarding.ts';
import { origins } from '../../proto/forwarding.ts';
import type { PrefixSet } from '../../proto/prefixes.ts';
import { addressSet, emptySet, everything, prefixSet, subtract, toPrefixes, union } from '../../proto/prefixes.ts';
import type { LocalDetector } from '../../proto/profile.ts';
import type { OwnedEntry } from './service-port.ts';
import type { PlacedRule } from './service-rules.ts';
import { serviceRules } from './service-rules.ts';
import type { WrittenRules, WrittenTable } from './written-rules.ts';
import { chainOf } from './written-rules.ts';

export interface RuleWriterInput {
  readonly table: ForwardingTable;
  readonly owners: ReadonlyMap<FrontendKey, DesiredOwner>;
  readonly localDetector: { readonly [family in Family]: LocalDetector };
  readonly localAddresses: readonly Address[];
  readonly markBit: number;
  readonly localhostNodePorts: boolean;
}

/**
 * The rules of one family, in the order in which iptables-save prints them.
 * @throws on an entry without owner, or with a fate that kube-proxy never writes.
 */
export function writeRules(input: RuleWriterInput, family: Family): WrittenRules {
  const localhostNodePorts = input.localhostNodePorts && family === 'ipv4';
  const detector = input.localDetector[family];
  const rangesOf = (entry: Entry): readonly Prefix[] => sourceRanges(entry, detector, input.localAddresses);
  const rules = [...baseRules(input.markBit, localhostNodePorts)];
  for (const entries of servicePorts(input, family)) {
    rules.push(...serviceRules({ family, entries, detector, localhostNodePorts, rangesOf }));
  }
  // kube-proxy's note on this rule: it must be the last of its chain.
  const loopback = family === 'ipv6' ? '! -d ::1/128 ' : localhostNodePorts ? '' : '! -d 127.0.0.0/8 ';
  const note = 'kubernetes service nodeports; NOTE: this must be the last rule in this chain';
  const last = `-A KUBE-SERVICES ${loopback}-m comment --comment "${note}" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS`;
  rules.push({ table: 'nat', line: last });
  return [
    tableOf('mangle', ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'], ['KUBE-PROXY-CANARY'], rules),
    tableOf('filter', ['INPUT', 'FORWARD', 'OUTPUT'], filterChains, rules),
    tableOf('nat', ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'], natChains, rules),
  ];
}

const filterChains = [
  'KUBE-EXTERNAL-SERVICES',
  'KUBE-FIREWALL',
  'KUBE-FORWARD',
  'KUBE-NODEPORTS',
  'KUBE-PROXY-CANARY',
  'KUBE-PROXY-FIREWALL',
  'KUBE-SERVICES',
];
const natChains = ['KUBE-MARK-MASQ', 'KUBE-NODEPORTS', 'KUBE-POSTROUTING', 'KUBE-PROXY-CANARY', 'KUBE-SERVICES'];

function tableOf(
  name: string,
  builtIn: readonly string[],
  fixed: readonly string[],
  rules: readonly PlacedRule[],
): WrittenTable {
  const lines = rules.filter(({ table }) => table === name).map(({ line }) => line);
  const own = new Set([...fixed, ...lines.map(chainOf).filter((chain) => !builtIn.includes(chain))]);
  const chains = [
    ...builtIn.map((chain) => ({ name: chain, policy: 'ACCEPT' })),
    ...[...own].sort().map((chain) => ({ name: chain, policy: null })),
  ];
  return { name, chains, rules: chains.flatMap((chain) => lines.filter((line) => chainOf(line) === chain.name)) };
}

/** The base jumps and the chains that hold no service's rules. */
function baseRules(markBit: number, localhostNodePorts: boolean): readonly PlacedRule[] {
  const mark = `0x${(2 ** markBit).toString(16)}`;
  const portals = '-m comment --comment "kubernetes service portals"';
  const visible = '-m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals"';
  const firewall = '-m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall"';
  const filter = [
    '-A INPUT -j KUBE-FIREWALL',
    `-A INPUT ${firewall} -j KUBE-PROXY-FIREWALL`,
    '-A INPUT -m comment --comment "kubernetes health check service ports" -j KUBE-NODEPORTS',
    `-A INPUT ${visible} -j KUBE-EXTERNAL-SERVICES`,
    `-A FORWARD ${firewall} -j KUBE-PROXY-FIREWALL`,
    '-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD',
    `-A FORWARD -m conntrack --ctstate NEW ${portals} -j KUBE-SERVICES`,
    `-A FORWARD ${visible} -j KUBE-EXTERNAL-SERVICES`,
    '-A OUTPUT -j KUBE-FIREWALL',
    `-A OUTPUT ${firewall} -j KUBE-PROXY-FIREWALL`,
    `-A OUTPUT -m conntrack --ctstate NEW ${portals} -j KUBE-SERVICES`,
    ...(localhostNodePorts
      ? [
          '-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP',
        ]
      : []),
    '-A KUBE-FORWARD -m conntrack --ctstate INVALID -m nfacct --nfacct-name  ct_state_invalid_dropped_pkts -j DROP',
    `-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark ${mark}/${mark} -j ACCEPT`,
    '-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
  ];
  const nat = [
    `-A PREROUTING ${portals} -j KUBE-SERVICES`,
    `-A OUTPUT ${portals} -j KUBE-SERVICES`,
    '-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING',
    `-A KUBE-MARK-MASQ -j MARK --set-xmark ${mark}/${mark}`,
    `-A KUBE-POSTROUTING -m mark ! --mark ${mark}/${mark} -j RETURN`,
    `-A KUBE-POSTROUTING -j MARK --set-xmark ${mark}/0x0`,
    '-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully',
  ];
  return [
    ...filter.map((line): PlacedRule => ({ table: 'filter', line })),
    ...nat.map((line): PlacedRule => ({ table: 'nat', line })),
  ];
}

/** The entries of one family, service port by service port, in the order of their texts. */
function servicePorts({ table, owners }: RuleWriterInput, family: Family): readonly (readonly OwnedEntry[])[] {
  const ports = new Map<string, OwnedEntry[]>();
  for (const [key, entry] of table) {
    if (entry.frontend.family !== family) continue;
    const owner = owners.get(key);
    if (owner === undefined) throw new Error(`${key} has no owner to write rules for`);
    const port = `${servicePortName(owner.namespace, owner.name, owner.portName)} ${owner.protocol}`;
    ports.set(port, [...(ports.get(port) ?? []), { ...entry, owner }]);
  }
  return [...ports].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entries]) => entries);
}

/** The source ranges that give each origin the sources it has, put back together. */
function sourceRanges(entry: Entry, detector: LocalDetector, local: readonly Address[]): readonly Prefix[] {
  const { family, address } = entry.frontend;
  const pods = detector.kind === 'prefix' ? prefixSet([detector.prefix]) : emptySet;
  // Packets of the node itself come from its addresses, loopback apart, or from the service address bound to it.
  const own = local.filter((one) => familyOf(one) === family && one !== '::1' && !one.startsWith('127.'));
  const nodeAddresses = subtract(addressSet(address === 'node' ? own : [...own, address]), pods);
  const universe: { readonly [origin in Origin]: PrefixSet } = {
    pod: pods,
    node: nodeAddresses,
    outside: subtract(subtract(everything(family), pods), nodeAddresses),
  };
  let ranges = emptySet;
  for (const origin of origins) {
    const { route } = entry.forwarding[origin];
    if (route.action !== 'forward') continue;
    ranges = union(ranges, route.sources === 'any' ? universe[origin] : prefixSet(route.sources));
  }
  return toPrefixes(ranges);
}
