/** What the running aggregator says, as it says it: its findings and nodes now, and every step on the way there. */
import { setTimeout as pause } from 'node:timers/promises';
import type { FindingJson, TransitionJson } from '../../aggregator/http/schemas/finding.ts';
import type { NodeJson } from '../../aggregator/http/schemas/node.ts';
import { urlOf } from '../api/client.ts';
import { type Connection, straightConnection } from '../api/connection.ts';
import { readFinding, readNode, readTransition } from '../api/documents.ts';
import { openEvents, type ServerEvent } from '../api/event-stream.ts';
import { readList } from '../api/lists.ts';
import { done, type Outcome } from '../refusal.ts';

/** One step of one finding's life. */
export interface FindingStep {
  readonly transition: TransitionJson;
  /** As it is after the step; of one that was withdrawn as it was before. */
  readonly finding: FindingJson;
}

export interface FollowOptions {
  /** Ends the following. */
  readonly signal: AbortSignal;
  /** As long the aggregator may take to answer at all. */
  readonly startSeconds: number;
}

const retryMs = 200;
const most = 10_000;

export class FollowedAggregator {
  /** Of nodes: what is said of the recorded Services themselves is no part of the story. */
  readonly findings = new Map<string, FindingJson>();
  readonly nodes = new Map<string, NodeJson>();
  /** Settles when there is nothing more to hear, with the reason. */
  readonly whenEnded: Promise<string>;
  readonly #connection: Connection;
  readonly #listeners = new Set<(step: FindingStep | null) => void>();
  #end: (reason: string) => void = () => undefined;

  constructor(server: URL) {
    this.#connection = straightConnection(server);
    this.whenEnded = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** Begins, as soon as the aggregator answers. */
  async start({ signal, startSeconds }: FollowOptions): Promise<Outcome<null>> {
    const deadline = performance.now() + startSeconds * 1000;
    for (;;) {
      const stream = await openEvents(this.#connection, urlOf(this.#connection.url, 'api/v1/events'));
      if (stream.ok) {
        void this.#follow(stream.value, signal);
        return done(null);
      }
      if (signal.aborted || performance.now() > deadline) return stream;
      await pause(retryMs);
    }
  }

  /** Called with each step of a finding, and with null when something else changed. @returns what ends it. */
  onChange(listener: (step: FindingStep | null) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #follow(events: AsyncIterable<ServerEvent>, signal: AbortSignal): Promise<void> {
    for await (const event of events) {
      if (signal.aborted) break;
      await this.#hear(event);
    }
    this.#end('the stream of events ended');
  }

  async #hear({ kind, value }: ServerEvent): Promise<void> {
    if (kind === 'snapshot') await this.#readAll();
    if (kind === 'finding' && typeof value === 'object' && value !== null && 'transition' in value) {
      this.#take(readTransition(value.transition), 'finding' in value ? readFinding(value.finding) : null);
    }
    const node = kind === 'node' ? readNode(value) : null;
    if (node === null) return;
    this.nodes.set(node.name, node);
    this.#tell(null);
  }

  #take(transition: TransitionJson | null, now: FindingJson | null): void {
    const finding = transition === null ? null : (now ?? this.findings.get(transition.fingerprint) ?? null);
    if (transition === null || finding === null || finding.node === null) return;
    if (now === null || now.endedAt !== null) this.findings.delete(transition.fingerprint);
    else this.findings.set(transition.fingerprint, now);
    this.#tell({ transition, finding });
  }

  /** Events say what changes from here on, so the lists come first. */
  async #readAll(): Promise<void> {
    const query = { query: [], most };
    const [nodes, findings] = await Promise.all([
      readList(this.#connection, 'api/v1/nodes', { ...query, read: readNode }),
      readList(this.#connection, 'api/v1/findings', { ...query, read: readFinding }),
    ]);
    if (!nodes.ok || !findings.ok) return;
    for (const node of nodes.value.items) this.nodes.set(node.name, node);
    this.findings.clear();
    for (const finding of findings.value.items) {
      if (finding.node !== null) this.findings.set(finding.fingerprint, finding);
    }
    this.#tell(null);
  }

  #tell(step: FindingStep | null): void {
    for (const listener of this.#listeners) listener(step);
  }
}
