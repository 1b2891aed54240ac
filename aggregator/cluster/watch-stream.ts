/** One watch request from its opening to its end, event by event. */
import { causeText } from './api-access.ts';
import type { ApiClient } from './api-client.ts';
import { type ApiError, noAnswer } from './api-error.ts';
import { LineSplitter } from './line-splitter.ts';
import { nextTurn, SilenceAlarm, type Timing } from './timing.ts';
import { readWatchEvent, type WatchEvent } from './watch-event.ts';
import { pathWith, type WatchedResource } from './watched-resource.ts';

/** Bookmarks come about once a minute, so no word for so long is not the quiet of a cluster. */
export const silenceMs = 90_000;
const maxLineBytes = 16 * 1024 * 1024;
/** The server ends a watch by itself after a random time between these, so that watches do not all end at once. */
const watchSeconds = { least: 240, most: 300 };
/** A millisecond or two of work. */
const bytesPerTurn = 64 * 1024;
/** A watch that ends sooner without a word has failed. */
const shortWatchMs = 5000;

export interface WatchRequest {
  readonly client: ApiClient;
  readonly resource: WatchedResource<unknown>;
  readonly timing: Timing;
  /** What tells from where on; the rest of the query is added. */
  readonly query: Readonly<Record<string, string>>;
  /** Ends it. */
  readonly signal: AbortSignal;
  readonly onOpen: () => void;
  readonly onEvent: (event: Told) => void;
}

/** Every event but the error that ends the watch. */
export type Told = Exclude<WatchEvent, { readonly type: 'error' }>;

export type Ended = { readonly well: true } | { readonly well: false; readonly error: ApiError };

/** @returns why it is over: well, when the server ended it in its time. Never rejects. */
export async function watch(request: WatchRequest): Promise<Ended> {
  const { client, resource, timing, query, signal } = request;
  const attempted = client.attempted('GET', resource.path);
  const ending = new AbortController();
  const alarm = new SilenceAlarm(timing, silenceMs, () => ending.abort());
  const timeoutSeconds = String(randomSeconds(timing));
  const path = pathWith(resource, { watch: '1', allowWatchBookmarks: 'true', timeoutSeconds, ...query });
  const openedAt = timing.monotonic();
  const reader = new EventReader(request, attempted);
  try {
    const opened = await client.open(path, AbortSignal.any([ending.signal, signal]));
    if (!opened.ok) return { well: false, error: opened.error };
    request.onOpen();
    let bytes = 0;
    for await (const piece of opened.value) {
      alarm.heard();
      bytes += piece.byteLength;
      // A stream that always has more would keep the process to itself.
      if (bytes > bytesPerTurn) {
        bytes = 0;
        await nextTurn();
      }
      const error = reader.take(piece);
      if (error !== null) return { well: false, error };
    }
    if (reader.told > 0 || timing.monotonic() - openedAt >= shortWatchMs) return { well: true };
    return failed(attempted, 'cut', 'the watch ended at once');
  } catch (cause) {
    if (ending.signal.aborted) return failed(attempted, 'silent', `no word for ${silenceMs / 1000} s`);
    return failed(attempted, 'cut', `the watch broke off: ${causeText(cause)}`);
  } finally {
    alarm.stop();
    ending.abort();
  }
}

/** The outcome of a watch that ended in another way than the server's own. */
export function failed(attempted: string, reason: 'cut' | 'silent' | 'defect', message: string): Ended {
  return { well: false, error: noAnswer(attempted, reason, message).error };
}

class EventReader {
  readonly #request: WatchRequest;
  readonly #attempted: string;
  readonly #lines = new LineSplitter(maxLineBytes);
  /** Events so far. */
  told = 0;

  constructor(request: WatchRequest, attempted: string) {
    this.#request = request;
    this.#attempted = attempted;
  }

  /** @returns why the watch is over; null while it goes on. */
  take(piece: Uint8Array): ApiError | null {
    const split = this.#lines.push(piece);
    if (!split.ok) return noAnswer(this.#attempted, 'too-long', `a line is longer than ${maxLineBytes} bytes`).error;
    for (const line of split.lines) {
      const event = readWatchEvent(line, this.#request.resource.kind.kind, this.#attempted);
      if (event.type === 'error') return event.error;
      this.told++;
      try {
        this.#request.onEvent(event);
      } catch (cause) {
        // A defect of ours must not pass for one of the network, nor end the watch for ever.
        return noAnswer(this.#attempted, 'defect', causeText(cause)).error;
      }
    }
    return null;
  }
}

function randomSeconds(timing: Timing): number {
  return watchSeconds.least + Math.floor(timing.random() * (watchSeconds.most - watchSeconds.least + 1));
}
