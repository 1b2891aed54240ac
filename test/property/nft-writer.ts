/**
 * kube-proxy's IPv4 table of nftables mode for a random cluster, as text: what pkg/proxy/nftables/proxier.go makes of
 * Services and endpoints, in the shape of v1.36 and in that of releases with a chain for each endpoint. Which endpoints
 * serve, the audit's own choice says, which is tested elsewhere; every map, chain and rule is written here anew.
 */
import { chooseEndpoints } from '../../aggregator/audit/endpoints.ts';
import { type ServedPort, servedPorts } from '../../aggregator/audit/service-ports.ts';
import { loadBalancerIPs, externalIPs, useOf } from '../../aggregator/audit/wishes.ts';
import { type Backend, parseHostPort } from '../../proto/address.ts';
import type { LocalDetector } from '../../proto/profile.ts';
import { contains, prefixSet } from '../../proto/prefixes.ts';
import { type NftContents, newShape, oldShape } from '../nft-tables.ts';
import type { RandomCluster } from './cluster-arbitrary.ts';

export type NftShape = 'v1.36' | 'endpoint chains';

/** What one service port puts into the table. */
class Written {
  readonly elements: Record<string, string[]> = {};
  readonly sets: Record<string, readonly string[]> = {};
  readonly chains: Record<string, readonly string[]> = {};

  element(map: string, text: string): void {
    const held = this.elements[map] ?? [];
    if (!held.includes(text)) held.push(text);
    this.elements[map] = held;
  }
}

/** @param cluster of IPv4. */
export function nftText(cluster: RandomCluster, shape: NftShape): string {
  const written = new Written();
  for (const served of servedPorts(cluster.state, 'ipv4')) new PortWriter(cluster, shape, served, written).write();
  const contents: NftContents = { ...written, chains: { ...fixedChains(cluster, shape), ...written.chains } };
  return shape === 'v1.36' ? newShape(contents) : oldShape(contents);
}

/** The fixed chains that depend on kube-proxy's configuration. */
function fixedChains(cluster: RandomCluster, shape: NftShape): Readonly<Record<string, readonly string[]>> {
  const mark = markOf(cluster);
  if (shape === 'endpoint chains') {
    return {
      'mark-for-masquerade': [`meta mark set meta mark | ${mark}`],
      masquerading: [
        `meta mark & ${mark} == 0x00000000 return`,
        `meta mark set meta mark ^ ${mark}`,
        'masquerade fully-random',
      ],
    };
  }
  const strangers = masqueradeMatch(cluster);
  return {
    services: [
      ...(strangers === null ? [] : [`ip daddr @cluster-ips ${strangers}meta mark set meta mark | ${mark}`]),
      'ip daddr . meta l4proto . th dport vmap @service-ips',
      'ip daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports',
    ],
    masquerading: [
      `meta mark & ${mark} != 0x00000000 meta mark set meta mark ^ ${mark} masquerade fully-random`,
      'ct status dnat ip saddr . ip daddr . meta l4proto . th dport @hairpin-connections masquerade fully-random',
    ],
  };
}

function markOf({ node }: RandomCluster): string {
  return `0x${(2 ** (node.markBit ?? 14)).toString(16).padStart(8, '0')}`;
}

/** What tells packets to cluster IPs that are masqueraded, with a blank behind it; null = none are. */
function masqueradeMatch({ node }: RandomCluster): string | null {
  if (node.masqueradeAll) return '';
  const { what, local } = localPods(node.localDetector.ipv4) ?? {};
  return what === undefined ? null : `${what} != ${local} `;
}

/** How kube-proxy tells local pods; null = it knows none. */
function localPods(detector: LocalDetector): { readonly what: string; readonly local: string } | null {
  switch (detector.kind) {
    case 'prefix':
      return { what: 'ip saddr', local: detector.prefix };
    case 'interface':
      return { what: 'iifname', local: `"${detector.pattern.replace('+', '*')}"` };
    case 'none':
      return null;
  }
}

/** Writes what one service port asks for. */
class PortWriter {
  readonly #cluster: RandomCluster;
  readonly #shape: NftShape;
  readonly #served: ServedPort;
  readonly #written: Written;
  readonly #name: string;

  constructor(cluster: RandomCluster, shape: NftShape, served: ServedPort, written: Written) {
    this.#cluster = cluster;
    this.#shape = shape;
    this.#served = served;
    this.#written = written;
    const { service, port } = served;
    this.#name = `${service.namespace}/${service.name}/${port.protocol}/${port.name}`;
  }

  write(): void {
    const { service, port, clusterIP, endpoints } = this.#served;
    const { nodeName } = this.#cluster.node;
    const use = useOf(service, port, 'ipv4');
    const chosen = chooseEndpoints(endpoints, use, { nodeName, zone: null, nodeHints: true });
    const { hasAny, hasInternal, hasExternal } = chosen;
    const refusal = hasAny ? 'drop' : 'goto reject-chain';
    this.#written.element('cluster-ips', clusterIP);
    const key = `${clusterIP} . ${port.protocol} . ${port.port}`;
    if (hasInternal) this.#serve('service-ips', key, use.internalLocal ? 'local' : 'service');
    else this.#written.element('no-endpoint-services', `${key} : ${refusal}`);
    const balanced = loadBalancerIPs(service, 'ipv4');
    for (const address of [...externalIPs(service, 'ipv4'), ...balanced]) {
      const outer = `${address} . ${port.protocol} . ${port.port}`;
      if (hasAny) this.#serve('service-ips', outer, 'external');
      if (!hasExternal) this.#written.element('no-endpoint-services', `${outer} : ${refusal}`);
    }
    if (port.nodePort !== 0) {
      const outer = `${port.protocol} . ${port.nodePort}`;
      if (hasAny) this.#serve('service-nodeports', outer, 'external');
      if (!hasExternal) this.#written.element('no-endpoint-nodeports', `${outer} : ${refusal}`);
    }
    this.#firewall(balanced);
    const usesCluster = !use.internalLocal || use.external;
    if (usesCluster && chosen.cluster.length > 0) this.#balance('service', chosen.cluster);
    if (chosen.local.length > 0) this.#balance('local', chosen.local);
    if (use.external && hasAny) this.#external(use.externalLocal, hasExternal);
    this.#reachable([...new Set([...chosen.cluster, ...chosen.local])]);
  }

  #serve(map: string, key: string, kind: string): void {
    this.#written.element(map, `${key} : goto ${kind}-AAAAAAAA-${this.#name}`);
  }

  #firewall(balanced: readonly string[]): void {
    const { service, port } = this.#served;
    const ranges = service.loadBalancerSourceRanges.filter((range) => !range.endsWith('/0'));
    if (balanced.length === 0 || ranges.length === 0) return;
    const chain = `firewall-AAAAAAAA-${this.#name}`;
    for (const address of balanced) {
      this.#written.element('firewall-ips', `${address} . ${port.protocol} . ${port.port} : goto ${chain}`);
    }
    const [own] = this.#cluster.state.nodes[0]?.addresses ?? [];
    const holdsNode = own !== undefined && contains(prefixSet(ranges), own);
    const allowed = [...ranges, ...(holdsNode ? balanced : [])];
    this.#written.chains[chain] = [`ip saddr != { ${allowed.join(', ')} } drop`];
  }

  #external(isLocal: boolean, hasExternal: boolean): void {
    const mark = `meta mark set meta mark | ${markOf(this.#cluster)}`;
    const masquerade = this.#shape === 'v1.36' ? mark : 'jump mark-for-masquerade';
    const all = `goto service-AAAAAAAA-${this.#name}`;
    const chain = `external-AAAAAAAA-${this.#name}`;
    if (!isLocal) {
      this.#written.chains[chain] = [masquerade, all];
      return;
    }
    const pods = localPods(this.#cluster.node.localDetector.ipv4);
    this.#written.chains[chain] = [
      ...(pods === null ? [] : [`${pods.what} ${pods.local} ${all}`]),
      `fib saddr type local ${masquerade}`,
      `fib saddr type local ${all}`,
      ...(hasExternal ? [`goto local-AAAAAAAA-${this.#name}`] : []),
    ];
  }

  #balance(kind: 'service' | 'local', backends: readonly Backend[]): void {
    const { port, service } = this.#served;
    const chain = `${kind}-AAAAAAAA-${this.#name}`;
    const strangers = masqueradeMatch(this.#cluster);
    const isInternal = kind === (service.internalTrafficPolicy === 'Local' ? 'local' : 'service');
    const masquerades = this.#shape === 'endpoint chains' && strangers !== null && isInternal;
    const own = masquerades ? [`ip daddr ${this.#served.clusterIP} ${strangers}jump mark-for-masquerade`] : [];
    if (this.#shape === 'v1.36' && service.affinitySeconds === 0) {
      const picks = backends.map((backend, index) => `${index} : ${spaced(backend)}`).join(', ');
      this.#written.chains[chain] = [
        `meta l4proto ${port.protocol} dnat ip to numgen random mod ${backends.length} map { ${picks} }`,
      ];
      return;
    }
    const picks = backends.map((backend, index) => `${index} : goto ${this.#endpoint(backend)}`).join(', ');
    this.#written.chains[chain] = [
      ...own,
      ...(service.affinitySeconds === 0
        ? []
        : backends.map((backend) => `ip saddr @${this.#affinity(backend)} goto ${this.#endpoint(backend)}`)),
      `numgen random mod ${backends.length} vmap { ${picks} }`,
    ];
  }

  #reachable(backends: readonly Backend[]): void {
    const { port, service, endpoints } = this.#served;
    const { affinitySeconds } = service;
    for (const backend of backends) {
      const { address = '', port: number = 0 } = parseHostPort(backend) ?? {};
      const isHere = endpoints.some(
        (one) => one.backend === backend && one.endpoint.nodeName === this.#cluster.node.nodeName,
      );
      if (this.#shape === 'v1.36' && isHere) {
        this.#written.element('hairpin-connections', `${address} . ${address} . ${port.protocol} . ${number}`);
      }
      if (this.#shape === 'v1.36' && affinitySeconds === 0) continue;
      this.#written.chains[this.#endpoint(backend)] = [
        ...(this.#shape === 'v1.36' ? [] : [`ip saddr ${address} jump mark-for-masquerade`]),
        ...(affinitySeconds === 0 ? [] : [`update @${this.#affinity(backend)} { ip saddr }`]),
        `meta l4proto ${port.protocol} dnat ${this.#shape === 'v1.36' ? 'ip ' : ''}to ${backend}`,
      ];
      if (affinitySeconds > 0) {
        this.#written.sets[this.#affinity(backend)] = [
          'type ipv4_addr',
          'size 65535',
          'flags dynamic,timeout',
          `timeout ${affinitySeconds}s`,
        ];
      }
    }
  }

  #endpoint(backend: Backend): string {
    return `endpoint-AAAAAAAA-${this.#name}__${backend.replace(':', '/')}`;
  }

  #affinity(backend: Backend): string {
    return `affinity-AAAAAAAA-${this.#name}__${backend.replace(':', '/')}`;
  }
}

function spaced(backend: Backend): string {
  return backend.replace(':', ' . ');
}
