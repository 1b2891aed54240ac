/** Looks at nodes, asks the checks, and advances the lives of findings. Remembers what that takes, and nothing of shells. */
import { DriftMemo } from '../audit/bucket-drift.ts';
import type { DesiredBook } from '../audit/desired-book.ts';
import { withNodeCauses } from '../audit/cluster-causes.ts';
import { type ClusterJudgement, type JudgedFinding, judgeNode } from '../audit/evaluate.ts';
import { type Absence, advance, type Look, type Step } from '../audit/lifecycle.ts';
import { isObjectNeed } from '../audit/object-needs.ts';
import type { Check, ClusterView, Need, ObjectNeed, Peers } from '../model/check.ts';
import type { ClusterObjects } from '../model/cluster.ts';
import type { ClusterFeed, NodeReport, WatchedKind } from '../model/feeds.ts';
import type { Journal, TrackedFinding } from '../model/lifecycle.ts';
import { feedObjects } from './feed-objects.ts';
import { FleetLook } from './fleet-look.ts';
import { lookAt } from './look.ts';
import { type LastLook, type NodeMemory, notHeardYet, whyNotJudged } from './node-memory.ts';
import { withRules } from './node-rules.ts';
import { isOfObjects, ObjectLook } from './object-look.ts';
import { absenceOn, acceptanceOn, type Surroundings, sightingsOf } from './sightings.ts';

/** Kinds of API objects without which nothing can be judged. */
export const judgedKinds: readonly WatchedKind[] = ['services', 'endpointslices', 'nodes'];

/** Those of them that say what nodes should do with packets. */
const wantedKinds: readonly WatchedKind[] = ['services', 'endpointslices'];

export interface JudgeOptions {
  readonly cluster: ClusterFeed;
  readonly journal: Pick<Journal, 'lastEpisode'>;
  readonly checks: readonly Check[];
  readonly book: DesiredBook;
  readonly peers: Peers;
  /** What is said of a node now; empty where nothing is known of it. */
  readonly onNode: (name: string) => readonly JudgedFinding[];
  /** Unix ms. */
  readonly now: () => number;
  /** Something could not be judged because of a defect of ours. @returns the reason to tell people. */
  readonly onDefect: (what: string, cause: unknown) => string;
}

/** The kinds of objects that answer a need. */
const kindsOf: Readonly<Record<ObjectNeed, readonly WatchedKind[]>> = {
  pods: ['pods'],
  events: ['events'],
  policies: ['networkpolicies', 'pods', 'namespaces'],
  'dns-configuration': ['dnsconfigurations'],
};

export class Judge {
  readonly #options: JudgeOptions;
  readonly #checksById: ReadonlyMap<string, Check>;
  readonly #fleetLook: FleetLook;
  readonly #objects: ClusterObjects;
  readonly #objectLook: ObjectLook;
  readonly #memo = new DriftMemo();
  #disputes: ClusterJudgement['disputes'] = new Map();
  #driftsFire = false;
  #fleetLooks = 0;
  /** When the API's objects were last listed whole, Unix ms. */
  rememberedSince: number;

  constructor(options: JudgeOptions) {
    this.#options = options;
    this.#checksById = new Map(options.checks.map((check) => [check.id, check]));
    this.#fleetLook = new FleetLook(options.checks);
    this.#objects = feedObjects(options.cluster);
    this.#objectLook = new ObjectLook(options.checks, this.#objects);
    this.rememberedSince = options.now();
  }

  /** The API's objects of this moment. */
  get objects(): ClusterObjects {
    return this.#objects;
  }

  /**
   * Looks at the node's newest report as things are now, and asks the checks of nodes. A report that cannot be judged
   * leaves its own node unknown until the next one, and touches no other.
   */
  look(memory: NodeMemory): void {
    const { now, onDefect } = this.#options;
    this.#fleetLook.changed();
    memory.frozenBecause = this.whyClusterUnknown() ?? whyNotJudged(memory, now());
    const { report } = memory;
    if (memory.frozenBecause !== null || report === null) return;
    try {
      memory.last = this.#lookAt(memory, report);
    } catch (cause) {
      memory.lost = onDefect(`the report of ${memory.name}`, cause);
      memory.frozenBecause = memory.lost;
    }
  }

  #lookAt(memory: NodeMemory, report: NodeReport): LastLook {
    const { cluster, checks, book } = this.#options;
    const seen = lookAt({
      report,
      apiNode: cluster.nodes.get(memory.name) ?? null,
      book,
      objects: this.#objects,
      peers: this.#options.peers,
      memo: this.#memo,
      rememberedSince: this.rememberedSince,
      before: memory.last,
    });
    const disputed = this.#disputes.get(memory.name) ?? new Set();
    return { ...seen, report, judgement: judgeNode(seen.view, disputed, checks) };
  }

  /**
   * Asks the checks of the whole fleet again where anything that was looked at could change what they say. Nodes whose drifts
   * become disputed, or cease to be, are judged again and join `looked`.
   * @param open what these checks said before, and has not ended.
   */
  stepFleet(looked: NodeMemory[], all: Iterable<NodeMemory>, open: readonly TrackedFinding[]): Step | null {
    const ofDrift = open.filter(({ check }) => this.#fleetLook.readsDrift(check));
    const ofOthers = open.filter(({ check }) => !this.#fleetLook.readsDrift(check));
    const hasDrift = looked.some(({ last }) => (last?.view.drift.length ?? 0) > 0);
    const asksOfDrift = hasDrift || this.#driftsFire || ofDrift.length > 0;
    const asksOthers = this.isFleetLookDue();
    if (!asksOfDrift && !asksOthers) return null;
    const memories = [...all];
    const views = memories.flatMap(({ last, frozenBecause }) =>
      last === null || frozenBecause !== null ? [] : [last.view],
    );
    const view = { nodes: views, objects: this.#objects };
    const drifts = asksOfDrift ? this.#askFleet(() => this.#askOfDrift(view, memories, looked)) : null;
    const others = asksOthers ? this.#askFleet(() => this.#fleetLook.askOthers(view, this.#options.now())) : null;
    return together([
      drifts === null ? unchangedStep(ofDrift) : this.#advanceFleet(ofDrift, drifts, view),
      others === null ? unchangedStep(ofOthers) : this.#advanceFleet(ofOthers, others, view),
    ]);
  }

  #askOfDrift(view: ClusterView, memories: readonly NodeMemory[], looked: NodeMemory[]): ClusterJudgement {
    const judgement = this.#fleetLook.askOfDrift(view);
    this.#driftsFire = judgement.findings.length > 0;
    this.#rejudgeDisputed(judgement.disputes, memories, looked);
    return judgement;
  }

  #askFleet(ask: () => ClusterJudgement): FleetAnswer {
    try {
      return { judgement: ask(), because: null };
    } catch (cause) {
      return { judgement: null, because: this.#options.onDefect('what the nodes say taken together', cause) };
    }
  }

  /** What they say now is one reading of the fleet. */
  #advanceFleet(open: readonly TrackedFinding[], { judgement, because }: FleetAnswer, view: ClusterView): Step {
    const { now, onNode } = this.#options;
    const { findings, asked } = judgement ?? { findings: [], asked: new Set<string>() };
    const around = this.#surroundings();
    this.#fleetLooks++;
    return advance(open, {
      ...this.#lookBase(),
      nodeUid: null,
      reading: { id: `look/${this.#fleetLooks}`, at: now() },
      seen: sightingsOf(withNodeCauses(findings, onNode), null, around),
      absence: (finding) => this.#fleetAbsence(finding, asked, view),
      frozenBecause: this.whyClusterUnknown() ?? because,
      accepted: acceptanceOn(null, around),
    });
  }

  /** What was said last was not written down: it is asked again. */
  notWritten(): void {
    this.#fleetLook.changed();
    this.#objectLook.changed();
  }

  isFleetLookDue(): boolean {
    return this.#fleetLook.isDue(this.#options.now());
  }

  /** Something changed in the API, or in how well it is known. */
  apiChanged(): void {
    this.#objectLook.changed();
  }

  /** Whether a finding is one of the checks that read the API's objects alone. */
  isOfObjects({ check }: TrackedFinding): boolean {
    const made = this.#checksById.get(check);
    return made !== undefined && isOfObjects(made);
  }

  isObjectLookDue(open: readonly TrackedFinding[]): boolean {
    return this.#objectLook.isDue(open, this.#options.now());
  }

  /** Asks the checks that read the API's objects alone. @param open what they said before, and has not ended. */
  stepObjects(open: readonly TrackedFinding[]): Step {
    return this.#objectLook.step({
      open,
      around: this.#surroundings(),
      others: this.#fleetLook.said,
      base: this.#lookBase(),
      unknownBecause: this.whyClusterUnknown(),
      onDefect: this.#options.onDefect,
      whyNotKnown: (needs) => whyNotKnown(this.#options.cluster, needs),
    });
  }

  #rejudgeDisputed(
    disputes: ClusterJudgement['disputes'],
    memories: readonly NodeMemory[],
    looked: NodeMemory[],
  ): void {
    const before = this.#disputes;
    this.#disputes = disputes;
    for (const memory of memories) {
      const [was, is] = [before.get(memory.name), disputes.get(memory.name)];
      if (isSameSet(was, is) || memory.last === null) continue;
      const { checks } = this.#options;
      memory.last = { ...memory.last, judgement: judgeNode(memory.last.view, is ?? new Set(), checks) };
      if (!looked.includes(memory)) looked.push(memory);
    }
  }

  #fleetAbsence({ check, subject }: TrackedFinding, asked: ReadonlySet<string>, view: ClusterView): Absence {
    const made = this.#checksById.get(check);
    if (made === undefined) return { kind: 'gone', because: 'the check is not made any more' };
    if (!asked.has(check)) return { kind: 'frozen', because: 'no node could be judged' };
    const because = made.scope === 'cluster' ? (made.undecided?.(subject, view) ?? null) : null;
    if (because !== null) return { kind: 'frozen', because };
    if (subject.kind !== 'Node' || view.nodes.some(({ name }) => name === subject.name)) return { kind: 'clean' };
    if (!this.#options.cluster.nodes.has(subject.name)) {
      return { kind: 'gone', because: `Node ${subject.name} was deleted` };
    }
    return { kind: 'frozen', because: `${subject.name} could not be judged` };
  }

  /** What the last look means for the node's findings. */
  stepNode(memory: NodeMemory): Step {
    const node = this.#options.cluster.nodes.get(memory.name) ?? null;
    const around = this.#surroundings();
    const base = { ...this.#lookBase(), nodeUid: memory.uid, accepted: acceptanceOn(node, around) };
    const { last } = memory;
    const gone = this.whyNodeGone(memory);
    if (gone !== null) {
      const absence = (): Absence => ({ kind: 'gone', because: gone });
      return advance(memory.open, { ...base, reading: null, seen: new Map(), absence, frozenBecause: null });
    }
    if (memory.frozenBecause !== null || last === null) {
      const frozenBecause = memory.frozenBecause ?? notHeardYet(memory.name);
      const absence = (): Absence => ({ kind: 'frozen', because: frozenBecause });
      return advance(memory.open, { ...base, reading: null, seen: new Map(), absence, frozenBecause });
    }
    const { view, placed, judgement, report } = last;
    return advance(memory.open, {
      ...base,
      reading: { id: report.reading, at: report.readAt },
      seen: sightingsOf(withNodeCauses(withRules(judgement.findings, memory), this.#options.onNode), last, around),
      absence: absenceOn(view, placed, judgement, around),
      frozenBecause: null,
    });
  }

  #lookBase(): Pick<Look, 'now' | 'clearForSeconds' | 'lastEpisode'> {
    const { now, journal } = this.#options;
    return {
      now: now(),
      clearForSeconds: (check) => this.#checksById.get(check)?.clearForSeconds ?? 0,
      lastEpisode: (fingerprint) => journal.lastEpisode(fingerprint),
    };
  }

  #surroundings(): Surroundings {
    const { cluster, now } = this.#options;
    const silentMs = Math.max(...wantedKinds.map((kind) => cluster.health(kind).ageMs));
    return {
      services: cluster.services,
      objects: this.#objects,
      checks: this.#checksById,
      wantedKnownUntil: now() - silentMs,
      now: now(),
    };
  }

  /** Why the API's objects are not known well enough to judge anything; null when they are. */
  whyClusterUnknown(): string | null {
    for (const kind of judgedKinds) {
      const { fresh, because } = this.#options.cluster.health(kind);
      if (!fresh) return `the API's ${kind} are not known: ${because ?? 'not listed yet'}`;
    }
    return null;
  }

  /** Why a node is not any more what it was; null while it is. A new UID under an old name is another node. */
  whyNodeGone({ name, uid }: NodeMemory): string | null {
    const { cluster } = this.#options;
    if (!cluster.health('nodes').fresh) return null;
    const node = cluster.nodes.get(name);
    if (node === undefined) return `Node ${name} was deleted`;
    return uid !== null && node.uid !== uid ? `Node ${name} was deleted and made anew` : null;
  }
}

/** What the checks of the fleet said, or why they could not be asked. */
type FleetAnswer =
  | { readonly judgement: ClusterJudgement; readonly because: null }
  | { readonly judgement: null; readonly because: string };

/** Nothing was asked, nothing changes. */
function unchangedStep(open: readonly TrackedFinding[]): Step {
  return { open, findings: [], withdrawn: [], transitions: [] };
}

function together(steps: readonly Step[]): Step {
  return {
    open: steps.flatMap(({ open }) => open),
    findings: steps.flatMap(({ findings }) => findings),
    withdrawn: steps.flatMap(({ withdrawn }) => withdrawn),
    transitions: steps.flatMap(({ transitions }) => transitions),
  };
}

function isSameSet(a: ReadonlySet<string> | undefined, b: ReadonlySet<string> | undefined): boolean {
  if (a === b) return true;
  return a !== undefined && b !== undefined && a.size === b.size && [...a].every((item) => b.has(item));
}

/** Why one of these needs is not known, as its watch says; null when all are. */
function whyNotKnown(cluster: ClusterFeed, needs: readonly Need[]): string | null {
  for (const kind of needs.filter(isObjectNeed).flatMap((need) => kindsOf[need])) {
    const { fresh, because } = cluster.health(kind);
    if (!fresh) return `the API's ${kind} are not known: ${because ?? 'not listed yet'}`;
  }
  return null;
}
