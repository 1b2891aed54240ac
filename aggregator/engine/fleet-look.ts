/**
 * The checks that hold together what several nodes say. Those that read drifts are asked with every round that looks at
 * any, since what they declare undecided must not fire meanwhile. The others, of names and of policies, are asked once
 * something was looked at, and no more often than every five seconds, or than takes a fiftieth of the time: agents report
 * all the time, also where every rule is right. What those said stands until they are asked again, and is one reading.
 */
import { type ClusterJudgement, type JudgedFinding, judgeCluster } from '../audit/evaluate.ts';
import type { Check, ClusterView } from '../model/check.ts';
import { isOfObjects } from './object-look.ts';

/** Between two times that the others are asked. */
const leastMs = 5000;
/** And so many times as long as asking them took. */
const restFactor = 50;

export class FleetLook {
  readonly #ofDrift: readonly Check[];
  readonly #others: readonly Check[];
  #said: readonly JudgedFinding[] = [];
  #isOld = false;
  #askedAt = Number.NEGATIVE_INFINITY;
  #restMs = leastMs;

  constructor(checks: readonly Check[]) {
    const ofFleet = checks.filter((check) => check.scope === 'cluster' && !isOfObjects(check));
    this.#ofDrift = ofFleet.filter(({ needs }) => needs.includes('drift'));
    this.#others = ofFleet.filter(({ needs }) => !needs.includes('drift'));
  }

  /** What those that are asked seldom said last. */
  get said(): readonly JudgedFinding[] {
    return this.#said;
  }

  /** Whether a check is one of those that read drifts. */
  readsDrift(check: string): boolean {
    return this.#ofDrift.some(({ id }) => id === check);
  }

  /** A node was looked at, or what was said is lost: it may not count any more. */
  changed(): void {
    this.#isOld = true;
  }

  /** Whether the checks that are asked seldom should be asked now. @param now Unix ms. */
  isDue(now: number): boolean {
    return this.#others.length > 0 && this.#isOld && now - this.#askedAt >= this.#restMs;
  }

  /** Asks those that read drifts. */
  askOfDrift(view: ClusterView): ClusterJudgement {
    return judgeCluster(view, this.#ofDrift);
  }

  /** Asks those that are asked seldom. @param now Unix ms. */
  askOthers(view: ClusterView, now: number): ClusterJudgement {
    this.#askedAt = now;
    this.#isOld = false;
    const began = performance.now();
    const judgement = judgeCluster(view, this.#others);
    this.#restMs = Math.max(leastMs, restFactor * (performance.now() - began));
    this.#said = judgement.findings;
    return judgement;
  }
}
