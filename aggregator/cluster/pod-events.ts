/** Events about pods by the node that they are of. An hour is as long as an API server keeps them. */
import type { PodEvent } from '../model/cluster.ts';
import type { ObjectChange } from './object-table.ts';

const keptMs = 3_600_000;

export class PodEvents {
  readonly #byNode = new Map<string, Set<PodEvent>>();

  change(changes: readonly ObjectChange<PodEvent>[]): void {
    for (const { before, after } of changes) {
      if (before !== null) this.#byNode.get(before.nodeName ?? '')?.delete(before);
      if (after === null) continue;
      const node = after.nodeName ?? '';
      const events = this.#byNode.get(node) ?? new Set<PodEvent>();
      this.#byNode.set(node, events.add(after));
    }
  }

  /** Those of the last hour. @param now Unix ms. */
  on(node: string, now: number): readonly PodEvent[] {
    const events = [...(this.#byNode.get(node) ?? [])];
    return events.filter(({ lastAt }) => !(now - Date.parse(lastAt) > keptMs));
  }
}
