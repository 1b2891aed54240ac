/** Pods by their namespace, by the node that they are on, and by their addresses. */
import type { Address } from '../../proto/address.ts';
import type { Pod } from '../model/cluster.ts';
import type { ObjectChange } from './object-table.ts';

const none: ReadonlySet<Pod> = new Set();

export class PodIndex {
  readonly #byNamespace = new Map<string, Set<Pod>>();
  readonly #byNode = new Map<string, Set<Pod>>();
  /** One pod, or several: tens of thousands of sets of one would take more than the pods. */
  readonly #byAddress = new Map<Address, Pod | readonly Pod[]>();

  in(namespace: string): Iterable<Pod> {
    return this.#byNamespace.get(namespace) ?? none;
  }

  on(node: string): Iterable<Pod> {
    return this.#byNode.get(node) ?? none;
  }

  /** Those whose status has this address, hostNetwork pods left out. */
  withAddress(address: Address): readonly Pod[] {
    const found = this.#byAddress.get(address);
    return found === undefined ? [] : severalOf(found);
  }

  /** Pods came, changed or went. @returns the namespaces whose pods are others now. */
  change(changes: readonly ObjectChange<Pod>[]): ReadonlySet<string> {
    const touched = new Set<string>();
    for (const { before, after } of changes) {
      if (before !== null) {
        take(this.#byNamespace, before.namespace, before);
        if (before.nodeName !== null) take(this.#byNode, before.nodeName, before);
        this.#forgetAddresses(before);
        touched.add(before.namespace);
      }
      if (after !== null) {
        put(this.#byNamespace, after.namespace, after);
        if (after.nodeName !== null) put(this.#byNode, after.nodeName, after);
        this.#rememberAddresses(after);
        touched.add(after.namespace);
      }
    }
    return touched;
  }

  #rememberAddresses(pod: Pod): void {
    if (pod.hostNetwork) return;
    for (const address of pod.addresses) {
      const known = this.#byAddress.get(address);
      this.#byAddress.set(address, known === undefined ? pod : [...severalOf(known), pod]);
    }
  }

  #forgetAddresses(pod: Pod): void {
    for (const address of pod.addresses) {
      const left = this.withAddress(address).filter((one) => one !== pod);
      const [first] = left;
      if (first === undefined) this.#byAddress.delete(address);
      else this.#byAddress.set(address, left.length === 1 ? first : left);
    }
  }
}

function severalOf(found: Pod | readonly Pod[]): readonly Pod[] {
  return 'uid' in found ? [found] : found;
}

function put(index: Map<string, Set<Pod>>, key: string, pod: Pod): void {
  const pods = index.get(key);
  if (pods === undefined) index.set(key, new Set([pod]));
  else pods.add(pod);
}

function take(index: Map<string, Set<Pod>>, key: string, pod: Pod): void {
  const pods = index.get(key);
  pods?.delete(pod);
  if (pods?.size === 0) index.delete(key);
}
