/**
 * The checks that read the API's objects alone, of no node. They are asked again only after something changed there, and
 * no more often than every five seconds, or than takes a fiftieth of the time, however often it does; a quiet cluster
 * costs nothing.
 */
import { withClusterCauses } from '../audit/cluster-causes.ts';
import { type JudgedFinding, judgeCluster, type Judgement } from '../audit/evaluate.ts';
import { type Absence, advance, type Look, type Step } from '../audit/lifecycle.ts';
import { isObjectNeed } from '../audit/object-needs.ts';
import type { Check, Need } from '../model/check.ts';
import type { ClusterObjects } from '../model/cluster.ts';
import type { TrackedFinding } from '../model/lifecycle.ts';
import { acceptanceOn, type Surroundings, sightingsOf } from './sightings.ts';

/** Between two looks. */
const leastMs = 5000;
/** And so many times as long as asking the checks took. */
const restFactor = 50;
/** What is known and unchanged is confirmed so often. */
const confirmMs = 30_000;

/** Whether a check speaks of the API's objects alone: it needs nothing of any node. */
export function isOfObjects({ scope, needs }: Check): boolean {
  return scope === 'cluster' && needs.every(isObjectNeed);
}

export interface ObjectLookInput {
  /** What such checks said before, and has not ended. */
  readonly open: readonly TrackedFinding[];
  readonly around: Surroundings;
  /** What the checks of the whole fleet say, which may be why. */
  readonly others: readonly JudgedFinding[];
  readonly base: Pick<Look, 'now' | 'clearForSeconds' | 'lastEpisode'>;
  /** Why the API's objects are not known; null when they are. */
  readonly unknownBecause: string | null;
  /** They could not be judged because of a defect of ours. @returns the reason to tell people. */
  readonly onDefect: (what: string, cause: unknown) => string;
  /** Why one of the needs of a check is not known; null when all are. */
  readonly whyNotKnown: (needs: readonly Need[]) => string | null;
}

export class ObjectLook {
  readonly #checks: readonly Check[];
  readonly #objects: ClusterObjects;
  #judgement: Judgement | null = null;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #restMs = leastMs;
  #looks = 0;

  constructor(checks: readonly Check[], objects: ClusterObjects) {
    this.#checks = checks.filter(isOfObjects);
    this.#objects = objects;
  }

  /** Something changed in the API, or in how well it is known: what the checks said does not count any more. */
  changed(): void {
    this.#judgement = null;
  }

  /** Whether a look now could change anything. @param now Unix ms. */
  isDue(open: readonly TrackedFinding[], now: number): boolean {
    const sinceMs = now - this.#lookedAt;
    if (this.#checks.length === 0 && open.length === 0) return false;
    if (sinceMs < this.#restMs) return false;
    if (this.#judgement === null || open.some((finding) => isUnsettled(finding, now))) return true;
    return open.length > 0 && sinceMs >= confirmMs;
  }

  /** Asks the checks where what they said does not count any more, and advances the lives of their findings. */
  step({ open, around, others, base, unknownBecause, onDefect, whyNotKnown }: ObjectLookInput): Step {
    const { now } = base;
    this.#lookedAt = now;
    const frozenBecause = unknownBecause ?? this.#tryToAsk(onDefect);
    const { findings, asked } = this.#judgement ?? { findings: [], asked: new Set<string>() };
    this.#looks++;
    return advance(open, {
      ...base,
      nodeUid: null,
      reading: { id: `api/${this.#looks}`, at: now },
      seen: sightingsOf(withClusterCauses(findings, others), null, around),
      absence: (finding) => absenceOf(finding, asked, { around, whyNotKnown }),
      frozenBecause,
      accepted: acceptanceOn(null, around),
    });
  }

  /** @returns why nothing is known of what the checks say; null where it is known. */
  #tryToAsk(onDefect: ObjectLookInput['onDefect']): string | null {
    try {
      this.#judgement ??= this.#ask();
      return null;
    } catch (cause) {
      return onDefect("what the API's objects say", cause);
    }
  }

  #ask(): Judgement {
    const began = performance.now();
    const judgement = judgeCluster({ nodes: [], objects: this.#objects }, this.#checks);
    this.#restMs = Math.max(leastMs, restFactor * (performance.now() - began));
    return judgement;
  }
}

/** Time alone takes it further. */
function isUnsettled({ knownState, clean, state, acceptedUntil }: TrackedFinding, now: number): boolean {
  if (knownState === 'pending' || clean !== null || state === 'unknown') return true;
  return acceptedUntil !== null && acceptedUntil !== 'always' && Date.parse(acceptedUntil) <= now;
}

function absenceOf(
  { check, subject }: TrackedFinding,
  asked: ReadonlySet<string>,
  { around, whyNotKnown }: Pick<ObjectLookInput, 'around' | 'whyNotKnown'>,
): Absence {
  const made = around.checks.get(check);
  if (made === undefined) return { kind: 'gone', because: 'the check is not made any more' };
  if (subject.kind === 'Service' && !around.services.has(`${subject.namespace}/${subject.name}`)) {
    return { kind: 'gone', because: `Service ${subject.namespace}/${subject.name} was deleted` };
  }
  if (asked.has(check)) return { kind: 'clean' };
  const because = whyNotKnown(made.needs) ?? 'what it needs is not known';
  return { kind: 'frozen', because: `${check} could not be asked: ${because}` };
}
