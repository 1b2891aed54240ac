/** What an audit of one recording must say, and why each finding of it is deserved. */
import type { Severity } from '../../../aggregator/model/finding.ts';
import type { Within } from '../audited.ts';

export interface Scenario {
  /** The recording, and what of it. */
  readonly title: string;
  readonly recording: string;
  readonly within?: Within;
  /** What is true there, as its facts.json has it. */
  readonly truth: string;
  /** By name: its state, and behind a colon why not all could be told. */
  readonly nodes: Readonly<Record<string, string>>;
  /** Every finding, those alike together. */
  readonly told: readonly Told[];
}

/** Findings of one check on one node, or of the cluster. */
export interface Told {
  readonly check: string;
  readonly severity: Severity;
  readonly state: 'firing' | 'unknown';
  /** Null = of the cluster. */
  readonly node: string | null;
  readonly subjects: readonly string[];
  /** The cause of all of them: `proxy-down node-b`. */
  readonly under: string | null;
  /** Why on-call would agree. */
  readonly why: string;
}

type Said = Pick<Told, 'check' | 'severity' | 'subjects' | 'why'> & Partial<Pick<Told, 'under' | 'state'>>;

/** Findings of one node. */
export function on(node: string, ...said: readonly Said[]): readonly Told[] {
  return said.map((one) => ({ state: 'firing', under: null, ...one, node }));
}

/** The same, all of them effects of one cause. */
export function below(node: string, under: string, ...said: readonly Said[]): readonly Told[] {
  return on(node, ...said.map((one) => ({ ...one, under })));
}

const selectsNothing = {
  check: 'service-selects-nothing',
  severity: 'high',
  state: 'firing',
  node: null,
  under: null,
} as const;

/** The slip of pen that every recording has. */
export const typo: readonly Told[] = [
  {
    ...selectsNothing,
    subjects: ['shop/typo'],
    why: 'selects app=wbe; the pods of shop/web have app=web. Every client is refused, and nobody else would say why',
  },
];

/** What every recording of nodes with pods has: the slip of pen, and policies that nothing enforces. */
export const everywhere: readonly Told[] = [
  ...typo,
  {
    check: 'policy-not-enforced',
    severity: 'high',
    state: 'firing',
    node: null,
    under: null,
    subjects: ['NetworkPolicies'],
    why: 'payments/default-deny and shop/allow-web select pods, and the plugins bridge and ptp enforce no policy',
  },
];

/** In the recordings that were made before the workers became ready. */
export const unreadyWorkers: readonly Told[] = [
  {
    ...selectsNothing,
    subjects: ['batch/worker', 'batch/worker-lb'],
    why: 'both pods run and are not ready, and these two publish only ready ones (batch/worker-early, of the same pods, is not told)',
  },
];

export const notRecorded = 'unknown: not recorded';
