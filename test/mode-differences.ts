/**
 * Where the modes of kube-proxy mean different things on purpose, said of a Service and its endpoints alone: everywhere
 * else nodes of any two modes must treat its packets alike. docs/modes.md has the same list for users.
 */
import type { DesiredOwner } from '../aggregator/model/desired.ts';
import type { ClusterState, Endpoint, Service, ServicePort } from '../aggregator/model/cluster.ts';
import { type Address, type Family, familyOf } from '../proto/address.ts';
import { type Frontend, type Origin, origins } from '../proto/forwarding.ts';

export type KubeProxyMode = 'iptables' | 'nftables' | 'ipvs';

/** Every difference: the modes that differ from iptables mode by it, and whose packets may fare otherwise. */
export const modeDifferences = {
  'own packets are rejected too': { modes: ['nftables', 'ipvs'], origins: ['node'] },
  'source ranges hold without endpoints': { modes: ['nftables', 'ipvs'], origins },
  'source ranges bind an external IP': { modes: ['nftables', 'ipvs'], origins },
  'source ranges do not bind the node': { modes: ['ipvs'], origins: ['node'] },
  'nothing is dropped for want of local endpoints': { modes: ['ipvs'], origins },
  'all endpoints serve where none is local': { modes: ['ipvs'], origins },
  'no short-circuit for pods and the node': { modes: ['ipvs'], origins: ['pod', 'node'] },
} as const satisfies Readonly<Record<string, Difference>>;

interface Difference {
  readonly modes: readonly KubeProxyMode[];
  readonly origins: readonly Origin[];
}

export type ModeDifference = keyof typeof modeDifferences;

/** The node that is asked. */
export interface AskedNode {
  readonly state: ClusterState;
  readonly nodeName: string;
  readonly localAddresses: readonly Address[];
}

/** Why a mode may treat packets of an origin otherwise than iptables mode does; none: it must not. */
export function differencesAt(
  { frontend, owner, origin, mode }: AskedPacket,
  node: AskedNode,
): readonly ModeDifference[] {
  const { services } = node.state;
  const service = services.find(({ namespace, name }) => namespace === owner.namespace && name === owner.name);
  const port = service?.ports.find(({ name, protocol }) => name === owner.portName && protocol === owner.protocol);
  if (service === undefined || port === undefined) throw new Error(`nobody asks for ${owner.namespace}/${owner.name}`);
  return situationsOf({ service, port, frontend, owner }, node).filter((difference) => {
    const { modes, origins: affected }: Difference = modeDifferences[difference];
    return modes.includes(mode) && affected.includes(origin);
  });
}

/** Packets of one origin to a frontend, on a node of some mode. */
interface AskedPacket {
  readonly frontend: Frontend;
  readonly owner: DesiredOwner;
  readonly origin: Origin;
  readonly mode: KubeProxyMode;
}

interface Asked {
  readonly service: Service;
  readonly port: ServicePort;
  readonly frontend: Frontend;
  readonly owner: DesiredOwner;
}

function situationsOf({ service, port, frontend, owner: { kind } }: Asked, node: AskedNode): readonly ModeDifference[] {
  const { family, address } = frontend;
  const usable = usableEndpoints({ service, port }, family, node.state);
  const isLocal = usable.some(({ nodeName }) => nodeName === node.nodeName);
  if (kind === 'clusterIP') {
    if (service.internalTrafficPolicy !== 'Local' || usable.length === 0 || isLocal) return [];
    return isExposed(service, port, family)
      ? ['all endpoints serve where none is local']
      : ['nothing is dropped for want of local endpoints'];
  }
  const balanced = service.loadBalancerIngress.some((one) => one.address === address && one.ipMode === 'VIP');
  const isRanged = balanced && hasRanges(service, family);
  const found: ModeDifference[] = [];
  if (isRanged && kind === 'externalIP') found.push('source ranges bind an external IP');
  if (isRanged) found.push('source ranges do not bind the node');
  if (usable.length === 0) {
    if (isRanged) found.push('source ranges hold without endpoints');
    if (address !== 'node' && !node.localAddresses.includes(address)) found.push('own packets are rejected too');
  } else if (service.externalTrafficPolicy === 'Local') {
    found.push(isLocal ? 'no short-circuit for pods and the node' : 'all endpoints serve where none is local');
  }
  return found;
}

/** Those that are ready or still serve while they go, on any node. */
function usableEndpoints(
  { service, port }: Pick<Asked, 'service' | 'port'>,
  family: Family,
  { endpointSlices }: ClusterState,
): readonly Endpoint[] {
  return endpointSlices
    .filter((slice) => slice.namespace === service.namespace && slice.serviceName === service.name)
    .filter((slice) => slice.family === family)
    .filter(({ ports }) => ports.some(({ name, protocol }) => name === port.name && protocol === port.protocol))
    .flatMap(({ endpoints }) =>
      endpoints.filter(({ ready, serving, terminating }) => ready || (serving && terminating)),
    );
}

function isExposed({ externalIPs, loadBalancerIngress }: Service, { nodePort }: ServicePort, family: Family): boolean {
  const balanced = loadBalancerIngress.flatMap(({ address, ipMode }) => (ipMode === 'VIP' ? [address] : []));
  return nodePort !== 0 || [...externalIPs, ...balanced].some((address) => familyOf(address) === family);
}

function hasRanges({ loadBalancerSourceRanges }: Service, family: Family): boolean {
  const ofFamily = loadBalancerSourceRanges.filter((range) => familyOf(range) === family);
  return ofFamily.length > 0 && !ofFamily.some((range) => range.endsWith('/0'));
}
