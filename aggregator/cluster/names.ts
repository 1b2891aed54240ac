/** Names that occur in thousands of objects, kept once: parsing gives each object a copy of its own. */
import type { EndpointSlice } from '../model/cluster.ts';

/** Forgets all of them rather than grow without end, should names turn out not to repeat. */
const mostNames = 100_000;

export class Names {
  readonly #names = new Map<string, string>();

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

  #all(names: readonly string[]): readonly string[] {
    return names.length === 0 ? names : names.map((name) => this.one(name));
  }
}
