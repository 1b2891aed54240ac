/** EndpointSlices by the Service that they belong to. */
import type { EndpointSlice } from '../model/cluster.ts';

const none: readonly EndpointSlice[] = [];

/** `namespace/name` of a slice's Service. */
function serviceKeyOf({ namespace, serviceName }: EndpointSlice): string {
  return `${namespace}/${serviceName}`;
}

export class SliceIndex {
  readonly #byService = new Map<string, readonly EndpointSlice[]>();

  /** By the slice's name. */
  of(serviceKey: string): readonly EndpointSlice[] {
    return this.#byService.get(serviceKey) ?? none;
  }

  /** One slice came, changed or went. @returns the Services whose slices are others now. */
  change(before: EndpointSlice | null, after: EndpointSlice | null): readonly string[] {
    const touched = new Set<string>();
    if (before !== null) {
      const key = serviceKeyOf(before);
      const left = this.of(key).filter(({ name }) => name !== before.name);
      if (left.length === 0) this.#byService.delete(key);
      else this.#byService.set(key, left);
      touched.add(key);
    }
    if (after !== null) {
      const key = serviceKeyOf(after);
      const slices = [...this.of(key), after];
      this.#byService.set(
        key,
        slices.sort((one, other) => (one.name < other.name ? -1 : 1)),
      );
      touched.add(key);
    }
    return [...touched];
  }
}
