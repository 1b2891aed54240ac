/** Hands what happens in the audit to everybody who reads along: made into text once, whoever many read. */
import type { ServerResponse } from 'node:http';
import type { AuditEvent, AuditRecord } from '../model/record.ts';
import { findingJson, type GroupSizes, groupSizes, transitionJson } from './finding-json.ts';
import { nodeJson } from './node-json.ts';
import { eventMessage, snapshotMessage, Subscriber } from './subscriber.ts';

/** As many read along at once; each holds one of the server's connections. */
const mostSubscribers = 100;

export class EventHub {
  readonly #record: Pick<AuditRecord, 'findings' | 'subscribe'>;
  readonly #heartbeatMs: number;
  readonly #subscribers = new Set<Subscriber>();
  #unsubscribe: (() => void) | null = null;
  #timer: NodeJS.Timeout | null = null;
  #sizes: GroupSizes | null = null;
  #dropped = 0;
  #isClosed = false;

  constructor(record: Pick<AuditRecord, 'findings' | 'subscribe'>, heartbeatMs: number) {
    this.#record = record;
    this.#heartbeatMs = heartbeatMs;
  }

  get subscribers(): number {
    return this.#subscribers.size;
  }

  /** How many events readers missed since the start, because they read too slowly. */
  get dropped(): number {
    return this.#dropped;
  }

  get isFull(): boolean {
    return this.#subscribers.size >= mostSubscribers;
  }

  /** Sends everything from now on into this response, until either side ends it. Its head must have been written. */
  add(response: ServerResponse): void {
    if (this.#isClosed) {
      response.end();
      return;
    }
    const subscriber = new Subscriber(response, (events) => {
      this.#dropped += events;
    });
    this.#subscribers.add(subscriber);
    response.on('close', () => this.#remove(subscriber));
    // A reader who goes while something is being written: `close` follows, and says all there is to say.
    response.on('error', () => {});
    this.#begin();
    subscriber.send(`retry: 3000\n${snapshotMessage('connected')}`);
  }

  /** Ends every stream, also those that come yet. */
  close(): void {
    this.#isClosed = true;
    for (const subscriber of this.#subscribers) subscriber.end();
    this.#subscribers.clear();
    this.#stop();
  }

  #remove(subscriber: Subscriber): void {
    this.#subscribers.delete(subscriber);
    if (this.#subscribers.size === 0) this.#stop();
  }

  #begin(): void {
    if (this.#unsubscribe !== null) return;
    this.#unsubscribe = this.#record.subscribe((event) => this.#publish(event));
    this.#timer = setInterval(() => {
      for (const subscriber of this.#subscribers) subscriber.heartbeat();
    }, this.#heartbeatMs).unref();
  }

  #stop(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = null;
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #publish(event: AuditEvent): void {
    const message = this.#message(event);
    for (const subscriber of this.#subscribers) subscriber.send(message);
  }

  #message(event: AuditEvent): string {
    switch (event.kind) {
      case 'finding': {
        const { transition, finding } = event;
        return eventMessage('finding', {
          transition: transitionJson(transition),
          finding: finding === null ? null : findingJson(finding, this.#groupSizes()),
        });
      }
      case 'node':
        return eventMessage('node', nodeJson(event.node));
    }
  }

  /** One round of the engine ends in a burst of events: the groups are counted once for all of it. */
  #groupSizes(): GroupSizes {
    if (this.#sizes === null) {
      this.#sizes = groupSizes(this.#record.findings());
      setImmediate(() => {
        this.#sizes = null;
      });
    }
    return this.#sizes;
  }
}
