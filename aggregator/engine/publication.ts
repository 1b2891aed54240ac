/** What the engine knows, as others may ask for it or be told of it. */
import type { DesiredBook } from '../audit/desired-book.ts';
import { inOrder } from '../audit/evaluate.ts';
import type { Step } from '../audit/lifecycle.ts';
import type { ClusterFeed } from '../model/feeds.ts';
import type { TrackedFinding } from '../model/lifecycle.ts';
import type { NodeMoment } from '../model/moment.ts';
import type { AuditEvent, NodeDetail, NodeRecord, ServiceDetail, ServiceRecord } from '../model/record.ts';
import { agentState, type NodeMemory } from './node-memory.ts';
import { nodeDetail } from './node-detail.ts';
import { nodeMoment, nodeRecord } from './node-record.ts';
import { serviceDetail, serviceRecords } from './service-record.ts';

export interface PublicationOptions {
  readonly cluster: ClusterFeed;
  readonly book: DesiredBook;
  readonly memories: ReadonlyMap<string, NodeMemory>;
  /** The findings of the whole cluster that have not ended. */
  readonly clusterOpen: () => readonly TrackedFinding[];
  /** Unix ms. */
  readonly now: () => number;
}

export class Publication {
  readonly #options: PublicationOptions;
  readonly #listeners = new Set<(event: AuditEvent) => void>();
  /** What was last told of each node, so that only changes are. */
  readonly #told = new Map<string, string>();

  constructor(options: PublicationOptions) {
    this.#options = options;
  }

  nodes(): readonly NodeRecord[] {
    return this.#memories()
      .map((memory) => this.#recordOf(memory))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  node(name: string): NodeDetail | null {
    const { memories, cluster } = this.#options;
    const memory = memories.get(name);
    return memory === undefined || !cluster.nodes.has(name) ? null : nodeDetail(this.#recordOf(memory), memory);
  }

  /** Every node with what its findings were made of. */
  moments(): readonly NodeMoment[] {
    return this.#memories()
      .map((memory) => nodeMoment(memory, this.#recordOf(memory)))
      .sort((a, b) => (a.record.name < b.record.name ? -1 : 1));
  }

  findings(): readonly TrackedFinding[] {
    const { memories, clusterOpen } = this.#options;
    return inOrder([...clusterOpen(), ...[...memories.values()].flatMap(({ open }) => open)]);
  }

  services(): readonly ServiceRecord[] {
    const { cluster, book } = this.#options;
    return serviceRecords({ cluster, book, memories: this.#memories() });
  }

  service(namespace: string, name: string): ServiceDetail | null {
    const { cluster, book } = this.#options;
    return serviceDetail(`${namespace}/${name}`, { cluster, book, memories: this.#memories() });
  }

  subscribe(listener: (event: AuditEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells of every step of the findings' lives. */
  tellSteps(steps: readonly Step[]): void {
    if (this.#listeners.size === 0) return;
    for (const { findings, transitions, open } of steps) {
      const known = new Map([...open, ...findings].map((finding) => [finding.fingerprint, finding]));
      for (const transition of transitions) {
        this.#tell({ kind: 'finding', transition, finding: known.get(transition.fingerprint) ?? null });
      }
    }
  }

  /** Tells of a node whose state a reader would see changed. */
  tellNode(memory: NodeMemory): void {
    if (this.#listeners.size === 0) return;
    const node = this.#recordOf(memory);
    const { state, agent, mode, frontends, findings, showsStateOf, unknownBecause, layers, waysSentence } = node;
    const told = [state, agent, mode, frontends, findings, showsStateOf, unknownBecause, layers, waysSentence];
    const shown = JSON.stringify(told);
    if (this.#told.get(memory.name) === shown) return;
    this.#told.set(memory.name, shown);
    this.#tell({ kind: 'node', node });
  }

  forget(name: string): void {
    this.#told.delete(name);
  }

  #tell(event: AuditEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** Of nodes that the API has. */
  #memories(): readonly NodeMemory[] {
    const { cluster, memories } = this.#options;
    return [...memories.values()].filter(({ name }) => cluster.nodes.has(name));
  }

  #recordOf(memory: NodeMemory): NodeRecord {
    return nodeRecord(memory, agentState(memory, this.#options.now()));
  }
}
