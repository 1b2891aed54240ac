/** What a test asks the aggregator, as anybody would: over HTTP. */
import type { FindingJson, TransitionJson } from '../../aggregator/http/schemas/finding.ts';
import type { NodeJson } from '../../aggregator/http/schemas/node.ts';
import { straightConnection } from '../../cli/api/connection.ts';
import { openEvents } from '../../cli/api/event-stream.ts';
import { readMetrics } from '../strict-metrics.ts';

/** A step of a finding's life as the stream of events told it. */
export interface ToldStep {
  readonly transition: TransitionJson;
  readonly finding: FindingJson | null;
}

export class AggregatorClient {
  /** `http://127.0.0.1:8080` */
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  /** @throws when the aggregator does not answer, or with another status than 200. */
  async findings(query = ''): Promise<readonly FindingJson[]> {
    const { items }: { readonly items: readonly FindingJson[] } = await this.#get(`/api/v1/findings?limit=500${query}`);
    return items;
  }

  async nodes(): Promise<readonly NodeJson[]> {
    const { items }: { readonly items: readonly NodeJson[] } = await this.#get('/api/v1/nodes');
    return items;
  }

  /** @throws when there is no such node. */
  async node(name: string): Promise<NodeJson> {
    return this.#get(`/api/v1/nodes/${name}`);
  }

  /** The life of a finding, oldest first. */
  async history(fingerprint: string): Promise<readonly TransitionJson[]> {
    const list: { readonly items: readonly TransitionJson[] } = await this.#get(
      `/api/v1/findings/${fingerprint}/history?limit=500`,
    );
    return list.items.toReversed();
  }

  /** The value of one sample of /metrics; null where there is none. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number | null> {
    const response = await fetch(`${this.url}/metrics`, { signal: AbortSignal.timeout(5000) });
    const samples = readMetrics(await response.text()).get(name)?.samples ?? [];
    const found = samples.find((sample) =>
      Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    );
    return found?.value ?? null;
  }

  /** The status of a path: 503 of `/readyz` is an answer. */
  async status(path: string): Promise<number> {
    const response = await fetch(`${this.url}${path}`, { signal: AbortSignal.timeout(5000) });
    await response.text();
    return response.status;
  }

  /** Follows the stream of events until it ends, and keeps each step in the array. @throws when it cannot be opened. */
  async follow(steps: ToldStep[]): Promise<void> {
    const opened = await openEvents(straightConnection(new URL(this.url)), new URL('/api/v1/events', this.url));
    if (!opened.ok) throw new Error(JSON.stringify(opened.refusal));
    const read = async () => {
      for await (const { kind, value } of opened.value) {
        // The schema of the stream is the aggregator's own; its tests hold it.
        if (kind === 'finding') steps.push(value as ToldStep);
      }
    };
    void read();
  }

  async #get<T>(path: string): Promise<T> {
    const response = await fetch(`${this.url}${path}`, { signal: AbortSignal.timeout(5000) });
    const body: T = JSON.parse(await response.text());
    if (response.status !== 200) throw new Error(`GET ${path}: ${response.status} ${JSON.stringify(body)}`);
    return body;
  }
}
