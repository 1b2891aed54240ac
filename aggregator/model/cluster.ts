/** The API's objects as far as the audit reads them; made by aggregator/cluster/, one file per kind. */
import type { Address, Family, Prefix } from '../../proto/address.ts';
import type { Protocol } from '../../proto/forwarding.ts';
import type { ForeignPolicy, NetworkPolicy, PolicyAnswers } from './policy.ts';

export interface ServicePort {
  /** May be empty. */
  readonly name: string;
  readonly protocol: Protocol;
  readonly port: number;
  /** 0 = none. */
  readonly nodePort: number;
  /** The name of the container port that it leads to; absent where it says a number. */
  readonly targetName?: string;
}

export type TrafficPolicy = 'Cluster' | 'Local';

export interface Service {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly type: 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName';
  readonly ports: readonly ServicePort[];
  /** The cluster IP of each family the Service has; empty for headless. */
  readonly clusterIPs: Partial<Readonly<Record<Family, Address>>>;
  readonly externalIPs: readonly Address[];
  readonly loadBalancerIngress: readonly { readonly address: Address; readonly ipMode: 'VIP' | 'Proxy' }[];
  /** As written, trimmed; what is no prefix is left out. */
  readonly loadBalancerSourceRanges: readonly Prefix[];
  readonly internalTrafficPolicy: TrafficPolicy;
  readonly externalTrafficPolicy: TrafficPolicy;
  /** 0 = no client affinity. */
  readonly affinitySeconds: number;
  /** 0 = none. */
  readonly healthCheckNodePort: number;
  /** Label service.kubernetes.io/service-proxy-name: another proxy serves it. */
  readonly otherProxy: boolean;
  readonly selector: Readonly<Record<string, string>> | null;
  /** Those of plumbline.dev. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** One endpoint of one slice, for every port of it. */
export interface Endpoint {
  readonly address: Address;
  readonly nodeName: string | null;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  readonly zoneHints: readonly string[];
  readonly nodeHints: readonly string[];
}

export interface EndpointSlice {
  readonly namespace: string;
  readonly name: string;
  /** Label kubernetes.io/service-name. */
  readonly serviceName: string;
  readonly family: Family;
  readonly ports: readonly { readonly name: string; readonly protocol: Protocol; readonly port: number }[];
  readonly endpoints: readonly Endpoint[];
}

export interface ClusterNode {
  readonly name: string;
  readonly uid: string;
  readonly zone: string | null;
  readonly podCIDRs: readonly Prefix[];
  readonly addresses: readonly Address[];
  /** RFC 3339; null where it is not told. */
  readonly createdAt: string | null;
  /** Condition Ready; null where it is not told. */
  readonly ready: boolean | null;
  /** Cordoned, or tainted for deletion by an autoscaler. */
  readonly leaving: boolean;
  /** Why the kubelet calls itself not ready (the condition's message, at most 500 characters); null where it is ready. */
  readonly notReadyBecause: string | null;
  /** Condition NetworkUnavailable; null where it is not told. */
  readonly networkUnavailable: boolean | null;
  /** What its CNI wrote on it; null of a CNI that wrote nothing. */
  readonly cni: NodeCni;
  /** Those of plumbline.dev. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** The word of CNIs that speak through annotations of the Node. */
export interface NodeCni {
  readonly flannel: {
    /** `vxlan`, `host-gw`, `wireguard`, ... */
    readonly backend: string;
    /** VtepMAC of backend-data; null where the backend has none. */
    readonly vtepMac: string | null;
    readonly vtepMacIpv6: string | null;
    readonly publicAddress: Address | null;
    readonly publicAddressIpv6: Address | null;
  } | null;
  readonly calico: {
    /** projectcalico.org/IPv4Address and IPv6Address, without their length. */
    readonly addresses: readonly Address[];
    /** Of tunl0, vxlan.calico and wireguard.cali. */
    readonly tunnelAddresses: readonly Address[];
  } | null;
  readonly cilium: {
    /** Of cilium_host. */
    readonly hostAddresses: readonly Address[];
  } | null;
}

/** A port that a container says it has. */
export interface ContainerPort {
  /** Empty = none. */
  readonly name: string;
  readonly protocol: Protocol;
  readonly port: number;
  /** 0 = none. */
  readonly hostPort: number;
  /** The one address of the node that it is on; null = every one. */
  readonly hostAddress: Address | null;
}

/** A pod as far as the audit reads it: tens of thousands are kept. */
export interface Pod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Null = not scheduled. */
  readonly nodeName: string | null;
  readonly phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown';
  readonly labels: Readonly<Record<string, string>>;
  /** status.podIPs. */
  readonly addresses: readonly Address[];
  readonly hostNetwork: boolean;
  /** Condition Ready. */
  readonly ready: boolean;
  /** It has a deletionTimestamp. */
  readonly terminating: boolean;
  readonly ports: readonly ContainerPort[];
  /** RFC 3339; null where it is not told. */
  readonly createdAt: string | null;
  /** When the kubelet took it on (status.startTime), RFC 3339; null before. */
  readonly startedAt: string | null;
  /** Whether a container of it runs now. */
  readonly runs: boolean;
  /** Why its first waiting container waits: `ContainerCreating`, `CrashLoopBackOff`, ...; absent: none waits. */
  readonly waitingReason?: string;
  /** Condition PodReadyToStartContainers: its sandbox has a network; absent where it is not told. */
  readonly sandboxReady?: boolean;
  /** The annotation plumbline.dev/probe-port: others may probe this TCP port. */
  readonly probePort?: number;
  /** It asks for further networks (Multus), so it has more links than one. */
  readonly severalNetworks?: true;
  /** spec.runtimeClassName is set: its sandbox may have a network stack of its own, as gVisor's has. */
  readonly runtimeClass?: true;
  /** Its controller, a ReplicaSet's Deployment in place of it; absent: it has none. */
  readonly owner?: { readonly kind: string; readonly name: string };
  /** Only where it is not dnsPolicy ClusterFirst without further settings. */
  readonly dns?: PodDns;
  /** Probes of the kubelet that come from its node to the pod's address; absent: none do. */
  readonly kubeletProbes?: readonly KubeletProbe[];
}

/** spec.dnsPolicy and spec.dnsConfig. */
export interface PodDns {
  readonly policy: 'ClusterFirst' | 'ClusterFirstWithHostNet' | 'Default' | 'None';
  readonly nameservers: readonly Address[];
  readonly searches: readonly string[];
  /** Null = not set. */
  readonly ndots: number | null;
}

/** A liveness, readiness or startup probe by HTTP, TCP or gRPC; always TCP. A port's name is already its number. */
export interface KubeletProbe {
  readonly kind: 'liveness' | 'readiness' | 'startup';
  readonly port: number;
}

/** A ConfigMap that configures cluster DNS: CoreDNS' own, what it imports, or NodeLocal DNSCache's. */
export interface DnsConfiguration {
  readonly namespace: string;
  readonly name: string;
  /** Each file of it, by its key (`Corefile`, `example.server`), at most 64 KiB each. */
  readonly files: Readonly<Record<string, string>>;
}

/** An Event of the kubelet about a pod's network: FailedCreatePodSandBox and FailedKillPod. */
export interface PodEvent {
  readonly uid: string;
  readonly namespace: string;
  /** The pod's. */
  readonly name: string;
  readonly podUid: string;
  /** Who says so; null where it is not told. */
  readonly nodeName: string | null;
  readonly reason: string;
  /** At most 1,024 characters. */
  readonly message: string;
  readonly count: number;
  /** RFC 3339. */
  readonly firstAt: string;
  readonly lastAt: string;
}

export interface Namespace {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Those of plumbline.dev. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** All of the API that decides what nodes should do with Service packets. */
export interface ClusterState {
  readonly services: readonly Service[];
  readonly endpointSlices: readonly EndpointSlice[];
  readonly nodes: readonly ClusterNode[];
}

/** All that is known of the API at one moment. */
export interface ClusterSnapshot extends ClusterState {
  /** Null = not known: not in the bundle, or not listed yet. */
  readonly pods: readonly Pod[] | null;
  readonly podEvents: readonly PodEvent[] | null;
  readonly namespaces: readonly Namespace[] | null;
  readonly networkPolicies: readonly NetworkPolicy[] | null;
  /** Of kinds that are not installed there are none. */
  readonly foreignPolicies: readonly ForeignPolicy[] | null;
  readonly dnsConfigurations: readonly DnsConfiguration[] | null;
}

/**
 * The API's objects, found by what they are asked for. Asking costs what is found, never the whole cluster, except where
 * it says so.
 */
export interface ClusterObjects {
  /** False: nothing is known of pods, and every question for them finds none. */
  readonly knowsPods: boolean;
  readonly knowsNamespaces: boolean;
  readonly knowsEvents: boolean;
  readonly knowsPolicies: boolean;
  readonly knowsDnsConfiguration: boolean;
  /** Every Service: costs as much as there are. */
  services(): Iterable<Service>;
  service(namespace: string, name: string): Service | null;
  /** The slices of one Service, of both families. */
  endpointSlices(namespace: string, service: string): readonly EndpointSlice[];
  /** Every Node: costs as much as there are. */
  nodes(): Iterable<ClusterNode>;
  node(name: string): ClusterNode | null;
  podsIn(namespace: string): Iterable<Pod>;
  podsOn(node: string): Iterable<Pod>;
  /** Every pod: costs as much as there are. */
  pods(): Iterable<Pod>;
  /** Those whose status has this address, hostNetwork pods left out. */
  podsWithAddress(address: Address): readonly Pod[];
  podEventsOn(node: string): Iterable<PodEvent>;
  namespace(name: string): Namespace | null;
  /** Every Namespace: costs as much as there are. */
  namespaces(): Iterable<Namespace>;
  policiesIn(namespace: string): Iterable<NetworkPolicy>;
  /** Every NetworkPolicy: costs as much as there are. */
  policies(): Iterable<NetworkPolicy>;
  /** Policies of other kinds; none where nothing is known of them. */
  foreignPolicies(): Iterable<ForeignPolicy>;
  dnsConfigurations(): Iterable<DnsConfiguration>;
  /** What the NetworkPolicies say of flows; null where policies, pods or namespaces are not known. */
  readonly policy: PolicyAnswers | null;
}
