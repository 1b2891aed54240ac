/**
 * The one loop: what agents report and what the API asks for become findings.
 *
 *     reports, API changes, silence -> dirty nodes -> look -> checks -> lifecycle -> journal -> acknowledge, publish
 *
 * Events only mark nodes dirty; a round then looks at each as it is now. So order, duplicates and gaps change nothing in
 * the end. Nothing is acknowledged or shown before it is on disk; what the disk refuses is tried again and not forgotten.
 */
import type { Leaf, TreeDigests } from '../../proto/bucket-tree.ts';
import { DesiredBook } from '../audit/desired-book.ts';
import type { Step } from '../audit/lifecycle.ts';
import type { Check } from '../model/check.ts';
import type { AgentEvent, AgentFeed, ClusterChange, ClusterFeed, KnownLeaves, NodeReport } from '../model/feeds.ts';
import type { Journal, TrackedFinding } from '../model/lifecycle.ts';
import type {
  AuditEvent,
  AuditRecord,
  Figure,
  NodeRecord,
  Readiness,
  ServiceDetail,
  ServiceRecord,
} from '../model/record.ts';
import { Judge, judgedKinds } from './judge.ts';
import { type NodeMemory, newMemory, whyNotJudged } from './node-memory.ts';
import { rulesToAskFor } from './node-rules.ts';
import { Publication } from './publication.ts';

const historyHours = 24;
/** Past states of Services that are kept in all; the oldest go first. */
const mostPastStates = 500_000;
/** A round looks at nodes for so long before it writes, so that other work gets its turn. */
const roundBudgetMs = 40;
const tickMs = 1000;
const retryJournalMs = 1000;

export interface EngineLog {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface EngineOptions {
  readonly cluster: ClusterFeed;
  readonly journal: Journal;
  readonly checks: readonly Check[];
  readonly log: EngineLog;
  /** Unix ms. */
  readonly now: () => number;
  /** Runs something later; the real one is a timer. @returns what takes it back. */
  readonly later: (ms: number, run: () => void) => () => void;
  /** How long a round waits for more to come, in ms; 50 unless said. */
  readonly debounceMs?: number;
}

export class Engine implements AuditRecord, KnownLeaves {
  readonly #options: EngineOptions;
  readonly #book = new DesiredBook({ historyHours, maxPast: mostPastStates });
  readonly #memories = new Map<string, NodeMemory>();
  readonly #judge: Judge;
  readonly #publication: Publication;
  readonly #dirty = new Set<string>();
  #agents: AgentFeed | null = null;
  #clusterOpen: readonly TrackedFinding[] = [];
  #cancelRound: (() => void) | null = null;
  #cancelTick: (() => void) | null = null;
  #journalProblem: string | null = null;
  #unsubscribe: readonly (() => void)[] = [];
  readonly #counts = { looks: 0, ms: 0, losses: 0 };

  constructor(options: EngineOptions) {
    const { cluster, now } = options;
    this.#options = options;
    this.#judge = new Judge({ ...options, book: this.#book });
    this.#publication = new Publication({
      cluster,
      book: this.#book,
      memories: this.#memories,
      clusterOpen: () => this.#clusterOpen,
      now,
    });
  }

  /** Takes up what the journal holds and begins to follow both feeds. */
  start(agents: AgentFeed): void {
    const { cluster, journal, now } = this.#options;
    this.#agents = agents;
    const byNode = Map.groupBy(journal.open(), ({ node }) => node);
    this.#clusterOpen = byNode.get(null) ?? [];
    for (const [name, open] of byNode) {
      if (name !== null) this.#memories.set(name, newMemory(name, open[0]?.nodeUid ?? null, open));
    }
    for (const key of cluster.services.keys()) this.#takeService(key, now());
    for (const name of cluster.nodes.keys()) this.#takeNode(name);
    for (const name of this.#memories.keys()) this.#markDirty(name);
    this.#unsubscribe = [
      cluster.subscribe((change) => this.#onClusterChange(change)),
      agents.subscribe((event) => this.#onAgentEvent(event)),
    ];
    this.#tick();
  }

  stop(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#cancelRound?.();
    this.#cancelTick?.();
  }

  // What comes in.

  #onClusterChange(change: ClusterChange): void {
    switch (change.kind) {
      case 'service':
        this.#takeService(change.key, change.at);
        this.#markNodesWithFindingsOf(change.key);
        break;
      case 'node':
        this.#takeNode(change.name);
        break;
      case 'relisted':
        if (change.of !== 'services' && change.of !== 'endpointslices') break;
        this.#book.relisted(change.of, change.at);
        this.#judge.rememberedSince = change.at;
        break;
      case 'health':
        for (const name of this.#memories.keys()) this.#markDirty(name);
        break;
    }
  }

  #takeService(key: string, at: number): void {
    const { cluster } = this.#options;
    this.#book.setService(key, cluster.services.get(key) ?? null, cluster.slicesOf(key), at);
  }

  /** A node came, changed or went. */
  #takeNode(name: string): void {
    const node = this.#options.cluster.nodes.get(name) ?? null;
    const memory = this.#memories.get(name);
    if (memory === undefined) {
      if (node !== null) this.#memories.set(name, newMemory(name, node.uid, []));
    } else if (node !== null && memory.uid === null) {
      memory.uid = node.uid;
    }
    this.#tellBook(name);
    this.#markDirty(name);
  }

  #tellBook(name: string): void {
    const apiNode = this.#options.cluster.nodes.get(name) ?? null;
    const profile = this.#memories.get(name)?.report?.profile ?? null;
    this.#book.setNode(name, apiNode === null || profile === null ? null : { apiNode, profile });
  }

  /** Whether it is still accepted, or its Service still there, may have changed. */
  #markNodesWithFindingsOf(serviceKey: string): void {
    for (const { open, name } of this.#memories.values()) {
      const isAbout = ({ subject }: TrackedFinding): boolean =>
        subject.kind === 'Service' && `${subject.namespace}/${subject.name}` === serviceKey;
      if (open.some(isAbout)) this.#markDirty(name);
    }
  }

  #onAgentEvent(event: AgentEvent): void {
    const name = event.kind === 'report' ? event.report.node : event.node;
    const memory = this.#memories.get(name);
    // The API does not know such a node (yet): there is nothing to hold its report against.
    if (memory === undefined) return;
    switch (event.kind) {
      case 'connected':
        memory.agentVersion = event.agentVersion;
        memory.lastHeardAt = event.at;
        this.#markDirty(name);
        break;
      case 'disconnected':
        break;
      case 'heard':
        memory.lastHeardAt = event.at;
        memory.figures = event.figures ?? memory.figures;
        break;
      case 'report':
        this.#takeReport(memory, event.report, event.sequence);
        break;
      case 'evidence':
        memory.asked.delete(event.evidence.entry);
        memory.evidence = new Map([...memory.evidence, [event.evidence.entry, event.evidence]]);
        this.#markDirty(name);
        break;
      case 'lost':
        this.#counts.losses++;
        memory.lost = event.reason;
        this.#markDirty(name);
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
    this.#markDirty(memory.name);
  }

  #markDirty(name: string): void {
    this.#dirty.add(name);
    this.#scheduleRound(this.#options.debounceMs ?? 50);
  }

  #scheduleRound(ms: number): void {
    if (this.#cancelRound !== null) return;
    this.#cancelRound = this.#options.later(ms, () => {
      this.#cancelRound = null;
      this.#round();
    });
  }

  /** Once a second: what time alone changes. */
  #tick(): void {
    const { now, later, cluster } = this.#options;
    const clusterUnknown = this.#judge.whyClusterUnknown();
    for (const memory of this.#memories.values()) {
      const { name, frozenBecause, open } = memory;
      const changes = (clusterUnknown ?? whyNotJudged(memory, now())) !== frozenBecause;
      const isOver = !cluster.nodes.has(name) && open.length === 0;
      if (changes || isOver || this.#hasExpiredAcceptance(memory)) this.#markDirty(name);
      else this.#publication.tellNode(memory);
    }
    this.#book.expire(now());
    this.#cancelTick = later(tickMs, () => this.#tick());
  }

  #hasExpiredAcceptance({ open }: NodeMemory): boolean {
    const now = this.#options.now();
    return open.some(
      ({ acceptedUntil }) => acceptedUntil !== null && acceptedUntil !== 'always' && Date.parse(acceptedUntil) <= now,
    );
  }

  // One round.

  #round(): void {
    const started = performance.now();
    const looked: NodeMemory[] = [];
    for (const name of this.#dirty) {
      this.#dirty.delete(name);
      const memory = this.#memories.get(name);
      if (memory === undefined) continue;
      this.#judge.look(memory);
      looked.push(memory);
      if (performance.now() - started > roundBudgetMs) break;
    }
    const ofCluster = this.#judge.stepCluster(looked, this.#memories.values(), this.#clusterOpen);
    const ofNodes = looked.map((memory) => ({ memory, step: this.#judge.stepNode(memory) }));
    const steps = [...ofNodes.map(({ step }) => step), ...(ofCluster === null ? [] : [ofCluster])];
    this.#counts.looks += looked.length;
    this.#counts.ms += performance.now() - started;
    if (!this.#commit(steps)) {
      for (const { name } of looked) this.#dirty.add(name);
      this.#scheduleRound(retryJournalMs);
      return;
    }
    if (ofCluster !== null) this.#clusterOpen = ofCluster.open;
    for (const { memory, step } of ofNodes) this.#settle(memory, step);
    this.#publication.tellSteps(steps);
    for (const memory of looked) this.#publication.tellNode(memory);
    if (this.#dirty.size > 0) this.#scheduleRound(0);
  }

  /** @returns whether all of it is on disk. */
  #commit(steps: readonly Step[]): boolean {
    const { journal, log } = this.#options;
    const findings = steps.flatMap((step) => step.findings);
    const withdrawn = steps.flatMap((step) => step.withdrawn);
    const transitions = steps.flatMap((step) => step.transitions);
    if (findings.length + withdrawn.length + transitions.length === 0) return true;
    try {
      journal.commit({ findings, withdrawn, transitions });
      if (this.#journalProblem !== null) log.info({}, 'the journal takes findings again');
      this.#journalProblem = null;
      return true;
    } catch (cause) {
      const problem = cause instanceof Error ? cause.message : String(cause);
      if (problem !== this.#journalProblem) log.error({ problem }, 'the journal refused findings; trying again');
      this.#journalProblem = problem;
      return false;
    }
  }

  /** What follows once a node's step is on disk. */
  #settle(memory: NodeMemory, step: Step): void {
    const { name } = memory;
    memory.open = step.open;
    if (memory.unacknowledged !== null) this.#agents?.acknowledge(name, memory.unacknowledged);
    memory.unacknowledged = null;
    if (this.#judge.whyNodeGone(memory) !== null) {
      this.#forget(name);
      return;
    }
    const asked = rulesToAskFor(memory);
    if (asked.length > 0) this.#agents?.wantEvidence(name, asked);
  }

  /** The node is deleted, and its findings are gone; one made anew under its name begins anew. */
  #forget(name: string): void {
    this.#memories.delete(name);
    this.#publication.forget(name);
    this.#book.setNode(name, null);
    if (this.#options.cluster.nodes.has(name)) this.#takeNode(name);
  }

  // What others may ask.

  leaf(digest: string): Leaf | null {
    return this.#book.leaf(digest);
  }

  tree(root: string): TreeDigests | null {
    return this.#book.tree(root);
  }

  nodes(): readonly NodeRecord[] {
    return this.#publication.nodes();
  }

  node(name: string): NodeRecord | null {
    return this.#publication.node(name);
  }

  findings(): readonly TrackedFinding[] {
    return this.#publication.findings();
  }

  services(): readonly ServiceRecord[] {
    return this.#publication.services();
  }

  service(namespace: string, name: string): ServiceDetail | null {
    return this.#publication.service(namespace, name);
  }

  subscribe(listener: (event: AuditEvent) => void): () => void {
    return this.#publication.subscribe(listener);
  }

  readiness(): Readiness {
    const because = judgedKinds.flatMap((kind) => {
      const health = this.#options.cluster.health(kind);
      return health.fresh ? [] : [`watch of ${kind}: ${health.because ?? 'not listed yet'}`];
    });
    if (this.#journalProblem !== null) because.push(`journal: ${this.#journalProblem}`);
    return { ready: because.length === 0, because };
  }

  figures(): readonly Figure[] {
    const { looks, ms, losses } = this.#counts;
    const counter = (name: string, help: string, value: number): Figure => ({ name, help, kind: 'counter', value });
    return [
      counter('plumbline_evaluations_total', 'Looks at nodes.', looks),
      counter('plumbline_evaluation_seconds_total', 'Time spent in looks and checks.', ms / 1000),
      counter('plumbline_reports_lost_total', 'Times that a part of a report was lost.', losses),
      { name: 'plumbline_dirty_nodes', help: 'Nodes that wait for a look.', kind: 'gauge', value: this.#dirty.size },
      ...this.#book.figures(),
    ];
  }
}
