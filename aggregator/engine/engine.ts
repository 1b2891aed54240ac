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
import { observedPairs } from '../audit/matrix/observations.ts';
import { answerQuestion } from '../audit/policy/answer-question.ts';
import type { ProbeFleet } from '../audit/probe-targets.ts';
import { diagnose } from '../diagnose/diagnose.ts';
import type { Check } from '../model/check.ts';
import type { DiagnosisAnswer, DiagnosisQuestion } from '../model/diagnosis.ts';
import type { AgentFeed, ClusterFeed, KnownLeaves } from '../model/feeds.ts';
import type { Journal, TrackedFinding } from '../model/lifecycle.ts';
import type { NodeMoment } from '../model/moment.ts';
import type { Matrix, MatrixGrid, MatrixPair, MatrixQuestion } from '../model/matrix.ts';
import type { PolicyAnswer, PolicyQuestion } from '../model/policy.ts';
import type {
  AuditEvent,
  AuditRecord,
  Figure,
  NodeDetail,
  NodeRecord,
  Readiness,
  ServiceDetail,
  ServiceRecord,
} from '../model/record.ts';
import { diagnosisInput } from './diagnosis-input.ts';
import { Intake } from './intake.ts';
import { Judge, judgedKinds } from './judge.ts';
import { MatrixDesk } from './matrix-desk.ts';
import { type NodeMemory, peersAmong, saidAmong, whyNotJudged } from './node-memory.ts';
import { rulesToAskFor } from './node-rules.ts';
import { ProbeAim } from './probe-aim.ts';
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
  /** How large packets between nodes may be, where agents shall probe each other; null or absent: they shall not. */
  readonly largestPacketTo?: ProbeFleet['largestPacketTo'] | null;
}

export class Engine implements AuditRecord, KnownLeaves {
  readonly #options: EngineOptions;
  readonly #book = new DesiredBook({ historyHours, maxPast: mostPastStates });
  readonly #memories = new Map<string, NodeMemory>();
  readonly #intake: Intake;
  readonly #judge: Judge;
  readonly #publication: Publication;
  readonly #aim: ProbeAim | null;
  readonly #matrixDesk: MatrixDesk;
  readonly #dirty = new Set<string>();
  #agents: AgentFeed | null = null;
  /** What the checks of the whole fleet, and those of the API's objects, said and has not ended. */
  #fleetOpen: readonly TrackedFinding[] = [];
  #objectsOpen: readonly TrackedFinding[] = [];
  #cancelRound: (() => void) | null = null;
  #cancelTick: (() => void) | null = null;
  #journalProblem: string | null = null;
  #unsubscribe: readonly (() => void)[] = [];
  readonly #counts = { looks: 0, ms: 0, defects: 0 };
  #defect: string | null = null;

  constructor(options: EngineOptions) {
    const { cluster, now, largestPacketTo = null } = options;
    const peers = peersAmong(this.#memories, now);
    this.#options = options;
    this.#judge = new Judge({
      ...options,
      book: this.#book,
      peers,
      onNode: saidAmong(this.#memories),
      onDefect: (what, cause) => this.#onDefect(what, cause),
    });
    const { objects } = this.#judge;
    this.#aim = largestPacketTo === null ? null : new ProbeAim({ cluster, objects, peers, largestPacketTo, now });
    this.#matrixDesk = new MatrixDesk({
      objects,
      now,
      later: options.later,
      observed: () => this.#observed(),
    });
    this.#intake = new Intake({
      cluster,
      book: this.#book,
      memories: this.#memories,
      markDirty: (name) => this.#markDirty(name),
      onRelisted: (at) => {
        this.#judge.rememberedSince = at;
      },
      onApiChanged: () => this.#judge.apiChanged(),
      now,
    });
    this.#publication = new Publication({
      cluster,
      book: this.#book,
      memories: this.#memories,
      clusterOpen: () => [...this.#fleetOpen, ...this.#objectsOpen],
      now,
    });
  }

  /** Takes up what the journal holds and begins to follow both feeds. */
  start(agents: AgentFeed): void {
    const { cluster, journal } = this.#options;
    this.#agents = agents;
    const open = Map.groupBy(journal.open(), ({ node }) => node);
    const ofCluster = open.get(null) ?? [];
    this.#objectsOpen = ofCluster.filter((finding) => this.#judge.isOfObjects(finding));
    this.#fleetOpen = ofCluster.filter((finding) => !this.#judge.isOfObjects(finding));
    open.delete(null);
    this.#intake.begin(open as ReadonlyMap<string, readonly TrackedFinding[]>);
    this.#unsubscribe = [
      cluster.subscribe((change) => this.#intake.onClusterChange(change)),
      agents.subscribe((event) => this.#intake.onAgentEvent(event)),
    ];
    this.#tick();
  }

  stop(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#cancelRound?.();
    this.#cancelTick?.();
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
    if (this.#judge.isObjectLookDue(this.#objectsOpen) || this.#judge.isFleetLookDue()) this.#scheduleRound(0);
    this.#book.expire(now());
    for (const [node, targets] of this.#aim?.due() ?? []) this.#agents?.aim(node, targets);
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
    const ofFleet = this.#judge.stepFleet(looked, this.#memories.values(), this.#fleetOpen);
    const isDue = this.#judge.isObjectLookDue(this.#objectsOpen);
    const ofObjects = isDue ? this.#judge.stepObjects(this.#objectsOpen) : null;
    const ofNodes = looked.map((memory) => ({ memory, step: this.#judge.stepNode(memory) }));
    const steps = [...ofNodes.map(({ step }) => step), ofFleet, ofObjects].filter((step) => step !== null);
    this.#counts.looks += looked.length;
    this.#counts.ms += performance.now() - started;
    if (!this.#commit(steps)) {
      for (const { name } of looked) this.#dirty.add(name);
      this.#judge.notWritten();
      this.#scheduleRound(retryJournalMs);
      return;
    }
    if (ofFleet !== null) this.#fleetOpen = ofFleet.open;
    if (ofObjects !== null) this.#objectsOpen = ofObjects.open;
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

  /** What a defect of ours keeps from being judged is unknown, and the rest goes on. Said once until it is another. */
  #onDefect(what: string, cause: unknown): string {
    this.#counts.defects++;
    const problem = cause instanceof Error ? cause.message : String(cause);
    const because = `${what} could not be judged, which is a defect of Plumbline: ${problem}`;
    if (because !== this.#defect) this.#options.log.error({ err: cause }, because);
    this.#defect = because;
    return because;
  }

  /** What follows once a node's step is on disk. */
  #settle(memory: NodeMemory, step: Step): void {
    const { name } = memory;
    memory.open = step.open;
    if (memory.unacknowledged !== null) this.#agents?.acknowledge(name, memory.unacknowledged);
    memory.unacknowledged = null;
    if (this.#judge.whyNodeGone(memory) !== null) {
      this.#intake.forget(name);
      this.#publication.forget(name);
      return;
    }
    const asked = rulesToAskFor(memory);
    if (asked.length > 0) this.#agents?.wantEvidence(name, asked);
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

  node(name: string): NodeDetail | null {
    return this.#publication.node(name);
  }

  /** Every node with what its findings were made of. */
  moments(): readonly NodeMoment[] {
    return this.#publication.moments();
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

  diagnose(question: DiagnosisQuestion): DiagnosisAnswer {
    const { now } = this.#options;
    const clusterOpen = [...this.#fleetOpen, ...this.#objectsOpen];
    const input = diagnosisInput({ memories: this.#memories, objects: this.#judge.objects, clusterOpen, now: now() });
    return diagnose(question, input);
  }

  policy(question: PolicyQuestion): PolicyAnswer {
    return answerQuestion(this.#judge.objects, question);
  }

  /** What probes of nodes have seen by now of Services and pods. */
  #observed(): readonly MatrixPair[] {
    const nodes = [...this.#memories.values()].flatMap(({ name, report }) => {
      const probes = report?.parts.probes;
      return probes?.state === 'ok' ? [{ name, results: probes.value.results }] : [];
    });
    return observedPairs(this.#judge.objects, nodes, this.findings());
  }

  matrix(question: MatrixQuestion): Promise<Matrix | 'busy'> {
    return this.#matrixDesk.matrix(question);
  }

  matrixGrid(namespace: string | null): Promise<MatrixGrid | 'busy'> {
    return this.#matrixDesk.grid(namespace);
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
    const { looks, ms, defects } = this.#counts;
    const counter = (name: string, help: string, value: number): Figure => ({ name, help, kind: 'counter', value });
    return [
      counter('plumbline_evaluations_total', 'Looks at nodes.', looks),
      counter('plumbline_evaluation_seconds_total', 'Time spent in looks and checks.', ms / 1000),
      counter('plumbline_evaluations_failed_total', 'Looks that a defect of Plumbline broke off.', defects),
      counter('plumbline_reports_lost_total', 'Times that a part of a report was lost.', this.#intake.losses),
      { name: 'plumbline_dirty_nodes', help: 'Nodes that wait for a look.', kind: 'gauge', value: this.#dirty.size },
      ...this.#book.figures(),
    ];
  }
}
