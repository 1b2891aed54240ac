/**
 * What one service port puts into kube-proxy's table of nftables mode (pkg/proxy/nftables/proxier.go, syncProxyRules).
 * Which endpoints serve, the audit's own choice says, which is tested elsewhere; every element and rule is worked out
 * here anew.
 */
import {
  type ChosenEndpoints,
  chooseEndpoints,
  type EndpointUse,
  type NodePlace,
} from '../../aggregator/audit/endpoints.ts';
import type { ServedPort } from '../../aggregator/audit/service-ports.ts';
import { externalIPs, loadBalancerIPs, useOf } from '../../aggregator/audit/wishes.ts';
import { servicePortName } from '../../proto/chain-names.ts';
import { type Address, type Backend, familyOf, parseHostPort } from '../../proto/address.ts';
import { contains, prefixSet, toPrefixes } from '../../proto/prefixes.ts';
import { endpointBase, servicePortBase } from './nft-names.ts';
import { type NftConfiguration, nftFamily, podMatch, setsMark } from './nft-skeleton.ts';
import type { WrittenChain, WrittenElement, WrittenSet } from './nft-written.ts';

/** A node's kube-proxy. */
export interface NftProxy {
  readonly configuration: NftConfiguration;
  readonly place: NodePlace;
  /** The node's first address in the API; null = it has none of the family. */
  readonly primaryAddress: Address | null;
}

/** What of a table is there because of one service port. */
export interface WrittenPort {
  /** By the name of the fixed set or map that they are in. */
  readonly elements: ReadonlyMap<string, readonly WrittenElement[]>;
  readonly sets: ReadonlyMap<string, WrittenSet>;
  readonly chains: ReadonlyMap<string, WrittenChain>;
}

export function writePort(proxy: NftProxy, served: ServedPort): WrittenPort {
  return new PortWriter(proxy, served).write();
}

class PortWriter {
  readonly #proxy: NftProxy;
  readonly #served: ServedPort;
  readonly #service: string;
  readonly #use: EndpointUse;
  readonly #chosen: ChosenEndpoints;
  readonly #elements = new Map<string, WrittenElement[]>();
  readonly #sets = new Map<string, WrittenSet>();
  readonly #chains = new Map<string, WrittenChain>();

  constructor(proxy: NftProxy, served: ServedPort) {
    const { service, port, endpoints } = served;
    this.#proxy = proxy;
    this.#served = served;
    this.#service = `${service.namespace}/${service.name}`;
    this.#use = useOf(service, port, proxy.configuration.family);
    this.#chosen = chooseEndpoints(endpoints, this.#use, proxy.place);
  }

  write(): WrittenPort {
    const { cluster, local, hasAny } = this.#chosen;
    this.#clusterIp();
    this.#external();
    this.#firewall();
    const reachable = [...new Set([...cluster, ...local])];
    for (const backend of reachable) this.#endpoint(backend);
    if (cluster.length > 0) this.#balance('service', cluster);
    if (local.length > 0) this.#balance('local', local);
    if (this.#use.external && hasAny) this.#chain('external', this.#externalRules());
    return { elements: this.#elements, sets: this.#sets, chains: this.#chains };
  }

  #clusterIp(): void {
    const { clusterIP, port } = this.#served;
    const key = `${clusterIP} . ${port.protocol} . ${port.port}`;
    this.#element('cluster-ips', clusterIP);
    const kind = this.#use.internalLocal ? 'local' : 'service';
    if (this.#chosen.hasInternal) this.#element('service-ips', `${key} : goto ${this.#name(kind)}`);
    else this.#refuse('no-endpoint-services', key);
  }

  #external(): void {
    const { service, port } = this.#served;
    const { family } = this.#proxy.configuration;
    for (const address of new Set([...externalIPs(service, family), ...loadBalancerIPs(service, family)])) {
      this.#outer(`${address} . ${port.protocol} . ${port.port}`, ['service-ips', 'no-endpoint-services']);
    }
    if (port.nodePort === 0) return;
    this.#outer(`${port.protocol} . ${port.nodePort}`, ['service-nodeports', 'no-endpoint-nodeports']);
  }

  #outer(key: string, [serving, refusing]: readonly [string, string]): void {
    const { hasAny, hasExternal } = this.#chosen;
    if (hasAny) this.#element(serving, `${key} : goto ${this.#name('external')}`);
    if (!hasExternal) this.#refuse(refusing, key);
  }

  #refuse(map: string, key: string): void {
    const { service, port } = this.#served;
    const name = servicePortName(service.namespace, service.name, port.name);
    this.#element(map, `${key} comment "${name}" : ${this.#chosen.hasAny ? 'drop' : 'goto reject-chain'}`);
  }

  /** Whether there are endpoints or not. */
  #firewall(): void {
    const { service, port } = this.#served;
    const { configuration, primaryAddress } = this.#proxy;
    const balanced = loadBalancerIPs(service, configuration.family);
    const ranges = service.loadBalancerSourceRanges.filter((range) => familyOf(range) === configuration.family);
    if (balanced.length === 0 || ranges.length === 0 || ranges.some((range) => range.endsWith('/0'))) return;
    for (const address of balanced) {
      this.#element('firewall-ips', `${address} . ${port.protocol} . ${port.port} : goto ${this.#name('firewall')}`);
    }
    const holdsNode = primaryAddress !== null && contains(prefixSet(ranges), primaryAddress);
    const hosts = (holdsNode ? balanced : []).map((address) => `${address}/${hostLength(address)}`);
    // The kernel keeps ranges that overlap as one, and nft prints a host as an address.
    const allowed = toPrefixes(prefixSet([...ranges, ...hosts] as typeof ranges)).map((range) =>
      range.endsWith(`/${hostLength(range)}`) ? range.slice(0, range.lastIndexOf('/')) : range,
    );
    const list = allowed.length === 1 ? allowed[0] : `{ ${allowed.join(', ')} }`;
    this.#chain('firewall', [`${nftFamily(configuration.family)} saddr != ${list} drop`]);
  }

  #externalRules(): readonly string[] {
    const { configuration } = this.#proxy;
    const toCluster = `goto ${this.#name('service')}`;
    if (!this.#use.externalLocal) return [...this.#marking('', 'masquerade'), toCluster];
    const pods = podMatch(configuration, '');
    return [
      ...(pods === null ? [] : [`${pods} ${toCluster} comment "short-circuit pod traffic"`]),
      ...this.#marking('fib saddr type local ', 'masquerade local traffic'),
      `fib saddr type local ${toCluster} comment "short-circuit local traffic"`,
      ...(this.#chosen.hasExternal ? [`goto ${this.#name('local')}`] : []),
    ];
  }

  #marking(match: string, comment: string): readonly string[] {
    const { configuration } = this.#proxy;
    if (configuration.shape !== 'v1.36') return [`${match}jump mark-for-masquerade`];
    return [`${match}${setsMark(configuration)} comment "${comment}"`];
  }

  /** The chain that shares out new connections. */
  #balance(kind: 'service' | 'local', backends: readonly Backend[]): void {
    const { service, port } = this.#served;
    const { shape, family } = this.#proxy.configuration;
    const ip = nftFamily(family);
    const count = backends.length;
    if (shape === 'v1.36' && service.affinitySeconds === 0) {
      const picks = backends.map((backend, at) => `${at} : ${concatenated(backend)}`).join(', ');
      this.#chain(kind, [`meta l4proto ${port.protocol} dnat ${ip} to numgen random mod ${count} map { ${picks} }`]);
      return;
    }
    const isInternal = (kind === 'local') === this.#use.internalLocal;
    const known = backends.map((one) => `${ip} saddr @affinity-${this.#base(one)} goto endpoint-${this.#base(one)}`);
    const picks = backends.map((one, at) => `${at} : goto endpoint-${this.#base(one)}`).join(', ');
    this.#chain(kind, [
      ...(shape !== 'v1.36' && isInternal ? this.#clusterIpMasquerade() : []),
      ...(service.affinitySeconds === 0 ? [] : known),
      `numgen random mod ${count} vmap { ${picks} }`,
    ]);
  }

  #clusterIpMasquerade(): readonly string[] {
    const { configuration } = this.#proxy;
    const { clusterIP, port } = this.#served;
    const to = `${nftFamily(configuration.family)} daddr ${clusterIP} ${port.protocol} dport ${port.port}`;
    if (configuration.masqueradeAll) return [`${to} jump mark-for-masquerade`];
    const strangers = podMatch(configuration, '!= ');
    return strangers === null ? [] : [`${to} ${strangers} jump mark-for-masquerade`];
  }

  #endpoint(backend: Backend): void {
    const { service, port, endpoints } = this.#served;
    const { configuration, place } = this.#proxy;
    const { shape, family } = configuration;
    const ip = nftFamily(family);
    const { address = '', port: number = 0 } = parseHostPort(backend) ?? {};
    const isOwn = endpoints.find((one) => one.backend === backend)?.endpoint.nodeName === place.nodeName;
    if (shape === 'v1.36' && isOwn) {
      this.#element('hairpin-connections', `${address} . ${address} . ${port.protocol} . ${number}`);
    }
    const sticks = service.affinitySeconds > 0;
    if (shape === 'v1.36' && !sticks) return;
    const name = this.#base(backend);
    this.#addChain(`endpoint-${name}`, [
      ...(shape === 'v1.36' ? [] : [`${ip} saddr ${address} jump mark-for-masquerade`]),
      ...(sticks ? [`update @affinity-${name} { ${ip} saddr }`] : []),
      `meta l4proto ${port.protocol} dnat to ${backend}`,
    ]);
    if (!sticks) return;
    const timeout = `timeout ${timeText(service.affinitySeconds)}`;
    const head = [`type ${family}_addr`, 'size 65535', 'flags dynamic,timeout', timeout];
    this.#sets.set(`affinity-${name}`, { kind: 'set', head, elements: [], service: this.#service });
  }

  /** Elements of two ports may be one: a cluster IP. */
  #element(set: string, text: string): void {
    const held = this.#elements.get(set) ?? [];
    this.#elements.set(set, [...held, { text, service: this.#service }]);
  }

  #chain(kind: ChainKind, rules: readonly string[]): void {
    this.#addChain(this.#name(kind), rules);
  }

  #addChain(name: string, rules: readonly string[]): void {
    this.#chains.set(name, { head: [], rules, service: this.#service });
  }

  #name(kind: ChainKind): string {
    return `${kind}-${servicePortBase(this.#port)}`;
  }

  #base(backend: Backend): string {
    return endpointBase(this.#port, backend);
  }

  get #port(): Parameters<typeof servicePortBase>[0] {
    const { protocol, name } = this.#served.port;
    return { service: this.#service, protocol, portName: name };
  }
}

type ChainKind = 'service' | 'local' | 'external' | 'firewall';

function hostLength(address: string): number {
  return address.includes(':') ? 128 : 32;
}

/** `10.244.1.2 . 8080`, as elements of concatenated maps are written. */
function concatenated(backend: Backend): string {
  const { address = '', port = 0 } = parseHostPort(backend) ?? {};
  return `${address} . ${port}`;
}

/** As nft prints times: `3h`, `10m`, `1h30m`. */
function timeText(seconds: number): string {
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ] as const;
  return parts.map(([count, unit]) => (count === 0 ? '' : `${count}${unit}`)).join('');
}
