/** NetworkPolicies as their checks speak of them: who is concerned, in words, and what may decide otherwise. */
import type { Address } from '../../../proto/address.ts';
import { familyOf } from '../../../proto/address.ts';
import type { ClusterObjects, Pod, Service } from '../../model/cluster.ts';
import type { Subject } from '../../model/finding.ts';
import type { FlowEnd, NetworkPolicy } from '../../model/policy.ts';
import { counted, joined } from './words.ts';

export function policySubject({ namespace, name }: NetworkPolicy): Subject {
  return { kind: 'NetworkPolicy', namespace, name };
}

export function policyName({ namespace, name }: NetworkPolicy): string {
  return `${namespace}/${name}`;
}

/** A pod that runs, or is about to, in a network of its own. */
export function isConcerned({ phase, hostNetwork, terminating }: Pod): boolean {
  return !hostNetwork && !terminating && (phase === 'Running' || phase === 'Pending');
}

/** One pod for each class: those alike have the same verdicts, so that thousands cost what their kinds cost. */
export function oneOfEachClass(objects: ClusterObjects, pods: readonly Pod[]): readonly Pod[] {
  const { policy } = objects;
  if (policy === null) return [];
  const byClass = new Map<number, Pod>();
  for (const pod of pods) {
    const known = byClass.get(policy.classOf(pod));
    if (known === undefined || (known.addresses.length === 0 && pod.addresses.length > 0))
      byClass.set(policy.classOf(pod), pod);
  }
  return [...byClass.values()];
}

/** `deployment web`, `pod debug`; of several: `deployment web and 2 more`. */
function workloadsText(pods: readonly Pod[]): string {
  const names = [
    ...new Set(
      pods.map(({ owner, name }) =>
        owner === undefined ? `pod ${name}` : `${owner.kind.toLowerCase()} ${owner.name}`,
      ),
    ),
  ].sort();
  return joined(names, 3);
}

/** `3 pods of shop (deployment web)` */
export function podsText(pods: readonly Pod[]): string {
  return `${counted(pods.length, 'pod')} of ${pods[0]?.namespace ?? ''} (${workloadsText(pods)})`;
}

/** Policies of other kinds that may let through what NetworkPolicies deny: of the whole cluster, or of the namespace. */
export function mayBeOverruled(objects: ClusterObjects, namespace: string): string | null {
  const kinds = new Set<string>();
  for (const one of objects.foreignPolicies()) {
    if (one.namespace === null || one.namespace === namespace) kinds.add(one.kind);
  }
  return kinds.size === 0 ? null : joined([...kinds].sort());
}

/** Whom a Service's port leads to: one pod for each class, with the port that it has itself. */
export interface Answering {
  readonly end: FlowEnd;
  readonly address: Address;
  readonly port: number;
}

export function answeringAt(
  objects: ClusterObjects,
  { namespace, name }: Service,
  { name: portName, protocol }: { readonly name: string; readonly protocol: string },
): readonly Answering[] {
  const slices = objects.endpointSlices(namespace, name);
  const all = slices.flatMap((slice) => {
    const own = slice.ports.find((one) => one.name === portName && one.protocol === protocol);
    if (own === undefined) return [];
    return slice.endpoints.flatMap(({ address, ready, serving, terminating }) => {
      if (!ready && !(serving && terminating)) return [];
      const [pod] = objects.podsWithAddress(address);
      const end: FlowEnd = pod === undefined ? { kind: 'address', address } : { kind: 'pod', pod };
      return [{ end, address, port: own.port }];
    });
  });
  const { policy } = objects;
  const key = ({ end, address, port }: Answering) =>
    `${end.kind === 'pod' && policy !== null ? policy.classOf(end.pod) : address} ${familyOf(address)} ${port}`;
  return [...new Map(all.map((one) => [key(one), one])).values()];
}
