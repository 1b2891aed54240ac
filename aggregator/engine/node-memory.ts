/** What the engine remembers of one node between two looks. */

import type { JudgedFinding, NodeJudgement } from '../audit/evaluate.ts';
import type { PlacedDrifts } from '../audit/grace.ts';
import type { NodeView, Peers } from '../model/check.ts';
import type { EntryEvidence, NodeReport } from '../model/feeds.ts';
import type { TrackedFinding } from '../model/lifecycle.ts';
import type { AgentFigures, AgentWay } from '../model/record.ts';
import type { ShownMarks } from './look.ts';

/** How the last look at a node went. */
export interface LastLook {
  readonly view: NodeView;
  readonly placed: PlacedDrifts;
  /** The root of the desired table; null where none could be computed. */
  readonly desiredRoot: string | null;
  readonly judgement: NodeJudgement;
  readonly report: NodeReport;
  readonly shown: ShownMarks;
}

/** One node; changed by the engine alone. Times are Unix ms. */
export interface NodeMemory {
  readonly name: string;
  uid: string | null;
  agentVersion: string | null;
  lastHeardAt: number | null;
  figures: AgentFigures | null;
  ways: readonly AgentWay[];
  report: NodeReport | null;
  /** Reports up to this sequence wait to be judged and acknowledged. */
  unacknowledged: bigint | null;
  /** Why the newest report is not the whole truth; until the next report. */
  lost: string | null;
  /** Rules that the agent showed, by entry digest. */
  evidence: ReadonlyMap<string, EntryEvidence>;
  /** Entries whose rules were asked for and have not come. */
  readonly asked: Set<string>;
  last: LastLook | null;
  /** Why nothing can be said of the node now; null = it was looked at. */
  frozenBecause: string | null;
  open: readonly TrackedFinding[];
}

export function newMemory(name: string, uid: string | null, open: readonly TrackedFinding[]): NodeMemory {
  return {
    name,
    uid,
    agentVersion: null,
    lastHeardAt: null,
    figures: null,
    ways: [],
    report: null,
    unacknowledged: null,
    lost: null,
    evidence: new Map(),
    asked: new Set(),
    last: null,
    frozenBecause: notHeardYet(name),
    open,
  };
}

export function notHeardYet(name: string): string {
  return `no agent of ${name} has reported since the aggregator started`;
}

/** Silent for so long, an agent is late; for so long, its node is unknown. */
const lateAfterMs = 30_000;
const silentAfterMs = 45_000;
/** An agent that lives and does not read: so many of its own intervals are waited for, and at least a minute. */
const intervalsWithoutReading = 3;
const leastReadingAgeMs = 60_000;

export function agentState({ lastHeardAt }: NodeMemory, now: number): 'reporting' | 'late' | 'silent' | 'never' {
  if (lastHeardAt === null) return 'never';
  const silence = now - lastHeardAt;
  return silence < lateAfterMs ? 'reporting' : silence < silentAfterMs ? 'late' : 'silent';
}

/** Why a node's report cannot be judged now; null when it can. */
export function whyNotJudged(memory: NodeMemory, now: number): string | null {
  const { name, report, lost, figures } = memory;
  // Who is shut out for a while is silent because of it.
  if (lost !== null) return lost;
  if (agentState(memory, now) === 'silent') return `the agent of ${name} is silent`;
  if (report === null) return notHeardYet(name);
  const patience = Math.max(leastReadingAgeMs, (figures?.intervalSeconds ?? 0) * 1000 * intervalsWithoutReading);
  return now - report.readAt > patience ? `the agent of ${name} lives, and does not read its node any more` : null;
}

/** What is said of a node now; nothing of one that cannot be judged. */
export function saidAmong(memories: ReadonlyMap<string, NodeMemory>): (name: string) => readonly JudgedFinding[] {
  return (name) => {
    const memory = memories.get(name);
    return memory?.frozenBecause === null ? (memory.last?.judgement.findings ?? []) : [];
  };
}

/** What nodes say of themselves to the checks of others, as far as it counts now. */
export function peersAmong(memories: ReadonlyMap<string, NodeMemory>, now: () => number): Peers {
  return {
    parts: (name) => {
      const memory = memories.get(name);
      const isJudged = memory !== undefined && whyNotJudged(memory, now()) === null;
      return isJudged ? (memory.report?.parts ?? null) : null;
    },
  };
}
