/*
 * A Service finds its endpoints by the labels of pods. The API server takes any selector and any name of a port: a slip
 * of the pen makes a Service without endpoints, and every node rightly refuses its packets, so that no node is at fault
 * (kubernetes' own "Debug Services" begins with this case). The same shows where the pods are there and none is ready.
 */
import { familyOf } from '../../proto/address.ts';
import type { ClusterCheck, ClusterView } from '../model/check.ts';
import type { ClusterObjects, EndpointSlice, Pod, Service, ServicePort } from '../model/cluster.ts';
import type { Violation } from '../model/finding.ts';
import { type Cause, toldCause } from './shared/empty-service.ts';
import { type Labels, type NearLabels, PodLabels } from './shared/pod-labels.ts';
import { slipsBetween, spelled } from './shared/similar-text.ts';

export const serviceSelectsNothing: ClusterCheck = {
  id: 'service-selects-nothing',
  layer: 'L3',
  scope: 'cluster',
  severity: 'high',
  title: 'A Service with a selector has no endpoint that takes connections',
  explanation: `The Service selects pods by their labels, and none of them can be used: no pod has the labels, or none that has them is ready, or no container has a port of the name that the Service leads to, or all of them are being deleted. Nodes then refuse or drop every packet to the Service, which is what they should do. Where a label or a port name of the same namespace is spelled nearly alike, it is named: a slip of the pen is the usual reason.`,
  falsePositives: `A Service without a selector, a headless one and one of type ExternalName are nobody's fault here. Endpoints that are being deleted and still serve count as usable, as they do for kube-proxy. Pods that are starting have five minutes. A Service whose selector matches no pod, with no label that is nearly the same, is mostly scaled to zero on purpose (KEDA, a preview, a job that is not running): it is told with severity low. Names that differ by a number or a short word (\`shard-1\` and \`shard-2\`) are two names, and so is one that another Service selects while this Service is itself called what it selects.`,
  remediation: `Correct the selector or the port with the command of the finding, or the labels in the pods' template. For pods that are not ready, \`kubectl describe pod\` says which probe fails. What is empty on purpose can be accepted: \`kubectl -n NAMESPACE annotate service NAME plumbline.dev/accept=service-selects-nothing\`, or the Namespace.`,
  needs: ['pods'],
  holdForSeconds: 300,
  clearForSeconds: 30,
  evaluate,
};

function evaluate({ objects }: ClusterView): readonly Violation[] {
  const empty: { readonly service: Service; readonly without: readonly ServicePort[] }[] = [];
  for (const service of objects.services()) {
    if (!isServedBySelector(service)) continue;
    const slices = objects.endpointSlices(service.namespace, service.name);
    const without = service.ports.filter((port) => !hasEndpoint(port, slices));
    if (without.length > 0) empty.push({ service, without });
  }
  if (empty.length === 0) return [];
  const pods = new NamespacePods(objects);
  return empty.flatMap(({ service, without }) =>
    causesOf(service, without, pods).map((cause) => toldCause(service, cause)),
  );
}

function isServedBySelector({ type, selector, clusterIPs }: Service): boolean {
  if (type === 'ExternalName' || selector === null || Object.keys(selector).length === 0) return false;
  return clusterIPs.ipv4 !== undefined || clusterIPs.ipv6 !== undefined;
}

/** Whether kube-proxy has anything to send a packet to. */
function hasEndpoint({ name, protocol }: ServicePort, slices: readonly EndpointSlice[]): boolean {
  return slices.some(
    ({ ports, endpoints }) =>
      ports.some((port) => port.name === name && port.protocol === protocol) &&
      endpoints.some(({ ready, serving, terminating }) => ready || (serving && terminating)),
  );
}

/** The pods that live, by namespace: looked at once for all Services that ask. */
class NamespacePods {
  readonly #objects: ClusterObjects;
  readonly #labels = new Map<string, PodLabels>();
  #services: ReadonlyMap<string, readonly Service[]> | null = null;

  constructor(objects: ClusterObjects) {
    this.#objects = objects;
  }

  labelsIn(namespace: string): PodLabels {
    const known = this.#labels.get(namespace);
    if (known !== undefined) return known;
    const labels = new PodLabels([...this.#objects.podsIn(namespace)].filter((pod) => !hasEnded(pod)));
    this.#labels.set(namespace, labels);
    return labels;
  }

  endedIn(namespace: string, selector: Labels): number {
    const requirements = Object.entries(selector);
    const isSelected = ({ labels }: Pod) => requirements.every(([key, value]) => labels[key] === value);
    return [...this.#objects.podsIn(namespace)].filter((pod) => hasEnded(pod) && isSelected(pod)).length;
  }

  /** Whether another Service of the namespace selects the pod. */
  isSelectedByOther({ namespace, name }: Service, pod: Pod | undefined): boolean {
    this.#services ??= Map.groupBy(this.#objects.services(), (service) => service.namespace);
    return (this.#services.get(namespace) ?? []).some((other) => {
      const requirements = Object.entries(other.selector ?? {});
      return (
        other.name !== name &&
        requirements.length > 0 &&
        requirements.every(([key, value]) => pod?.labels[key] === value)
      );
    });
  }
}

function hasEnded({ phase }: Pod): boolean {
  return phase === 'Succeeded' || phase === 'Failed';
}

/** @param without the ports that lead nowhere, at least one. */
function causesOf(service: Service, without: readonly ServicePort[], pods: NamespacePods): readonly Cause[] {
  const selector = service.selector ?? {};
  const labels = pods.labelsIn(service.namespace);
  const selected = labels.selected(selector);
  const port = without.length === service.ports.length ? null : (without[0] ?? null);
  if (selected.length === 0) {
    const near = labels.nearest(selector);
    if (near !== null && !isAnotherApp(service, near, pods)) return [{ kind: 'near', near }];
    const counts = Object.entries(selector).map(
      ([key, value]) => [`${key}=${value}`, labels.selected({ [key]: value }).length] as const,
    );
    return [{ kind: 'no-pods', counts, ended: pods.endedIn(service.namespace, selector) }];
  }
  const staying = selected.filter(({ terminating }) => !terminating);
  if (staying.length === 0) return [{ kind: 'leaving', port, pods: selected }];
  const ready = staying.filter((pod) => pod.ready);
  if (ready.length === 0) return [{ kind: 'unready', port, pods: staying }];
  const misnamed = without.filter((one) => !ready.some((pod) => hasPort(pod, one)));
  const rest = without.filter((one) => !misnamed.includes(one));
  const addressed = ready.filter(({ addresses }) =>
    addresses.some((address) => service.clusterIPs[familyOf(address)] !== undefined),
  );
  return [
    ...misnamed.map((one): Cause => ({ kind: 'port-name', port: one, pods: ready, nearest: nearestPort(one, ready) })),
    ...(rest.length === 0
      ? []
      : [{ kind: 'unlisted', port, pods: ready, haveAddress: addressed.length > 0 } satisfies Cause]),
  ];
}

/** What is written is then no slip: the Service is called so too, and the pods are somebody else's. */
function isAnotherApp(service: Service, { slips, pods: [pod] }: NearLabels, pods: NamespacePods): boolean {
  const isNamedSo = slips.every(({ value, meantValue }) => value !== meantValue && service.name.includes(value));
  return isNamedSo && pods.isSelectedByOther(service, pod);
}

/** A port that is written as a number is there whatever containers say. */
function hasPort({ ports }: Pod, { targetName, protocol }: ServicePort): boolean {
  return targetName === undefined || ports.some((port) => port.name === targetName && port.protocol === protocol);
}

/** The name of a port of the protocol that may have been meant: spelled alike, or the only one. */
function nearestPort({ targetName = '', protocol }: ServicePort, pods: readonly Pod[]): string | null {
  const names = new Set(
    pods.flatMap(({ ports }) => ports.flatMap((port) => (port.protocol === protocol && port.name ? [port.name] : []))),
  );
  const wanted = spelled(targetName);
  const near = [...names].filter((name) => slipsBetween(wanted, spelled(name)) !== null).sort();
  return near[0] ?? (names.size === 1 ? ([...names][0] ?? null) : null);
}
