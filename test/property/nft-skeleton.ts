/** What kube-proxy's table of nftables mode holds whatever the Services: base chains, fixed chains, sets and maps. */
import type { Address, Family, Prefix } from '../../proto/address.ts';
import type { LocalDetector } from '../../proto/profile.ts';
import type { WrittenChain, WrittenNft, WrittenSet } from './nft-written.ts';

/**
 * `v1.36`: masquerading once for all cluster IPs, a set of hairpin connections, endpoint chains for client affinity only.
 * `endpoint chains`: the releases before, with a chain for each endpoint and refusals ahead of DNAT on the output hook.
 */
export type NftShape = 'v1.36' | 'endpoint chains';

/** All of a kube-proxy's configuration that shows in its table of one family. */
export interface NftConfiguration {
  readonly shape: NftShape;
  readonly family: Family;
  readonly detector: LocalDetector;
  readonly masqueradeAll: boolean;
  readonly markBit: number;
  /** `all` = every address of the node but loopback. */
  readonly nodePorts: 'all' | readonly Address[];
  /** The API's ServiceCIDRs. */
  readonly serviceRanges: readonly Prefix[];
}

/** `ip` or `ip6`, as rules begin. */
export function nftFamily(family: Family): 'ip' | 'ip6' {
  return family === 'ipv6' ? 'ip6' : 'ip';
}

/** The statement that sets kube-proxy's mark. */
export function setsMark({ markBit }: NftConfiguration): string {
  return `meta mark set meta mark | ${markText(markBit)}`;
}

/** A match of packets of local pods, or of all others; null where kube-proxy knows no local pods. */
export function podMatch({ family, detector }: NftConfiguration, negation: '' | '!= '): string | null {
  switch (detector.kind) {
    case 'prefix':
      return `${nftFamily(family)} saddr ${negation}${detector.prefix}`;
    case 'interface':
      return `iifname ${negation}"${detector.pattern.replace('+', '*')}"`;
    case 'none':
      return null;
  }
}

/** The table of a cluster without any Service. */
export function emptyTable(configuration: NftConfiguration): WrittenNft {
  const chains = configuration.shape === 'v1.36' ? newChains(configuration) : oldChains(configuration);
  return {
    family: configuration.family,
    sets: fixedSets(configuration),
    chains: new Map(chains.map(([name, head, rules]) => [name, { head, rules, service: null }])),
  };
}

function markText(markBit: number): string {
  return `0x${(2 ** markBit).toString(16).padStart(8, '0')}`;
}

function fixedSets(configuration: NftConfiguration): ReadonlyMap<string, WrittenSet> {
  const { family, shape, nodePorts } = configuration;
  const address = `${family}_addr`;
  const set = (kind: 'set' | 'map', type: string, comment: string): WrittenSet => {
    return { kind, head: [`type ${type}`, `comment "${comment}"`], elements: [], service: null };
  };
  const toService = `${address} . inet_proto . inet_service : verdict`;
  const toPort = 'inet_proto . inet_service : verdict';
  const hairpin = `${address} . ${address} . inet_proto . inet_service`;
  const answering = set('set', address, 'IPs that accept NodePort traffic');
  const addresses = nodePorts === 'all' ? [] : nodePorts.map((text) => ({ text, service: null }));
  return new Map<string, WrittenSet>([
    ...(shape === 'v1.36'
      ? [['hairpin-connections', set('set', hairpin, 'service hairpin connections')] as const]
      : []),
    ['cluster-ips', set('set', address, 'Active ClusterIPs')],
    ...(nodePorts === 'all' ? [] : [['nodeport-ips', { ...answering, elements: addresses }] as const]),
    ['no-endpoint-services', set('map', toService, 'vmap to drop or reject packets to services with no endpoints')],
    [
      'no-endpoint-nodeports',
      set('map', toPort, 'vmap to drop or reject packets to service nodeports with no endpoints'),
    ],
    ['firewall-ips', set('map', toService, 'destinations that are subject to LoadBalancerSourceRanges')],
    ['service-ips', set('map', toService, 'ClusterIP, ExternalIP and LoadBalancer IP traffic')],
    ['service-nodeports', set('map', toPort, 'NodePort traffic')],
  ]);
}

/** Name, head, rules. */
type Chain = readonly [name: string, head: WrittenChain['head'], rules: WrittenChain['rules']];

function base(name: string, hooked: string, jumps: readonly string[]): Chain {
  const isNat = hooked.startsWith('nat');
  return [name, [`type ${hooked}; policy accept;`], jumps.map((to) => `${isNat ? '' : 'ct state new '}jump ${to}`)];
}

const natChains: readonly Chain[] = [
  base('nat-prerouting', 'nat hook prerouting priority dstnat', ['services']),
  base('nat-output', 'nat hook output priority -100', ['services']),
  base('nat-postrouting', 'nat hook postrouting priority srcnat', ['masquerading']),
];

function newChains(configuration: NftConfiguration): readonly Chain[] {
  const ip = nftFamily(configuration.family);
  const marked = `meta mark & ${markText(configuration.markBit)} != 0x00000000`;
  const unmarks = `meta mark set meta mark ^ ${markText(configuration.markBit)}`;
  return [
    base('filter-prerouting-pre-dnat', 'filter hook prerouting priority dstnat - 10', ['firewall-check']),
    base('filter-output-pre-dnat', 'filter hook output priority -110', ['firewall-check']),
    base('filter-input', 'filter hook input priority filter', ['nodeport-endpoints-check', 'service-endpoints-check']),
    base('filter-forward', 'filter hook forward priority filter', ['service-endpoints-check', 'cluster-ips-check']),
    base('filter-output', 'filter hook output priority filter', ['service-endpoints-check', 'cluster-ips-check']),
    ...natChains,
    ...commonChains(configuration, clusterIpMasquerade(configuration)),
    [
      'masquerading',
      [],
      [
        `${marked} ${unmarks} masquerade fully-random`,
        `ct status dnat ${ip} saddr . ${ip} daddr . meta l4proto . th dport @hairpin-connections masquerade fully-random`,
      ],
    ],
  ];
}

function clusterIpMasquerade(configuration: NftConfiguration): readonly string[] {
  const to = `${nftFamily(configuration.family)} daddr @cluster-ips`;
  const mark = setsMark(configuration);
  if (configuration.masqueradeAll) return [`${to} ${mark} comment "masquerade all clusterIP traffic"`];
  const strangers = podMatch(configuration, '!= ');
  const comment = 'comment "masquerade clusterIP traffic from outside cluster"';
  return strangers === null ? [] : [`${to} ${strangers} ${mark} ${comment}`];
}

function oldChains(configuration: NftConfiguration): readonly Chain[] {
  const mark = markText(configuration.markBit);
  return [
    base('filter-prerouting', 'filter hook prerouting priority dstnat - 10', ['firewall-check']),
    base('filter-input', 'filter hook input priority -110', ['nodeport-endpoints-check', 'service-endpoints-check']),
    base('filter-forward', 'filter hook forward priority -110', ['service-endpoints-check', 'cluster-ips-check']),
    base('filter-output', 'filter hook output priority -110', ['service-endpoints-check', 'firewall-check']),
    base('filter-output-post-dnat', 'filter hook output priority -90', ['cluster-ips-check']),
    ...natChains,
    ...commonChains(configuration, []),
    ['mark-for-masquerade', [], [setsMark(configuration)]],
    [
      'masquerading',
      [],
      [`meta mark & ${mark} == 0x00000000 return`, `meta mark set meta mark ^ ${mark}`, 'masquerade fully-random'],
    ],
  ];
}

function commonChains(configuration: NftConfiguration, first: readonly string[]): readonly Chain[] {
  const { family, nodePorts, serviceRanges } = configuration;
  const ip = nftFamily(family);
  const key = `${ip} daddr . meta l4proto . th dport`;
  const loopback = family === 'ipv6' ? '::1' : '127.0.0.0/8';
  const toNode = nodePorts === 'all' ? `fib daddr type local ${ip} daddr != ${loopback}` : `${ip} daddr @nodeport-ips`;
  return [
    ['nodeport-endpoints-check', [], [`${toNode} meta l4proto . th dport vmap @no-endpoint-nodeports`]],
    ['service-endpoints-check', [], [`${key} vmap @no-endpoint-services`]],
    ['firewall-check', [], [`${key} vmap @firewall-ips`]],
    [
      'services',
      [],
      [...first, `${key} vmap @service-ips`, `${toNode} meta l4proto . th dport vmap @service-nodeports`],
    ],
    [
      'cluster-ips-check',
      [],
      [
        `${ip} daddr @cluster-ips reject comment "Reject traffic to invalid ports of ClusterIPs"`,
        ...serviceRanges.map((range) => `${ip} daddr ${range} drop comment "Drop traffic to unallocated ClusterIPs"`),
      ],
    ],
    ['reject-chain', ['comment "helper for @no-endpoint-services / @no-endpoint-nodeports"'], ['reject']],
  ];
}
