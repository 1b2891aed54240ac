/** The pods that must have a network on this node, and which link of the node is whose. */
import type { Address } from '../../../proto/address.ts';
import type { CniResult, NodeLink, Part, PodNetwork } from '../../../proto/parts.ts';
import { contains, prefixSet } from '../../../proto/prefixes.ts';
import type { NodeView } from '../../model/check.ts';
import type { Pod } from '../../model/cluster.ts';
import { type CniHere, cniHere, cniOfNetwork } from './cni.ts';
import { linkNamed } from './overlay.ts';
import { unixSeconds } from './times.ts';

/** A pod that was just taken on, or has just got its address, may not be wired as it will be. */
const youngSeconds = 60;

/**
 * Pods of this node that run in a network of their own, have an address, and were there a minute before the part was
 * read. After a boot the API shows the pods of before, with their addresses: those of which nothing runs are left out.
 * @param part what is held against them.
 */
export function wiredPods(view: NodeView, part: Part<unknown>): readonly Pod[] {
  const { name, objects } = view;
  const readAt = part.state === 'ok' ? unixSeconds(part.collectedAt) : null;
  return [...objects.podsOn(name)].filter((pod) => {
    const { hostNetwork, phase, terminating, addresses, sandboxReady } = pod;
    if (hostNetwork || phase !== 'Running' || terminating || addresses.length === 0) return false;
    if (sandboxReady === false || isSeenRunning(view, pod) === false) return false;
    return readAt === null || !isYoung(pod, readAt);
  });
}

/** Seconds since the kubelet took the pod on, by the time of a reading; null where that is not told. */
function ageOf({ startedAt, createdAt }: Pod, readAt: number): number | null {
  const since = unixSeconds(startedAt ?? createdAt ?? '');
  return since === null ? null : readAt - since;
}

function isYoung(pod: Pod, readAt: number): boolean {
  const age = ageOf(pod, readAt);
  return age !== null && age < youngSeconds;
}

/** libcni's record of a pod's first link: of the newest of its sandboxes that holds one of its addresses. */
function resultOf({ parts: { cni } }: NodeView, pod: Pod): CniResult | null {
  if (cni.state !== 'ok') return null;
  const own = cni.value.results.first.filter(
    (result) =>
      result.pod?.namespace === pod.namespace &&
      result.pod.name === pod.name &&
      (result.pod.uid === null || result.pod.uid === pod.uid),
  );
  // Sandboxes that ended leave records behind now and then; those of further networks have other addresses.
  const held = own.filter(({ addresses }) => addresses.some((address) => pod.addresses.includes(address)));
  return held.length === 1 ? (held[0] ?? null) : null;
}

/** How the pod was joined to the node: as its sandbox was made, by libcni's record; else as new pods are. */
export function cniOf(view: NodeView, pod: Pod): CniHere | null {
  const result = resultOf(view, pod);
  return result === null ? cniHere(view) : cniOfNetwork(view, result.network);
}

/** The node's end of the pod's link, by libcni's record, which also names the bridge; null where none is told. */
export function linkNameOf(view: NodeView, pod: Pod): string | null {
  const bridge = cniOf(view, pod)?.bridge ?? null;
  const names = (resultOf(view, pod)?.nodeLinks ?? []).filter((name) => name !== bridge);
  return names.length === 1 ? (names[0] ?? null) : null;
}

/** The same as a link that is there; `absent` where the record names one that is not. */
export function linkOf(view: NodeView, pod: Pod): NodeLink | 'absent' | null {
  const { links } = view.parts;
  const name = linkNameOf(view, pod);
  if (name === null || links.state !== 'ok' || links.value.links.total > links.value.links.first.length) return null;
  return linkNamed(view, name) ?? 'absent';
}

/** What is seen of the pod's namespace; null where nothing is. */
export function networkOf({ parts: { podNetworks } }: NodeView, { uid, namespace, name }: Pod): PodNetwork | null {
  if (podNetworks.state !== 'ok') return null;
  const isIts = (one: PodNetwork) =>
    one.pod === null ? one.uid === uid : one.pod.namespace === namespace && one.pod.name === name;
  return podNetworks.value.pods.first.find(isIts) ?? null;
}

/** Whether a process of the pod is there; null where not all processes could be looked at. */
export function isSeenRunning(view: NodeView, pod: Pod): boolean | null {
  const { podNetworks } = view.parts;
  if (podNetworks.state !== 'ok') return null;
  if (networkOf(view, pod) !== null) return true;
  const { pods, unread } = podNetworks.value;
  return unread === 0 && pods.total === pods.first.length ? false : null;
}

/** KubeVirt hands the pod's address and its way out to the machine inside, and while that moves, to two pods. */
export function isVirtualMachine({ labels }: Pod): boolean {
  return labels['kubevirt.io'] === 'virt-launcher';
}

/**
 * Whether the pod is certainly joined in this way: its link is on record, or its address is of the node's ranges. Its
 * owner may have asked Multus for another network in place of the usual one.
 */
export function isJoinedBy(view: NodeView, { configuration }: CniHere, pod: Pod): boolean {
  if (linkNameOf(view, pod) !== null) return true;
  const ranges = prefixSet([...(view.node?.podCIDRs ?? []), ...configuration.settings.flatMap((one) => one.ranges)]);
  return pod.addresses.some((address) => contains(ranges, address));
}

/** Live pods that have an address, on whatever node. */
export function podsWith({ objects }: NodeView, address: Address): readonly Pod[] {
  return objects.podsWithAddress(address).filter(({ phase }) => phase !== 'Succeeded' && phase !== 'Failed');
}
