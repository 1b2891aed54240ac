/** What the two feeds tell, taken into the memories of nodes and the desired book. Only marks nodes dirty; judges nothing. */
import type { DesiredBook } from '../audit/desired-book.ts';
import type { AgentEvent, ClusterChange, ClusterFeed, NodeReport } from '../model/feeds.ts';
import type { Subject } from '../model/finding.ts';
import type { TrackedFinding } from '../model/lifecycle.ts';
import { type NodeMemory, newMemory } from './node-memory.ts';

export interface IntakeOptions {
  readonly cluster: ClusterFeed;
  readonly book: DesiredBook;
  /** By node name; changed here and by the engine. */
  readonly memories: Map<string, NodeMemory>;
  readonly markDirty: (name: string) => void;
  /** The API's objects were listed whole, Unix ms. */
  readonly onRelisted: (at: number) => void;
  /** Something changed in the API, or in how well it is known. */
  readonly onApiChanged: () => void;
  /** Unix ms. */
  readonly now: () => number;
}

export class Intake {
  readonly #options: IntakeOptions;
  #losses = 0;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** Times that a part of a report was lost. */
  get losses(): number {
    return this.#losses;
  }

  /** Takes up findings that have not ended, and everything that the API has now. */
  begin(open: ReadonlyMap<string, readonly TrackedFinding[]>): void {
    const { cluster, memories, now, markDirty } = this.#options;
    for (const [name, findings] of open) {
      memories.set(name, newMemory(name, findings[0]?.nodeUid ?? null, findings));
    }
    for (const key of cluster.services.keys()) this.#takeService(key, now());
    for (const name of cluster.nodes.keys()) this.#takeNode(name);
    for (const name of memories.keys()) markDirty(name);
  }

  onClusterChange(change: ClusterChange): void {
    this.#options.onApiChanged();
    switch (change.kind) {
      case 'service':
        this.#takeService(change.key, change.at);
        this.#markNodesWithFindings(
          (subject) => subject.kind === 'Service' && `${subject.namespace}/${subject.name}` === change.key,
        );
        break;
      case 'namespace':
        this.#markNodesWithFindings((subject) => 'namespace' in subject && subject.namespace === change.name);
        break;
      case 'pods':
        // No node is asked to do anything else for it; what checks say of its pods the next reading shows.
        break;
      case 'policies':
        this.#markNodesWithFindings((subject) => 'namespace' in subject && subject.namespace === change.namespace);
        break;
      case 'dns-configuration':
        // As with pods: what is said of it the next reading shows.
        break;
      case 'node':
        this.#takeNode(change.name);
        break;
      case 'relisted':
        if (change.of !== 'services' && change.of !== 'endpointslices') break;
        this.#options.book.relisted(change.of, change.at);
        this.#options.onRelisted(change.at);
        break;
      case 'health':
        for (const name of this.#options.memories.keys()) this.#options.markDirty(name);
        break;
    }
  }

  #takeService(key: string, at: number): void {
    const { cluster } = this.#options;
    this.#options.book.setService(key, cluster.services.get(key) ?? null, cluster.slicesOf(key), at);
  }

  /** A node came, changed or went. */
  #takeNode(name: string): void {
    const node = this.#options.cluster.nodes.get(name) ?? null;
    const memory = this.#options.memories.get(name);
    if (memory === undefined) {
      if (node !== null) this.#options.memories.set(name, newMemory(name, node.uid, []));
    } else if (node !== null && memory.uid === null) {
      memory.uid = node.uid;
    }
    this.#tellBook(name);
    this.#options.markDirty(name);
  }

  #tellBook(name: string): void {
    const apiNode = this.#options.cluster.nodes.get(name) ?? null;
    const profile = this.#options.memories.get(name)?.report?.profile ?? null;
    this.#options.book.setNode(name, apiNode === null || profile === null ? null : { apiNode, profile });
  }

  /** Whether they are still accepted, or their Services still there, may have changed. */
  #markNodesWithFindings(isAbout: (subject: Subject) => boolean): void {
    for (const { open, name } of this.#options.memories.values()) {
      if (open.some(({ subject }) => isAbout(subject))) this.#options.markDirty(name);
    }
  }

  onAgentEvent(event: AgentEvent): void {
    const name = event.kind === 'report' ? event.report.node : event.node;
    const memory = this.#options.memories.get(name);
    // The API does not know such a node (yet): there is nothing to hold its report against.
    if (memory === undefined) return;
    switch (event.kind) {
      case 'connected':
        memory.agentVersion = event.agentVersion;
        memory.lastHeardAt = event.at;
        memory.ways = [];
        this.#options.markDirty(name);
        break;
      case 'disconnected':
        memory.ways = withoutStream(memory);
        break;
      case 'heard':
        memory.lastHeardAt = event.at;
        memory.figures = event.figures ?? memory.figures;
        memory.ways = event.ways ?? memory.ways;
        break;
      case 'report':
        this.#takeReport(memory, event.report, event.sequence);
        break;
      case 'evidence':
        memory.asked.delete(event.evidence.entry);
        memory.evidence = new Map([...memory.evidence, [event.evidence.entry, event.evidence]]);
        this.#options.markDirty(name);
        break;
      case 'lost':
        this.#losses++;
        memory.lost = event.reason;
        this.#options.markDirty(name);
        break;
    }
  }

  #takeReport(memory: NodeMemory, report: NodeReport, sequence: bigint): void {
    const isNewProfile = memory.report?.profile !== report.profile;
    memory.report = report;
    memory.lost = null;
    memory.lastHeardAt = Math.max(memory.lastHeardAt ?? 0, this.#options.now());
    memory.unacknowledged = sequence;
    if (isNewProfile) this.#tellBook(memory.name);
    this.#options.markDirty(memory.name);
  }

  /** The node is deleted; one made anew under its name begins anew. */
  forget(name: string): void {
    const { memories, book, cluster } = this.#options;
    memories.delete(name);
    book.setNode(name, null);
    if (cluster.nodes.has(name)) this.#takeNode(name);
  }
}

/** The way of a stream that has ended worked until it was heard last. */
function withoutStream({ ways, lastHeardAt }: NodeMemory): NodeMemory['ways'] {
  const lastWorkedAt = lastHeardAt === null ? null : new Date(lastHeardAt).toISOString();
  return ways.map((way) => (way.inUse ? { ...way, inUse: false, lastWorkedAt } : way));
}
