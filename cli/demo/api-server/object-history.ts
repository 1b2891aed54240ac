/** The objects of one resource, and the changes that are still remembered: what etcd and the watch cache are. */
import { type ApiObject, keyOf } from './api-resources.ts';

export interface ObjectEvent {
  readonly version: number;
  /** Null: there was none. */
  readonly before: ApiObject | null;
  /** Null: it was deleted. `last` is then how it was told last. */
  readonly after: ApiObject | null;
  readonly last: ApiObject;
}

/** A server remembers for some minutes; one that runs for days must forget too. */
const mostEvents = 20_000;

export class ObjectHistory {
  readonly #objects = new Map<string, ApiObject>();
  readonly #listeners = new Set<(event: ObjectEvent) => void>();
  #events: ObjectEvent[] = [];
  /** Changes up to this version are forgotten. */
  #forgotten = 0;

  /** Takes an object as it is told at a version. */
  put(object: ApiObject, version: number): void {
    const before = this.#objects.get(keyOf(object)) ?? null;
    this.#objects.set(keyOf(object), object);
    this.#tell({ version, before, after: object, last: object });
  }

  /** @param last the object as its deletion is told. */
  remove(last: ApiObject, version: number): void {
    const before = this.#objects.get(keyOf(last)) ?? null;
    if (before === null) return;
    this.#objects.delete(keyOf(last));
    this.#tell({ version, before, after: null, last });
  }

  get(key: string): ApiObject | null {
    return this.#objects.get(key) ?? null;
  }

  /** As they are now, or were at a version that is not forgotten; sorted by key. */
  objects(at = Number.POSITIVE_INFINITY): readonly ApiObject[] {
    const then = new Map(this.#objects);
    for (const { version, before, last } of this.#events.toReversed()) {
      if (version <= at) break;
      if (before === null) then.delete(keyOf(last));
      else then.set(keyOf(before), before);
    }
    return [...then].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, object]) => object);
  }

  /** The changes after a version; null where they are forgotten. */
  since(version: number): readonly ObjectEvent[] | null {
    if (version < this.#forgotten) return null;
    return this.#events.filter((event) => event.version > version);
  }

  remembers(version: number): boolean {
    return version >= this.#forgotten;
  }

  /** Forgets all changes up to a version, as compaction does after some minutes. */
  forget(version: number): void {
    this.#forgotten = Math.max(this.#forgotten, version);
    this.#events = this.#events.filter((event) => event.version > version);
  }

  subscribe(listener: (event: ObjectEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(event: ObjectEvent): void {
    this.#events.push(event);
    if (this.#events.length > mostEvents) this.forget(this.#events[mostEvents / 2]?.version ?? event.version);
    for (const listener of this.#listeners) listener(event);
  }
}
