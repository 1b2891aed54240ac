/** One open watch: what it is told, and how it can go wrong. */
import type { Timing } from '../../../aggregator/cluster/timing.ts';
import type { ApiObject, Place } from './api-resources.ts';
import { type Asked, jsonHeaders, type Reply, statusOf } from './exchange.ts';
import { isSelected, selected } from './list-answer.ts';
import type { ObjectEvent, ObjectHistory } from './object-history.ts';

const bookmarkMs = 60_000;
/** The last bookmark comes so long before the server ends a watch in its time. */
const lastBookmarkMs = 2000;
const defaultSeconds = 1800;

export interface WatchedHistory {
  readonly history: ObjectHistory;
  /** The newest version of all resources. */
  readonly now: () => number;
  readonly timing: Pick<Timing, 'later'>;
}

export class WatchSession {
  readonly place: Place;
  readonly #asked: Asked;
  readonly #reply: Reply;
  readonly #watched: WatchedHistory;
  readonly #endings: (() => void)[] = [];
  #isSilent = false;

  constructor(asked: Asked, place: Place, reply: Reply, watched: WatchedHistory) {
    this.#asked = asked;
    this.place = place;
    this.#reply = reply;
    this.#watched = watched;
  }

  /** Begins it. @param onEnd called when it is over. */
  open(onEnd: () => void): void {
    const { history, timing } = this.#watched;
    const { query } = this.#asked;
    this.#reply.onClose(() => {
      this.#stop();
      onEnd();
    });
    this.#reply.head(200, jsonHeaders);
    const from = query.get('resourceVersion') ?? '';
    const startsWithAll = query.get('sendInitialEvents') === 'true' || from === '' || from === '0';
    const missed = startsWithAll ? [] : history.since(Number(from));
    if (missed === null) {
      this.expire(Number(from));
      return;
    }
    if (startsWithAll) {
      for (const object of selected(history.objects(), this.place, query)) this.#write('ADDED', object);
      if (query.get('sendInitialEvents') === 'true') this.#bookmark({ 'k8s.io/initial-events-end': 'true' });
    }
    for (const event of missed) this.#tell(event);
    this.#endings.push(history.subscribe((event) => this.#tell(event)));
    const seconds = Number(query.get('timeoutSeconds') ?? defaultSeconds);
    this.#endings.push(timing.later(seconds * 1000, () => this.#finish()));
    if (query.get('allowWatchBookmarks') !== 'true') return;
    this.#bookmarkLater();
    this.#endings.push(timing.later(seconds * 1000 - lastBookmarkMs, () => this.#bookmark()));
  }

  /** Nothing is told any more, and the connection stays. */
  silence(): void {
    this.#stop();
  }

  /** The connection breaks; with a piece of an event before, where one is given. */
  cut(begun = ''): void {
    if (begun !== '') this.#reply.write(begun);
    this.#stop();
    this.#reply.cut();
  }

  /** The version asked from is forgotten. */
  expire(from: number): void {
    const message = `too old resource version: ${from} (${this.#watched.now()})`;
    this.fail({ code: 410, reason: 'Expired', message });
  }

  /** An ERROR event, which ends the watch. */
  fail(complaint: Parameters<typeof statusOf>[0]): void {
    this.#line({ type: 'ERROR', object: statusOf(complaint) });
    this.#finish();
  }

  /** An event that is none of this resource's. */
  confuse(): void {
    this.#line({ type: 'ADDED', object: { kind: 'Event', apiVersion: 'v1', metadata: { name: 'confused' } } });
  }

  /** A selector makes objects come and go that only changed. */
  #tell({ version, before, after, last }: ObjectEvent): void {
    const { query } = this.#asked;
    const wasSelected = before !== null && isSelected(before, this.place, query);
    const isNow = after !== null && isSelected(after, this.place, query);
    if (isNow) this.#write(wasSelected ? 'MODIFIED' : 'ADDED', last);
    else if (wasSelected) this.#write('DELETED', withVersion(after === null ? last : before, version));
  }

  #write(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: ApiObject): void {
    const { kind, apiVersion } = this.place.resource;
    this.#line({ type, object: { ...object, kind, apiVersion } });
  }

  #bookmark(annotations?: Readonly<Record<string, string>>): void {
    const { kind, apiVersion } = this.place.resource;
    const metadata = { resourceVersion: String(this.#watched.now()), ...(annotations ? { annotations } : {}) };
    this.#line({ type: 'BOOKMARK', object: { kind, apiVersion, metadata } });
  }

  #bookmarkLater(): void {
    const cancel = this.#watched.timing.later(bookmarkMs, () => {
      this.#endings.splice(this.#endings.indexOf(cancel), 1);
      this.#bookmark();
      this.#bookmarkLater();
    });
    this.#endings.push(cancel);
  }

  #finish(): void {
    this.#stop();
    this.#reply.end();
  }

  /** From now on nothing is told, whenever the connection itself will be over. */
  #stop(): void {
    this.#isSilent = true;
    for (const ending of this.#endings.splice(0)) ending();
  }

  #line(event: unknown): void {
    if (!this.#isSilent) this.#reply.write(`${JSON.stringify(event)}\n`);
  }
}

function withVersion(object: ApiObject, version: number): ApiObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
}
