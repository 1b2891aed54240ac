/**
 * One reader of events, over one response. What it cannot take fast enough is not kept for ever: the queue is dropped,
 * and the reader is told to read the lists again. So a slow reader costs a bounded amount of memory and still ends up
 * with the truth.
 */
import type { ServerResponse } from 'node:http';

/** As many characters wait for a slow reader. */
const longestQueue = 1_048_576;

export type SnapshotReason = 'connected' | 'events-lost';

export class Subscriber {
  readonly #response: ServerResponse;
  readonly #onDropped: (events: number) => void;
  #queue: string[] = [];
  #queued = 0;
  #isBlocked = false;
  #hasLost = false;

  /** @param onDropped hears how many events this reader will not get. */
  constructor(response: ServerResponse, onDropped: (events: number) => void) {
    this.#response = response;
    this.#onDropped = onDropped;
    response.on('drain', () => this.#resume());
  }

  /** @param message from eventMessage. */
  send(message: string): void {
    if (this.#hasLost) {
      this.#onDropped(1);
      return;
    }
    if (!this.#isBlocked) {
      this.#isBlocked = !this.#response.write(message);
      return;
    }
    if (this.#queued + message.length > longestQueue) {
      this.#onDropped(this.#queue.length + 1);
      this.#queue = [];
      this.#queued = 0;
      this.#hasLost = true;
      return;
    }
    this.#queue.push(message);
    this.#queued += message.length;
  }

  /** A sign of life; not sent to a reader who does not read. */
  heartbeat(): void {
    if (!this.#isBlocked) this.#isBlocked = !this.#response.write(': heartbeat\n\n');
  }

  /** Ends the response. */
  end(): void {
    this.#response.end();
  }

  #resume(): void {
    const waiting = this.#queue.join('');
    const text = this.#hasLost ? snapshotMessage('events-lost') : waiting;
    this.#queue = [];
    this.#queued = 0;
    this.#hasLost = false;
    this.#isBlocked = text !== '' && !this.#response.write(text);
  }
}

/** One event of a stream of server-sent events. JSON has no line breaks, so one line carries it. */
export function eventMessage(kind: string, value: unknown): string {
  return `event: ${kind}\ndata: ${JSON.stringify(value)}\n\n`;
}

/** Tells that what was seen before may be old, and the lists are to be read again. */
export function snapshotMessage(because: SnapshotReason): string {
  return eventMessage('snapshot', { because });
}
