/** One kind of objects: the watch that follows it, and the table of what it told. */
import type { WatchedKind, WatchHealth } from '../model/feeds.ts';
import type { ApiClient } from './api-client.ts';
import { type ObjectChange, ObjectTable } from './object-table.ts';
import type { Timing } from './timing.ts';
import { type WatchCounts, Watcher } from './watcher.ts';
import type { WatchedResource } from './watched-resource.ts';

export interface FollowedKindOptions<T> {
  readonly client: ApiClient;
  readonly resource: WatchedResource<T>;
  readonly timing: Timing;
  readonly warn: (message: string) => void;
  /** Called after `objects` shows it. */
  readonly changed: (changes: readonly ObjectChange<T>[]) => void;
  /** The kind was listed anew; called after `changed`. */
  readonly relisted: () => void;
  /** It became fresh, or stopped being so. */
  readonly healthChanged: () => void;
  /** Gives an equal object that takes less memory. */
  readonly compact?: (object: T) => T;
}

/** What there is to count of one kind. */
export interface KindState {
  readonly of: WatchedKind;
  readonly health: WatchHealth;
  readonly counts: WatchCounts;
  readonly objects: number;
  readonly unreadable: number;
  /** Not kept, because there are too many. */
  readonly forgotten: number;
  /** The API server refuses it to us, and may: nobody need be told. */
  readonly isRefused: boolean;
}

export class FollowedKind<T> {
  readonly of: WatchedKind;
  readonly #options: FollowedKindOptions<T>;
  readonly #table: ObjectTable<T>;
  readonly #watcher: Watcher<T>;
  #wasFresh = false;

  constructor(options: FollowedKindOptions<T>) {
    this.#options = options;
    this.of = options.resource.of;
    this.#table = new ObjectTable(options.compact, options.resource.most);
    this.#watcher = new Watcher({
      client: options.client,
      resource: options.resource,
      timing: options.timing,
      warn: options.warn,
      sink: {
        saw: (object) => this.#changed(this.#table.saw(object)),
        gone: (object) => this.#changed(this.#table.gone(object)),
        listed: (objects) => {
          options.changed([...this.#table.replace(objects), ...this.#table.forgetOldest()]);
          options.relisted();
        },
        healthChanged: () => this.#tellHealth(),
      },
    });
  }

  get objects(): ReadonlyMap<string, T> {
    return this.#table.objects;
  }

  /** Follows until `stop`. Never rejects. */
  run(): Promise<void> {
    return this.#watcher.run();
  }

  stop(): void {
    this.#watcher.stop();
  }

  /** Objects that do not fit are missing here: then nothing that needs the kind can be told, however fresh the rest. */
  health(): WatchHealth {
    const health = this.#watcher.health();
    const { unreadable } = this.#table;
    if (!health.fresh || unreadable.size === 0) return health;
    const [first = ''] = unreadable.values();
    const more = unreadable.size === 1 ? '' : `, and ${unreadable.size - 1} more objects cannot be read`;
    return { ...health, fresh: false, because: `cannot be read: ${first}${more}` };
  }

  state(): KindState {
    const { objects, unreadable, forgotten } = this.#table;
    return {
      of: this.of,
      health: this.health(),
      counts: this.#watcher.counts(),
      objects: objects.size,
      unreadable: unreadable.size,
      forgotten,
      isRefused: this.#watcher.isRefused,
    };
  }

  #changed(change: ObjectChange<T> | null): void {
    if (change !== null) this.#options.changed([change, ...this.#table.forgetOldest()]);
    this.#tellHealth();
  }

  #tellHealth(): void {
    const { fresh } = this.health();
    if (fresh === this.#wasFresh) return;
    this.#wasFresh = fresh;
    this.#options.healthChanged();
  }
}
