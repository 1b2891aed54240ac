/** Pods by their namespace, and by the node that they are on. */
import type { Pod } from '../model/cluster.ts';
import type { ObjectChange } from './object-table.ts';

const none: ReadonlySet<Pod> = new Set();

export class PodIndex {
  readonly #byNamespace = new Map<string, Set<Pod>>();
  readonly #byNode = new Map<string, Set<Pod>>();

  in(namespace: string): Iterable<Pod> {
    return this.#byNamespace.get(namespace) ?? none;
  }

  on(node: string): Iterable<Pod> {
    return this.#byNode.get(node) ?? none;
  }

  /** Pods came, changed or went. @returns the namespaces whose pods are others now. */
  change(changes: readonly ObjectChange<Pod>[]): ReadonlySet<string> {
    const touched = new Set<string>();
    for (const { before, after } of changes) {
      if (before !== null) {
        take(this.#byNamespace, before.namespace, before);
        if (before.nodeName !== null) take(this.#byNode, before.nodeName, before);
        touched.add(before.namespace);
      }
      if (after !== null) {
        put(this.#byNamespace, after.namespace, after);
        if (after.nodeName !== null) put(this.#byNode, after.nodeName, after);
        touched.add(after.namespace);
      }
    }
    return touched;
  }
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
