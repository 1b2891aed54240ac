/** The Services of the lab: each kind, policy and state of its endpoints once, named after what they are. */
import type { ClusterState } from '../../aggregator/model/cluster.ts';
import type { ServiceBuilder, SliceBuilder } from '../builders.ts';
import { service, slice } from '../builders.ts';
import { nodeAddress, podAddress } from './lab.ts';

export const labNode = 'lab-node';
/** The port on which pods answer, by protocol. */
export const podPorts = { tcp: 8080, udp: 5353 } as const;

/** Pods on the lab's node: one in a namespace of its own, one that the world answers for. */
const local = [podAddress, '10.244.1.10'];
const elsewhere = ['10.244.2.10'];
const everywhere = [...local, ...elsewhere];
const nowhere: readonly string[] = [];

const tcp = (name: string): ServiceBuilder => service(`lab/${name}`).port(80);
const udp = (name: string): ServiceBuilder => service(`lab/${name}`).port(53, '', 'udp');

const labServices: readonly (readonly [ServiceBuilder, readonly string[]])[] = [
  [tcp('plain'), everywhere],
  [udp('datagrams'), everywhere],
  [tcp('own-endpoint-only'), [podAddress]],
  [tcp('sticky').affinity(600), everywhere],
  [tcp('sticky-port').nodePort(30_001).affinity(600), everywhere],
  [tcp('no-endpoint'), nowhere],
  [tcp('internal-local').internalLocal(), everywhere],
  [tcp('internal-local-elsewhere').internalLocal(), elsewhere],
  [tcp('port').nodePort(30_002), everywhere],
  [udp('port-datagrams').nodePort(30_003), elsewhere],
  [tcp('port-local').nodePort(30_004).externalLocal(), everywhere],
  [tcp('port-local-elsewhere').nodePort(30_005).externalLocal(), elsewhere],
  [tcp('port-no-endpoint').nodePort(30_006), nowhere],
  [tcp('external').externalIP('198.51.100.1'), everywhere],
  [tcp('external-local').externalIP('198.51.100.2').externalLocal(), everywhere],
  [tcp('external-no-endpoint').externalIP('198.51.100.3'), nowhere],
  [tcp('balanced').loadBalancerIP('203.0.113.1'), everywhere],
  [
    tcp('balanced-for-some')
      .loadBalancerIP('203.0.113.2')
      .sourceRange('192.168.100.50/32')
      .sourceRange('10.244.1.0/24'),
    everywhere,
  ],
  [
    tcp('balanced-for-others').loadBalancerIP('203.0.113.3').sourceRange('192.168.100.0/27').externalLocal(),
    everywhere,
  ],
  [tcp('balanced-elsewhere').loadBalancerIP('203.0.113.4').externalLocal(), elsewhere],
  [tcp('balanced-no-endpoint').loadBalancerIP('203.0.113.5'), nowhere],
  [udp('balanced-datagrams').loadBalancerIP('203.0.113.6'), everywhere],
];

export const labCluster: ClusterState = {
  services: labServices.map(([builder], i) => builder.clusterIP(`10.96.0.${i + 1}`).built),
  endpointSlices: labServices.map(([{ built }, endpoints]) => {
    const protocol = built.ports[0]?.protocol === 'udp' ? 'udp' : 'tcp';
    const empty = slice(`lab/${built.name}`).port(podPorts[protocol], '', protocol);
    return endpoints.reduce((builder: SliceBuilder, endpoint) => builder.ready(endpoint, placeOf(endpoint)), empty)
      .built;
  }),
  nodes: [
    {
      name: labNode,
      uid: 'uid-lab-node',
      zone: null,
      podCIDRs: [],
      addresses: [nodeAddress],
      createdAt: null,
      ready: true,
      leaving: false,
      notReadyBecause: null,
      networkUnavailable: null,
      cni: { flannel: null, calico: null, cilium: null },
      annotations: {},
    },
  ],
};

function placeOf(endpoint: string): { readonly node: string } {
  return { node: local.includes(endpoint) ? labNode : 'other-node' };
}
