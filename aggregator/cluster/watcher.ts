/**
 * Follows one kind of objects for as long as the program runs: list, watch, and after any failure again.
 *
 *     to be listed --(a watch with its initial objects, or a list in pages)--> followed --(watch)--> followed
 *          ^--------------- the version is gone, or what was told cannot be trusted ----------------|
 *
 * Nothing ends it but `stop`: whatever an API server, a proxy or a network does is a failure with a pause after it.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/ ; the watch with initial objects is KEP-3157.
 */
import type { WatchHealth } from '../model/feeds.ts';
import { causeText } from './api-access.ts';
import type { ApiClient } from './api-client.ts';
import { type ApiError, apiErrorText, errorLabel, isExpired, isRefusedOption } from './api-error.ts';
import { listPages } from './list-pages.ts';
import { Pace } from './pace.ts';
import { pause, SilenceAlarm, type Timing } from './timing.ts';
import { type Ended, failed, silenceMs, type Told, watch } from './watch-stream.ts';
import { type SeenObject, seenObject, type WatchedResource } from './watched-resource.ts';

/** Where what is told goes. */
export interface WatchSink<T> {
  /** An object came or changed. */
  saw(object: SeenObject<T>): void;
  gone(object: SeenObject<T>): void;
  /** All that there is now. */
  listed(objects: readonly SeenObject<T>[]): void;
  /** How well the kind is known may have changed. */
  healthChanged(): void;
}

export interface WatcherOptions<T> {
  readonly client: ApiClient;
  readonly resource: WatchedResource<T>;
  readonly timing: Timing;
  readonly sink: WatchSink<T>;
  /** Told of each failure that is not like the one before. */
  readonly warn: (message: string) => void;
}

export interface WatchCounts {
  /** Watches that the server opened. */
  readonly watches: number;
  readonly lists: number;
  /** By errorLabel. */
  readonly errors: ReadonlyMap<string, number>;
}

/** As many server errors in a row, and the version that we ask from may be the reason. */
const errorsUntilRelist = 3;
const silencesUntilRelist = 2;
/** A right that may be lacking is asked for so seldom. */
const refusedPauseMs = 10 * 60_000;

export class Watcher<T> {
  readonly #options: WatcherOptions<T>;
  readonly #pace: Pace;
  readonly #stop = new AbortController();
  readonly #errors = new Map<string, number>();
  readonly #silence: SilenceAlarm;
  /** Where to follow from; null = list anew. */
  #version: string | null = null;
  /** The objects told so far by a watch that began with them; null when following. */
  #initial: Map<string, SeenObject<T>> | null = null;
  /** Whether the server can begin a watch with the objects there are. */
  #pages: 'no' | 'next-time' | 'always' = 'no';
  #heardAt: number;
  #trouble: string | null = null;
  #isRefused = false;
  #watches = 0;
  #lists = 0;

  constructor(options: WatcherOptions<T>) {
    this.#options = options;
    this.#pace = new Pace(options.timing);
    this.#heardAt = options.timing.monotonic();
    this.#silence = new SilenceAlarm(options.timing, silenceMs, () => options.sink.healthChanged());
  }

  /** Runs until `stop`. Never rejects. */
  async run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const ended = await this.#once();
      if (signal.aborted) break;
      await pause(this.#options.timing, ended.well ? this.#pace.afterSuccess() : this.#failed(ended.error), signal);
    }
    this.#silence.stop();
  }

  stop(): void {
    this.#stop.abort();
  }

  /** Whether the server refuses it, and may: see WatchedResource.mayBeRefused. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  health(): WatchHealth {
    const ageMs = this.#options.timing.monotonic() - this.#heardAt;
    const trouble = this.#trouble === null ? '' : ` (${this.#trouble})`;
    if (this.#version === null) {
      const because = this.#lists === 0 ? 'not listed yet' : 'to be listed anew';
      return { fresh: false, because: because + trouble, ageMs };
    }
    if (ageMs < silenceMs) return { fresh: true, because: null, ageMs };
    return { fresh: false, because: `no word for ${Math.floor(ageMs / 1000)} s${trouble}`, ageMs };
  }

  counts(): WatchCounts {
    return { watches: this.#watches, lists: this.#lists, errors: this.#errors };
  }

  /** One request, or one list in pages. The one place that no throw may pass: it would end the watch for good. */
  async #once(): Promise<Ended> {
    try {
      if (this.#version !== null) return await this.#follow(this.#version);
      return this.#pages === 'no' ? await this.#listByWatch() : await this.#listInPages();
    } catch (cause) {
      return failed(this.#options.client.attempted('GET', this.#options.resource.path), 'defect', causeText(cause));
    }
  }

  async #listInPages(): Promise<Ended> {
    const { client, resource } = this.#options;
    this.#pace.started();
    const list = await listPages(client, resource, this.#stop.signal);
    if (!list.ok) return { well: false, error: list.error };
    if (this.#pages === 'next-time') this.#pages = 'no';
    this.#listed(list.value.objects, list.value.resourceVersion);
    return this.#follow(list.value.resourceVersion);
  }

  /** Asks for all objects as the beginning of the watch: neither side then holds a whole list. */
  async #listByWatch(): Promise<Ended> {
    const watchesBefore = this.#watches;
    this.#initial = new Map();
    const ended = await this.#watch({ sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' });
    if (this.#initial === null) return this.#afterFollowing(ended);
    this.#initial = null;
    if (!ended.well && isRefusedOption(ended.error)) {
      this.#pages = 'always';
      return this.#listInPages();
    }
    // An old server may pass over the option and never say where the objects end.
    if (this.#watches > watchesBefore) this.#pages = 'next-time';
    const { client, resource } = this.#options;
    const attempted = client.attempted('GET', resource.path);
    return ended.well ? failed(attempted, 'cut', 'the watch ended before it had told all objects') : ended;
  }

  async #follow(resourceVersion: string): Promise<Ended> {
    return this.#afterFollowing(await this.#watch({ resourceVersion }));
  }

  /** What ended the watch may be mended by listing anew only. */
  #afterFollowing(ended: Ended): Ended {
    if (ended.well) return ended;
    const { status, reason } = ended.error;
    const inARow = this.#pace.failures + 1;
    const isHopeless =
      isExpired(ended.error) ||
      isRefusedOption(ended.error) ||
      ['too-long', 'no-json', 'wrong-kind', 'defect'].includes(reason) ||
      ((status === 500 || status === 504) && inARow >= errorsUntilRelist) ||
      (reason === 'silent' && inARow >= silencesUntilRelist);
    if (isHopeless) this.#version = null;
    return ended;
  }

  #watch(query: Readonly<Record<string, string>>): Promise<Ended> {
    const { client, resource, timing } = this.#options;
    this.#pace.started();
    return watch({
      client,
      resource,
      timing,
      query,
      signal: this.#stop.signal,
      onOpen: () => {
        this.#watches++;
      },
      onEvent: (event) => this.#take(event),
    });
  }

  #take(event: Told): void {
    const { resource, sink } = this.#options;
    const initial = this.#initial;
    if (event.type === 'object') {
      const seen = seenObject(event.object, resource.kind);
      if (initial === null) event.gone ? sink.gone(seen) : sink.saw(seen);
      else event.gone ? initial.delete(seen.key) : initial.set(seen.key, seen);
    } else if (initial !== null && event.listed) {
      this.#initial = null;
      this.#listed([...initial.values()], event.resourceVersion);
    }
    if (initial !== null) return;
    this.#pace.wentWell();
    this.#heard(event.resourceVersion);
  }

  #listed(objects: readonly SeenObject<T>[], resourceVersion: string): void {
    this.#lists++;
    this.#options.sink.listed(objects);
    this.#heard(resourceVersion);
  }

  /** Something was told and stands in the sink now: all is known up to this version. */
  #heard(resourceVersion: string): void {
    const wasFresh = this.health().fresh;
    this.#version = resourceVersion;
    this.#heardAt = this.#options.timing.monotonic();
    this.#trouble = null;
    this.#isRefused = false;
    this.#silence.heard();
    if (!wasFresh) this.#options.sink.healthChanged();
  }

  /** @returns how long to wait. */
  #failed(error: ApiError): number {
    if (error.status === 403 && this.#options.resource.mayBeRefused === true) return this.#refused(error);
    const label = errorLabel(error);
    this.#errors.set(label, (this.#errors.get(label) ?? 0) + 1);
    const text = apiErrorText(error);
    if (text !== this.#trouble) this.#options.warn(`watch of ${this.#options.resource.of}: ${text}`);
    this.#trouble = text;
    this.#options.sink.healthChanged();
    return this.#pace.afterFailure(error.retryAfterMs);
  }

  /** What it told before is not known any more. @returns how long to wait. */
  #refused(error: ApiError): number {
    this.#version = null;
    this.#isRefused = true;
    this.#trouble = apiErrorText(error);
    this.#options.sink.healthChanged();
    return refusedPauseMs;
  }
}
