/**
 * NetworkPolicies a second time, as plainly as the API reference words them: no classes, no memory, no compiled rules.
 * Of pods with a network and an address of their own, nodes without tunnels, and addresses outside.
 */
import type { ClusterNode, Namespace, Pod } from '../../aggregator/model/cluster.ts';
import type {
  Flow,
  FlowEnd,
  LabelSelector,
  NetworkPolicy,
  PolicyDirection,
  PolicyPeer,
  PolicyPort,
} from '../../aggregator/model/policy.ts';
import type { Address, Prefix } from '../../proto/address.ts';

interface Known {
  readonly policies: readonly NetworkPolicy[];
  readonly namespaces: readonly Namespace[];
}

/** Whether one end's policies let it through; null where the API leaves it to the plugin. */
export function sideAllows({ policies, namespaces }: Known, direction: PolicyDirection, flow: Flow): boolean | null {
  const [own, peer] = direction === 'ingress' ? [flow.to, flow.from] : [flow.from, flow.to];
  if (own.kind !== 'pod' || own.pod.hostNetwork) return true;
  const { pod } = own;
  const selecting = policies.filter(
    (policy) =>
      policy.namespace === pod.namespace && policy.types.includes(direction) && selects(policy.podSelector, pod.labels),
  );
  if (selecting.length === 0) return true;
  if (peer.kind === 'pod' && peer.pod === pod) return true;
  if (nodeOf(peer) !== null && nodeOf(peer) === pod.nodeName) return true;
  const told = selecting.flatMap((policy) =>
    policy[direction].map(({ ports, peers }) => {
      const port = ports.length === 0 || some(ports.map((one) => portFits(one, flow)));
      const context = { namespaces, own: policy.namespace };
      return both(port, peers.length === 0 || some(peers.map((one) => peerFits(one, peer, context))));
    }),
  );
  return some(told);
}

/** True where any is, else null where any is, else false. */
function some(told: readonly (boolean | null)[]): boolean | null {
  if (told.includes(true)) return true;
  return told.includes(null) ? null : false;
}

/** False where either is, else null where either is, else true. */
function both(one: boolean | null, other: boolean | null): boolean | null {
  if (one === false || other === false) return false;
  return one === null || other === null ? null : true;
}

/** The node that an end is, or whose network it is in. */
function nodeOf(end: FlowEnd): string | null {
  if (end.kind === 'node') return end.node.name;
  return end.kind === 'pod' && end.pod.hostNetwork ? end.pod.nodeName : null;
}

function portFits({ protocol, port, endPort }: PolicyPort, flow: Flow): boolean | null {
  if (protocol !== flow.protocol) return false;
  if (port === null) return true;
  if (typeof port === 'number') return flow.port >= port && flow.port <= (endPort ?? port);
  if (flow.to.kind !== 'pod') return false;
  const has = flow.to.pod.ports.some((one) => one.name === port && one.protocol === protocol && one.port === flow.port);
  return has && flow.to.pod.hostNetwork ? null : has;
}

function peerFits(
  peer: PolicyPeer,
  end: FlowEnd,
  { namespaces, own }: { readonly namespaces: readonly Namespace[]; readonly own: string },
): boolean | null {
  if (peer.kind === 'block') {
    const [first] = addressesOf(end);
    return first !== undefined && isIn(peer.cidr, first) && !peer.except.some((one) => isIn(one, first));
  }
  if (end.kind !== 'pod') return false;
  const { pod } = end;
  const inNamespace =
    peer.namespaceSelector === null
      ? pod.namespace === own
      : selects(peer.namespaceSelector, labelsOf(pod, namespaces));
  if (!inNamespace || (peer.podSelector !== null && !selects(peer.podSelector, pod.labels))) return false;
  return pod.hostNetwork ? null : true;
}

function labelsOf({ namespace }: Pod, namespaces: readonly Namespace[]): Namespace['labels'] {
  const known = namespaces.find(({ name }) => name === namespace);
  return { ...known?.labels, 'kubernetes.io/metadata.name': namespace };
}

function addressesOf(end: FlowEnd): ClusterNode['addresses'] {
  if (end.kind === 'address') return [end.address];
  return end.kind === 'node' ? end.node.addresses : end.pod.addresses;
}

function selects({ matchLabels, matchExpressions }: LabelSelector, labels: Pod['labels']): boolean {
  const wanted = Object.entries(matchLabels).every(([key, value]) => labels[key] === value);
  return (
    wanted &&
    matchExpressions.every(({ key, operator, values }) => {
      const has = key in labels;
      if (operator === 'Exists') return has;
      if (operator === 'DoesNotExist') return !has;
      return operator === 'In'
        ? has && values.includes(labels[key] ?? '')
        : !has || !values.includes(labels[key] ?? '');
    })
  );
}

/** IPv4 alone, bit by bit. */
function isIn(cidr: Prefix, address: Address): boolean {
  const [base = '', length = ''] = cidr.split('/');
  return bits(base).slice(0, Number(length)) === bits(address).slice(0, Number(length));
}

function bits(address: string): string {
  return address
    .split('.')
    .map((part) => Number(part).toString(2).padStart(8, '0'))
    .join('');
}
