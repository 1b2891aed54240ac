/**
 * Which sandboxes live on a node, by the node's own word. The API knows a pod by another UID than its node where it is a
 * static one, and nothing of containers that Podman or nerdctl run beside the kubelet, with CNI files in the same folders.
 */
import type { CniResult } from '../../../proto/parts.ts';
import type { NodeView } from '../../model/check.ts';
import type { Pod } from '../../model/cluster.ts';
import { cniHere } from './cni.ts';
import { isSeenRunning, networkOf, podsWith } from './wired-pods.ts';

/** The networks that pods here are joined to: of the configuration that is taken, and of pods that live. */
export function networksOfPods(view: NodeView): ReadonlySet<string> {
  const { cni } = view.parts;
  if (cni.state !== 'ok') return new Set();
  const seen = seenContainers(view);
  const taken = cniHere(view)?.configuration.network ?? null;
  return new Set([
    ...(taken === null ? [] : [taken]),
    ...cni.value.results.first.filter((result) => isOfKnownPod(view, result)).map(({ network }) => network),
    ...cni.value.reservations.first.filter(({ container }) => seen.has(container)).map(({ network }) => network),
  ]);
}

/** Whether a pod of the API has the name and an address of the record. */
export function isOfKnownPod(view: NodeView, { pod, addresses }: CniResult): boolean {
  if (pod === null) return false;
  return addresses.some((address) =>
    podsWith(view, address).some(
      ({ namespace, name, uid }) =>
        namespace === pod.namespace && name === pod.name && (pod.uid === null || pod.uid === uid),
    ),
  );
}

/** Whether the sandbox of the record is seen on the node; not its pod's successor of the same name, as of a StatefulSet. */
export function isAlive(view: NodeView, { container, pod, addresses }: CniResult): boolean {
  const { podNetworks } = view.parts;
  if (seenContainers(view).has(container)) return true;
  if (podNetworks.state !== 'ok' || pod === null) return false;
  return podNetworks.value.pods.first.some((one) => {
    if (one.pod === null) return one.uid === pod.uid;
    // Where only names are told, the address tells the two apart.
    const isItsName = one.pod.namespace === pod.namespace && one.pod.name === pod.name;
    return isItsName && one.addresses.some(({ address }) => addresses.includes(address));
  });
}

/**
 * Whether a pod of this node has no sandbox with a network, as far as is known. The API shows a pod without an address
 * while its images are pulled, too, and with that of before where its sandbox has to be made anew.
 */
export function lacksNetwork(view: NodeView, pod: Pod): boolean {
  const network = networkOf(view, pod);
  if (network?.namespace === 'own' && network.addresses.length > 0) return false;
  const { hostNetwork, phase, terminating, addresses, sandboxReady } = pod;
  if (hostNetwork || terminating || sandboxReady === true || (phase !== 'Pending' && phase !== 'Running')) return false;
  return addresses.length === 0 || sandboxReady === false || isSeenRunning(view, pod) === false;
}

/** Ids of sandboxes and containers of pods that have a process, or that the runtime calls ready. */
function seenContainers({ parts: { podNetworks, sandboxes } }: NodeView): ReadonlySet<string> {
  const running = podNetworks.state === 'ok' ? podNetworks.value.pods.first : [];
  const listed = sandboxes.state === 'ok' ? sandboxes.value.sandboxes.first : [];
  return new Set([
    ...running.flatMap(({ containers }) => containers),
    ...listed.filter(({ ready }) => ready).map(({ id }) => id),
  ]);
}
