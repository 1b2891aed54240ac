/**
 * Classes of pods: those alike in namespace, in the labels that a selector could ask of them, in the ports that rules
 * name, and in the blocks that hold their addresses. Questions are answered for classes, of which a cluster has hundreds where it has a hundred thousand pods.
 */
import type { Address } from '../../../proto/address.ts';
import type { ContainerPort, Namespace, Pod } from '../../model/cluster.ts';
import type { PolicyDirection } from '../../model/policy.ts';
import type { CompiledPolicies, CompiledPolicy, LabelPeer } from './compiled.ts';
import { denied } from './sentences.ts';
import { askedKeys, type Labels, matchesSelector, labelValue } from './selectors.ts';

/** Classes that went with their pods are forgotten, with all others, when there are so many. */
const mostClasses = 50_000;
/**
 * Who may write policies could ask for so many labels that the pods of all others would pay for it: past these numbers
 * pods are told apart by all of their own labels, which is as exact.
 */
const mostAskedLabels = 200;
const mostPeers = 20_000;
/** Bytes of remembered answers, of all classes; what is beyond is worked out each time. */
const mostRemembered = 32 * 1024 * 1024;
/** The API server sets it on every Namespace. */
const nameLabel = 'kubernetes.io/metadata.name';

/** What a class of pods is to a peer by labels. */
export type PeerFit =
  | 'yes'
  | 'no'
  /** It is selected, and is in its node's network, where the API leaves it to the plugin whether that counts. */
  | 'host'
  /** The labels of its namespace are not known. */
  | 'namespace-unknown';
const fits: readonly PeerFit[] = ['yes', 'no', 'host', 'namespace-unknown'];

export interface PodClass {
  readonly id: number;
  readonly namespace: string;
  /** `finished`: Succeeded or Failed, it has no network any more. `host`: it is in its node's network. */
  readonly kind: 'own-network' | 'host' | 'finished';
  /** Of the first pod of the class: another one may differ in labels that nothing asks for. */
  readonly labels: Labels;
  /** Of the first pod of the class. */
  readonly ports: readonly ContainerPort[];
  /** The policies that select it, sorted; none unless it has a network of its own. */
  readonly isolating: Readonly<Record<PolicyDirection, readonly CompiledPolicy[]>>;
  /** Their names, `shop/allow-web`, in the same order. */
  readonly isolatingNames: Readonly<Record<PolicyDirection, readonly string[]>>;
  /** The sizes of the policies that isolate it. */
  readonly size: Readonly<Record<PolicyDirection, number>>;
  /** Why it is denied what no rule lets through. */
  readonly denial: Readonly<Record<PolicyDirection, string>>;
  /** By the peer's number: 0 = not asked yet, else one more than the index in `fits`. */
  readonly peerFits: Uint8Array;
}

export class PodClasses {
  readonly #policies: CompiledPolicies;
  readonly #namespace: (name: string) => Namespace | null;
  readonly #hostAddresses: (pod: Pod) => readonly Address[];
  readonly #asked = new Map<string, readonly string[] | null>();
  readonly #classes = new Map<string, PodClass>();
  #ofPod = new WeakMap<Pod, PodClass>();
  #next = 0;
  #remembered = 0;

  /** @param hostAddresses what packets of a pod in its node's network may come from, beside its own addresses. */
  constructor(
    policies: CompiledPolicies,
    namespace: (name: string) => Namespace | null,
    hostAddresses: (pod: Pod) => readonly Address[],
  ) {
    this.#policies = policies;
    this.#namespace = namespace;
    this.#hostAddresses = hostAddresses;
  }

  /** The class of a pod. A pod that changed is another object, so what was found out for the object holds. */
  of(pod: Pod): PodClass {
    const known = this.#ofPod.get(pod);
    if (known !== undefined) return known;
    const content = this.#contentOf(pod);
    const found = this.#classes.get(content) ?? this.#make(pod, content);
    this.#ofPod.set(pod, found);
    return found;
  }

  /** What a class is to a peer. */
  fit(podClass: PodClass, peer: LabelPeer): PeerFit {
    const known = podClass.peerFits[peer.number] ?? 0;
    const fit = known === 0 ? this.#fit(podClass, peer) : fits[known - 1];
    if (fit === undefined) return 'no';
    if (known === 0) podClass.peerFits[peer.number] = fits.indexOf(fit) + 1;
    return fit;
  }

  #fit({ kind, namespace, labels }: PodClass, peer: LabelPeer): PeerFit {
    if (kind === 'finished') return 'no';
    const inNamespace = this.#namespaceFits(namespace, peer);
    if (inNamespace === 'no') return 'no';
    if (peer.podSelector !== null && !matchesSelector(peer.podSelector, labels)) return 'no';
    return kind === 'host' ? 'host' : inNamespace;
  }

  #namespaceFits(name: string, { namespace, namespaceSelector }: LabelPeer): 'yes' | 'no' | 'namespace-unknown' {
    if (namespaceSelector === null) return name === namespace ? 'yes' : 'no';
    const known = this.#namespace(name);
    if (known === null && askedKeys(namespaceSelector).some((key) => key !== nameLabel)) return 'namespace-unknown';
    return matchesSelector(namespaceSelector, namespaceLabels(name, known)) ? 'yes' : 'no';
  }

  #contentOf(pod: Pod): string {
    const asked = this.#askedIn(pod.namespace);
    const labels =
      asked === null ? Object.entries(pod.labels).sort() : asked.map((key) => labelValue(pod.labels, key) ?? null);
    const { portNames, segments } = this.#policies;
    const ports =
      portNames.size === 0
        ? []
        : pod.ports
            .filter(({ name }) => portNames.has(name))
            .map(({ name, protocol, port }) => `${name} ${protocol} ${port}`)
            .sort();
    const addresses = pod.hostNetwork ? [...pod.addresses, ...this.#hostAddresses(pod)] : pod.addresses;
    const places = segments === null ? [] : addresses.map((address) => segments.of(address));
    return JSON.stringify([pod.namespace, kindOf(pod), labels, ports, places]);
  }

  /** The labels that policies ask of pods of this namespace; null = so many that all labels of a pod are looked at. */
  #askedIn(namespace: string): readonly string[] | null {
    if (this.#policies.peers.length > mostPeers) return null;
    const known = this.#asked.get(namespace);
    if (known !== undefined) return known;
    const own = this.#policies.byNamespace.get(namespace) ?? [];
    const keys = new Set(own.flatMap(({ policy }) => askedKeys(policy.podSelector)));
    for (const peer of this.#policies.peers) {
      if (peer.podSelector === null || this.#namespaceFits(namespace, peer) === 'no') continue;
      for (const key of askedKeys(peer.podSelector)) keys.add(key);
    }
    const sorted = keys.size > mostAskedLabels ? null : [...keys].sort();
    this.#asked.set(namespace, sorted);
    return sorted;
  }

  #make(pod: Pod, content: string): PodClass {
    if (this.#classes.size >= mostClasses) {
      this.#classes.clear();
      this.#ofPod = new WeakMap();
      this.#remembered = 0;
    }
    const kind = kindOf(pod);
    const selecting =
      kind === 'own-network'
        ? (this.#policies.byNamespace.get(pod.namespace) ?? []).filter(({ policy }) =>
            matchesSelector(policy.podSelector, pod.labels),
          )
        : [];
    const ingress = selecting.filter(({ rules }) => rules.ingress !== null);
    const egress = selecting.filter(({ rules }) => rules.egress !== null);
    const made: PodClass = {
      id: this.#next++,
      namespace: pod.namespace,
      kind,
      labels: pod.labels,
      ports: pod.ports,
      isolating: { ingress, egress },
      isolatingNames: { ingress: ingress.map(({ key }) => key), egress: egress.map(({ key }) => key) },
      size: { ingress: sizeOf(ingress), egress: sizeOf(egress) },
      denial: { ingress: denied('ingress', ingress), egress: denied('egress', egress) },
      peerFits: this.#memory(),
    };
    this.#classes.set(content, made);
    return made;
  }

  #memory(): Uint8Array {
    const size = this.#remembered < mostRemembered ? Math.min(this.#policies.peers.length, mostPeers) : 0;
    this.#remembered += size;
    return new Uint8Array(size);
  }
}

/** With the one that the API server sets on every Namespace. @param known null = its other labels are not known. */
export function namespaceLabels(name: string, known: Namespace | null): Labels {
  return { ...known?.labels, [nameLabel]: name };
}

function sizeOf(policies: readonly CompiledPolicy[]): number {
  return policies.reduce((sum, { size }) => sum + size, 0);
}

function kindOf(pod: Pod): PodClass['kind'] {
  if (pod.phase === 'Succeeded' || pod.phase === 'Failed') return 'finished';
  return pod.hostNetwork ? 'host' : 'own-network';
}
