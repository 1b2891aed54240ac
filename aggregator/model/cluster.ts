/** The API's objects as far as the audit reads them; made by aggregator/cluster/, one file per kind. */
import type { Address, Family, Prefix } from '../../proto/address.ts';
import type { Protocol } from '../../proto/forwarding.ts';

export interface ServicePort {
  /** May be empty. */
  readonly name: string;
  readonly protocol: Protocol;
  readonly port: number;
  /** 0 = none. */
  readonly nodePort: number;
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
  /** Those of plumbline.dev. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** All that desired() needs of the API. */
export interface ClusterState {
  readonly services: readonly Service[];
  readonly endpointSlices: readonly EndpointSlice[];
  readonly nodes: readonly ClusterNode[];
}
