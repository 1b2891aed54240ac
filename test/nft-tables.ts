/** nft's text of kube-proxy's IPv4 table for tests: the skeleton of either shape, with what a case puts into it. */
import {
  type FamilyTable,
  type NftTable,
  parseNftables,
  type TracedNft,
  traceNftables,
} from '../agent/dataplane/nftables.ts';
import { type ForwardingTable, origins } from '../proto/forwarding.ts';
import type { LocalDetector } from '../proto/profile.ts';
import { address, prefixDetector } from './builders.ts';
import { fateInShort } from './fate-in-short.ts';

/** Elements of maps and sets, and chains with their rules; a chain named here replaces that of the skeleton. */
export interface NftContents {
  readonly elements?: Readonly<Record<string, readonly string[]>>;
  /** Sets beside those of the skeleton, with their lines. */
  readonly sets?: Readonly<Record<string, readonly string[]>>;
  readonly chains?: Readonly<Record<string, readonly string[]>>;
}

const service = 'type ipv4_addr . inet_proto . inet_service : verdict';
const nodePort = 'type inet_proto . inet_service : verdict';
const maps: Readonly<Record<string, string>> = {
  'no-endpoint-services': service,
  'no-endpoint-nodeports': nodePort,
  'firewall-ips': service,
  'service-ips': service,
  'service-nodeports': nodePort,
};

/** Base chains and fixed chains of v1.36. */
const newSkeleton: Readonly<Record<string, readonly string[]>> = {
  'filter-prerouting-pre-dnat': [
    'type filter hook prerouting priority dstnat - 10; policy accept;',
    'ct state new jump firewall-check',
  ],
  'filter-output-pre-dnat': [
    'type filter hook output priority -110; policy accept;',
    'ct state new jump firewall-check',
  ],
  'filter-input': [
    'type filter hook input priority filter; policy accept;',
    'ct state new jump nodeport-endpoints-check',
    'ct state new jump service-endpoints-check',
  ],
  'filter-forward': [
    'type filter hook forward priority filter; policy accept;',
    'ct state new jump service-endpoints-check',
    'ct state new jump cluster-ips-check',
  ],
  'filter-output': [
    'type filter hook output priority filter; policy accept;',
    'ct state new jump service-endpoints-check',
    'ct state new jump cluster-ips-check',
  ],
  'nat-prerouting': ['type nat hook prerouting priority dstnat; policy accept;', 'jump services'],
  'nat-output': ['type nat hook output priority -100; policy accept;', 'jump services'],
  'nat-postrouting': ['type nat hook postrouting priority srcnat; policy accept;', 'jump masquerading'],
  'nodeport-endpoints-check': ['ip daddr @nodeport-ips meta l4proto . th dport vmap @no-endpoint-nodeports'],
  'service-endpoints-check': ['ip daddr . meta l4proto . th dport vmap @no-endpoint-services'],
  'firewall-check': ['ip daddr . meta l4proto . th dport vmap @firewall-ips'],
  services: [
    'ip daddr @cluster-ips ip saddr != 10.244.0.0/16 meta mark set meta mark | 0x00004000',
    'ip daddr . meta l4proto . th dport vmap @service-ips',
    'ip daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports',
  ],
  masquerading: [
    'meta mark & 0x00004000 != 0x00000000 meta mark set meta mark ^ 0x00004000 masquerade fully-random',
    'ct status dnat ip saddr . ip daddr . meta l4proto . th dport @hairpin-connections masquerade fully-random',
  ],
  'cluster-ips-check': ['ip daddr @cluster-ips reject', 'ip daddr 10.96.0.0/16 drop'],
  'reject-chain': ['reject'],
};

const newSets: Readonly<Record<string, readonly string[]>> = {
  'hairpin-connections': ['type ipv4_addr . ipv4_addr . inet_proto . inet_service'],
  'cluster-ips': ['type ipv4_addr'],
  'nodeport-ips': ['type ipv4_addr'],
};

/** Fixed chains of the releases with endpoint chains, all addresses for node ports. */
const oldSkeleton: Readonly<Record<string, readonly string[]>> = {
  'filter-prerouting': [
    'type filter hook prerouting priority dstnat - 10; policy accept;',
    'ct state new jump firewall-check',
  ],
  'filter-input': [
    'type filter hook input priority -110; policy accept;',
    'ct state new jump nodeport-endpoints-check',
    'ct state new jump service-endpoints-check',
  ],
  'filter-forward': [
    'type filter hook forward priority -110; policy accept;',
    'ct state new jump service-endpoints-check',
    'ct state new jump cluster-ips-check',
  ],
  'filter-output': [
    'type filter hook output priority -110; policy accept;',
    'ct state new jump service-endpoints-check',
    'ct state new jump firewall-check',
  ],
  'filter-output-post-dnat': [
    'type filter hook output priority -90; policy accept;',
    'ct state new jump cluster-ips-check',
  ],
  'nat-prerouting': ['type nat hook prerouting priority dstnat; policy accept;', 'jump services'],
  'nat-output': ['type nat hook output priority -100; policy accept;', 'jump services'],
  'nat-postrouting': ['type nat hook postrouting priority srcnat; policy accept;', 'jump masquerading'],
  'nodeport-endpoints-check': [
    'fib daddr type local ip daddr != 127.0.0.0/8 meta l4proto . th dport vmap @no-endpoint-nodeports',
  ],
  'service-endpoints-check': ['ip daddr . meta l4proto . th dport vmap @no-endpoint-services'],
  'firewall-check': ['ip daddr . meta l4proto . th dport vmap @firewall-ips'],
  services: [
    'ip daddr . meta l4proto . th dport vmap @service-ips',
    'fib daddr type local ip daddr != 127.0.0.0/8 meta l4proto . th dport vmap @service-nodeports',
  ],
  'mark-for-masquerade': ['meta mark set meta mark | 0x00004000'],
  masquerading: [
    'meta mark & 0x00004000 == 0x00000000 return',
    'meta mark set meta mark ^ 0x00004000',
    'masquerade fully-random',
  ],
  'cluster-ips-check': ['ip daddr @cluster-ips reject', 'ip daddr 10.96.0.0/16 drop'],
  'reject-chain': ['reject'],
};

const oldSets: Readonly<Record<string, readonly string[]>> = { 'cluster-ips': ['type ipv4_addr'] };

/** The table as v1.36 writes it; 192.168.100.11 answers node ports. */
export function newShape(contents: NftContents = {}): string {
  const elements = { 'nodeport-ips': ['192.168.100.11'], ...contents.elements };
  return tableText(newSkeleton, newSets, { ...contents, elements });
}

/** The table of the releases with endpoint chains. */
export function oldShape(contents: NftContents = {}): string {
  return tableText(oldSkeleton, oldSets, contents);
}

function tableText(
  skeleton: Readonly<Record<string, readonly string[]>>,
  fixedSets: Readonly<Record<string, readonly string[]>>,
  { elements = {}, sets = {}, chains = {} }: NftContents,
): string {
  const held = (name: string): readonly string[] => {
    const own = elements[name] ?? [];
    return own.length === 0 ? [] : [`elements = { ${own.join(',\n\t\t\t     ')} }`];
  };
  const blocks = [
    ...Object.entries({ ...fixedSets, ...sets }).map(([name, lines]) => block('set', name, [...lines, ...held(name)])),
    ...Object.entries(maps).map(([name, type]) => block('map', name, [type, ...held(name)])),
    ...Object.entries({ ...skeleton, ...chains }).map(([name, lines]) => block('chain', name, lines)),
  ];
  return `table ip kube-proxy {\n\tcomment "rules for kube-proxy"\n${blocks.join('\n')}}\n`;
}

function block(kind: string, name: string, lines: readonly string[]): string {
  return `\t${kind} ${name} {\n${lines.map((line) => `\t\t${line}\n`).join('')}\t}\n`;
}

/** The table that a text lists, as the reader finds it. */
export function nftTable(text: string): NftTable {
  const parsed = parseNftables(text);
  if (!parsed.ok) throw new Error(`line ${parsed.failure.line}: ${parsed.failure.message}`);
  return parsed.table;
}

/** kube-proxy's tables out of `nft list ruleset`. */
export function nftTables(ruleset: string): readonly FamilyTable[] {
  return [...ruleset.matchAll(/^table ip6? kube-proxy \{\n[\s\S]*?\n\}\n/gm)].map(([text]) => {
    const table = nftTable(text);
    return { family: table.family, table };
  });
}

/** Traced on node-a: 192.168.100.11 and the bridge 10.244.1.1, pods in 10.244.0.0/16 unless told. */
export function traceText(text: string, detector: LocalDetector = prefixDetector('10.244.0.0/16')): TracedNft {
  const table = nftTable(text);
  return traceNftables({
    tables: [{ family: table.family, table }],
    localAddresses: ['127.0.0.1', '192.168.100.11', '10.244.1.1'].map(address),
    localDetector: { ipv4: detector, ipv6: detector },
    links: ['lo', 'eth0', 'veth1'],
  });
}

/** A table in short: frontend, then the fate of each origin; one line where all are equal. */
export function inShort(table: ForwardingTable): Readonly<Record<string, string | readonly string[]>> {
  return Object.fromEntries(
    [...table].map(([key, { forwarding }]) => {
      const [pod, made, outside] = origins.map((origin) => fateInShort(forwarding[origin]));
      const isSame = pod === made && pod === outside;
      return [key, isSame ? String(pod) : [`pod: ${pod}`, `node: ${made}`, `outside: ${outside}`]];
    }),
  );
}
