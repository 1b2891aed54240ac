/**
 * API objects for tests, said in the words of the situation: `service('shop/web').port(80).nodePort(30080)`.
 * Builders are immutable: each call gives a new one, and `built` is the object so far.
 */
import type { ClusterNode, ClusterState, Endpoint, EndpointSlice, Pod, Service } from '../aggregator/model/cluster.ts';
import type { Address, Family, Prefix } from '../proto/address.ts';
import { familyOf, parseAddress } from '../proto/address.ts';
import type { Protocol } from '../proto/forwarding.ts';
import { parsePrefix } from '../proto/prefixes.ts';
import type { LocalDetector, NodeProfile, Sourced } from '../proto/profile.ts';

/** An address that is known to be one. */
export function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === null) throw new Error(`no address: ${text}`);
  return parsed;
}

/** A prefix that is known to be one. */
export function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === null) throw new Error(`no prefix: ${text}`);
  return parsed;
}

export interface ServiceBuilder {
  readonly built: Service;
  /** Adds a port; its name is empty unless given. */
  port(port: number, name?: string, protocol?: Protocol): ServiceBuilder;
  /** Gives the last port a node port; the Service becomes a NodePort one. */
  nodePort(nodePort: number): ServiceBuilder;
  clusterIP(text: string): ServiceBuilder;
  externalIP(text: string): ServiceBuilder;
  /** Adds a load-balancer address; the Service becomes a LoadBalancer one. */
  loadBalancerIP(text: string, ipMode?: 'VIP' | 'Proxy'): ServiceBuilder;
  sourceRange(text: string): ServiceBuilder;
  /** internalTrafficPolicy: Local. */
  internalLocal(): ServiceBuilder;
  /** externalTrafficPolicy: Local. */
  externalLocal(): ServiceBuilder;
  affinity(seconds: number): ServiceBuilder;
  /** Any other field. */
  having(fields: Partial<Service>): ServiceBuilder;
}

/** A Service without ports, cluster IP 10.96.0.1, every policy Cluster. */
export function service(name: string): ServiceBuilder {
  const { namespace, plain } = splitName(name);
  return serviceBuilder({
    namespace,
    name: plain,
    uid: `uid-of-${plain}`,
    type: 'ClusterIP',
    ports: [],
    clusterIPs: { ipv4: address('10.96.0.1') },
    externalIPs: [],
    loadBalancerIngress: [],
    loadBalancerSourceRanges: [],
    internalTrafficPolicy: 'Cluster',
    externalTrafficPolicy: 'Cluster',
    affinitySeconds: 0,
    healthCheckNodePort: 0,
    otherProxy: false,
    selector: null,
    annotations: {},
  });
}

function serviceBuilder(built: Service): ServiceBuilder {
  const having = (fields: Partial<Service>): ServiceBuilder => serviceBuilder({ ...built, ...fields });
  return {
    built,
    having,
    port: (port, name = '', protocol = 'tcp') =>
      having({ ports: [...built.ports, { name, protocol, port, nodePort: 0 }] }),
    nodePort: (nodePort) =>
      having({
        type: built.type === 'ClusterIP' ? 'NodePort' : built.type,
        ports: built.ports.map((port, index) => (index === built.ports.length - 1 ? { ...port, nodePort } : port)),
      }),
    clusterIP: (text) => having({ clusterIPs: { ...familyEntry(address(text)) } }),
    externalIP: (text) => having({ externalIPs: [...built.externalIPs, address(text)] }),
    loadBalancerIP: (text, ipMode = 'VIP') =>
      having({
        type: 'LoadBalancer',
        loadBalancerIngress: [...built.loadBalancerIngress, { address: address(text), ipMode }],
      }),
    sourceRange: (text) => having({ loadBalancerSourceRanges: [...built.loadBalancerSourceRanges, prefix(text)] }),
    internalLocal: () => having({ internalTrafficPolicy: 'Local' }),
    externalLocal: () => having({ externalTrafficPolicy: 'Local' }),
    affinity: (affinitySeconds) => having({ affinitySeconds }),
  };
}

function familyEntry(one: Address): Partial<Record<Family, Address>> {
  return { [familyOf(one)]: one };
}

/** Where an endpoint is, and which hints it has. */
export interface EndpointPlace {
  readonly node?: string;
  readonly zoneHints?: readonly string[];
  readonly nodeHints?: readonly string[];
}

export interface SliceBuilder {
  readonly built: EndpointSlice;
  /** Adds a port; its name is empty unless given. */
  port(port: number, name?: string, protocol?: Protocol): SliceBuilder;
  ready(text: string, place?: EndpointPlace): SliceBuilder;
  unready(text: string, place?: EndpointPlace): SliceBuilder;
  /** Going away, but still serving. */
  terminating(text: string, place?: EndpointPlace): SliceBuilder;
  named(name: string): SliceBuilder;
}

/** A slice of the Service of that name, IPv4 until its first endpoint says otherwise. */
export function slice(serviceName: string): SliceBuilder {
  const { namespace, plain } = splitName(serviceName);
  return sliceBuilder({
    namespace,
    name: `${plain}-1`,
    serviceName: plain,
    family: 'ipv4',
    ports: [],
    endpoints: [],
  });
}

function sliceBuilder(built: EndpointSlice): SliceBuilder {
  const having = (fields: Partial<EndpointSlice>): SliceBuilder => sliceBuilder({ ...built, ...fields });
  type Conditions = Pick<Endpoint, 'ready' | 'serving' | 'terminating'>;
  const endpoint =
    (conditions: Conditions) =>
    (text: string, place: EndpointPlace = {}) => {
      const one: Endpoint = {
        address: address(text),
        nodeName: place.node ?? null,
        ...conditions,
        zoneHints: place.zoneHints ?? [],
        nodeHints: place.nodeHints ?? [],
      };
      const family = built.endpoints.length === 0 ? familyOf(one.address) : built.family;
      return having({ family, endpoints: [...built.endpoints, one] });
    };
  return {
    built,
    port: (port, name = '', protocol = 'tcp') => having({ ports: [...built.ports, { name, protocol, port }] }),
    ready: endpoint({ ready: true, serving: true, terminating: false }),
    unready: endpoint({ ready: false, serving: false, terminating: false }),
    terminating: endpoint({ ready: false, serving: true, terminating: true }),
    named: (name) => having({ name }),
  };
}

/** A Node of the API with these addresses. */
export function node(name: string, ...addresses: readonly string[]): ClusterNode {
  return {
    name,
    uid: `uid-of-${name}`,
    zone: null,
    podCIDRs: [],
    addresses: addresses.map(address),
    createdAt: null,
    ready: true,
    leaving: false,
    notReadyBecause: null,
    networkUnavailable: null,
    cni: { flannel: null, calico: null, cilium: null },
    annotations: {},
  };
}

/** A cluster of built or unbuilt Services and slices. */
export function cluster(
  services: readonly ServiceBuilder[],
  slices: readonly SliceBuilder[] = [],
  nodes: readonly ClusterNode[] = [],
): ClusterState {
  return {
    services: services.map(({ built }) => built),
    endpointSlices: slices.map(({ built }) => built),
    nodes,
  };
}

/** A fact with a source that does not matter to the test. */
export function known<T>(value: T): Sourced<T> {
  return { value, source: 'configz' };
}

/** A fact that could not be read. */
export function unknown<T>(): Sourced<T> {
  return { source: 'unknown', reason: 'not read' };
}

/**
 * The profile of node-a in iptables mode, IPv4: 192.168.100.11 and the bridge 10.244.1.1, pods in 10.244.0.0/16, all
 * addresses for node ports, kube-proxy v1.36.2.
 */
export function profile(fields: Partial<NodeProfile> = {}): NodeProfile {
  return {
    mode: known('iptables'),
    kubeProxyVersion: known('v1.36.2'),
    nodeName: known('node-a'),
    families: ['ipv4'],
    localAddresses: known(['127.0.0.1', '192.168.100.11', '10.244.1.1'].map(address)),
    nodePortAddresses: known('all'),
    localDetector: { ipv4: known(prefixDetector('10.244.0.0/16')), ipv6: known(prefixDetector('fd00:10:244::/56')) },
    masqueradeAll: known(false),
    localhostNodePorts: known(true),
    markBit: known(14),
    hairpin: known('every-endpoint'),
    refusesOwnFirst: known(false),
    ...fields,
  };
}

/** kube-proxy's `-s PREFIX` as the sign of a local pod. */
/** A pod that runs on a node, ready and without ports. */
export function pod(name: string, nodeName: string, ...addresses: readonly string[]): Pod {
  const { namespace, plain } = splitName(name);
  return {
    namespace,
    name: plain,
    uid: `uid-of-${plain}`,
    nodeName,
    phase: 'Running',
    labels: {},
    addresses: addresses.map(address),
    hostNetwork: false,
    ready: true,
    terminating: false,
    ports: [],
    createdAt: null,
    startedAt: null,
    runs: true,
  };
}

export function prefixDetector(text: string): LocalDetector {
  return { kind: 'prefix', prefix: prefix(text) };
}

function splitName(name: string): { readonly namespace: string; readonly plain: string } {
  const slash = name.indexOf('/');
  return { namespace: name.slice(0, slash), plain: name.slice(slash + 1) };
}
