/** What occurs in thousands of objects, kept once: parsing gives each object a copy of its own. */
import type { ContainerPort, EndpointSlice, KubeletProbe, Pod, PodDns } from '../model/cluster.ts';

/** Forgets all of them rather than grow without end, should they turn out not to repeat. */
const mostNames = 100_000;
const mostShared = 50_000;

export class Names {
  readonly #names = new Map<string, string>();
  readonly #labels = new Map<string, Pod['labels']>();
  readonly #ports = new Map<string, readonly ContainerPort[]>();
  readonly #owners = new Map<string, NonNullable<Pod['owner']>>();
  readonly #dns = new Map<string, PodDns>();
  readonly #probes = new Map<string, readonly KubeletProbe[]>();

  one(name: string): string {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    if (this.#names.size >= mostNames) this.#names.clear();
    this.#names.set(name, name);
    return name;
  }

  /** An equal slice: nodes, zones, port names and the namespace are names that others have too. */
  inSlice(slice: EndpointSlice): EndpointSlice {
    return {
      ...slice,
      namespace: this.one(slice.namespace),
      ports: slice.ports.map((port) => ({ ...port, name: this.one(port.name) })),
      endpoints: slice.endpoints.map((endpoint) => ({
        ...endpoint,
        nodeName: endpoint.nodeName === null ? null : this.one(endpoint.nodeName),
        zoneHints: this.#all(endpoint.zoneHints),
        nodeHints: this.#all(endpoint.nodeHints),
      })),
    };
  }

  /** An equal pod: the pods of one ReplicaSet have the same labels, ports and probes, and all have names of others. */
  inPod(pod: Pod): Pod {
    const { nodeName, labels, ports, createdAt, owner, dns, kubeletProbes: probes } = pod;
    return {
      ...pod,
      namespace: this.one(pod.namespace),
      nodeName: nodeName === null ? null : this.one(nodeName),
      // Most are taken on in the second in which they are made.
      startedAt: pod.startedAt === createdAt ? createdAt : pod.startedAt,
      ...(pod.waitingReason === undefined ? {} : { waitingReason: this.one(pod.waitingReason) }),
      labels: shared(this.#labels, labels, () => this.#withKeys(labels)),
      ports: shared(this.#ports, ports, () => ports.map((port) => ({ ...port, name: this.one(port.name) }))),
      ...(owner === undefined ? {} : { owner: shared(this.#owners, owner, () => owner) }),
      ...(dns === undefined ? {} : { dns: shared(this.#dns, dns, () => dns) }),
      ...(probes === undefined ? {} : { kubeletProbes: shared(this.#probes, probes, () => probes) }),
    };
  }

  #withKeys(labels: Pod['labels']): Pod['labels'] {
    return Object.fromEntries(Object.entries(labels).map(([key, value]) => [this.one(key), value]));
  }

  #all(names: readonly string[]): readonly string[] {
    return names.length === 0 ? names : names.map((name) => this.one(name));
  }
}

/** The first value of this content that came. */
function shared<T>(known: Map<string, T>, value: T, make: () => T): T {
  const content = JSON.stringify(value);
  const first = known.get(content);
  if (first !== undefined) return first;
  if (known.size >= mostShared) known.clear();
  const made = make();
  known.set(content, made);
  return made;
}
