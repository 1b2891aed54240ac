/** The objects of one kind as they are now, and what each thing told of them changed. */
import { isSame } from './same-value.ts';
import type { MostKept, SeenObject } from './watched-resource.ts';

/** What is kept of one object changed; null = there is (was) none. */
export interface ObjectChange<T> {
  readonly key: string;
  readonly before: T | null;
  readonly after: T | null;
}

interface Identity {
  readonly uid: string;
  readonly resourceVersion: string;
}

/** So many of those that may be kept go at a time: to sort them for each that comes would cost too much. */
const shareForgotten = 0.1;

export class ObjectTable<T> {
  readonly #objects = new Map<string, T>();
  readonly #identities = new Map<string, Identity>();
  readonly #unreadable = new Map<string, string>();
  readonly #compact: (object: T) => T;
  readonly #most: MostKept<T> | null;
  #forgotten = 0;

  /** @param compact gives an equal object that takes less memory. @param most null = all are kept. */
  constructor(compact: (object: T) => T = (object) => object, most: MostKept<T> | null = null) {
    this.#compact = compact;
    this.#most = most;
  }

  /** Objects that were forgotten because there are too many, so far. */
  get forgotten(): number {
    return this.#forgotten;
  }

  get objects(): ReadonlyMap<string, T> {
    return this.#objects;
  }

  /** What does not fit of objects that are therefore missing here, by key. */
  get unreadable(): ReadonlyMap<string, string> {
    return this.#unreadable;
  }

  /** An object came or changed. @returns null where nothing of what is kept did. */
  saw(seen: SeenObject<T>): ObjectChange<T> | null {
    const { key, uid, resourceVersion, reading } = seen;
    const known = this.#identities.get(key);
    if (known !== undefined && known.uid === uid && known.resourceVersion === resourceVersion) return null;
    this.#identities.set(key, { uid, resourceVersion });
    if (reading.ok) this.#unreadable.delete(key);
    else this.#unreadable.set(key, reading.problems[0] ?? key);
    return this.#put(key, reading.ok ? reading.value : null);
  }

  /** An object went. That of another one which had its name before says nothing. */
  gone({ key, uid }: Pick<SeenObject<T>, 'key' | 'uid'>): ObjectChange<T> | null {
    const known = this.#identities.get(key);
    if (known === undefined || known.uid !== uid) return null;
    this.#identities.delete(key);
    this.#unreadable.delete(key);
    return this.#put(key, null);
  }

  /** All that there is, listed anew: what is not in it is gone. */
  replace(all: readonly SeenObject<T>[]): readonly ObjectChange<T>[] {
    const there = new Set(all.map(({ key }) => key));
    const went = [...this.#identities].filter(([key]) => !there.has(key));
    const changes = [...went.map(([key, { uid }]) => this.gone({ key, uid })), ...all.map((seen) => this.saw(seen))];
    return changes.filter((change) => change !== null);
  }

  /** Where there are too many, the oldest go. @returns what that changed. */
  forgetOldest(): readonly ObjectChange<T>[] {
    const most = this.#most;
    if (most === null || this.#objects.size <= most.count) return [];
    const byAge = [...this.#objects].map(([key, object]) => ({ key, age: most.age(object) }));
    byAge.sort((one, other) => (one.age < other.age ? -1 : one.age > other.age ? 1 : 0));
    const left = Math.floor(most.count * (1 - shareForgotten));
    const oldest = byAge.slice(0, byAge.length - left);
    this.#forgotten += oldest.length;
    return oldest.flatMap(({ key }) => {
      this.#identities.delete(key);
      return this.#put(key, null) ?? [];
    });
  }

  #put(key: string, object: T | null): ObjectChange<T> | null {
    const before = this.#objects.get(key) ?? null;
    if (isSame(before, object)) return null;
    const after = object === null ? null : this.#compact(object);
    if (after === null) this.#objects.delete(key);
    else this.#objects.set(key, after);
    return { key, before, after };
  }
}
