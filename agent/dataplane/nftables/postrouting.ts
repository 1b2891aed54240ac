/**
 * Which packets that were sent to a backend are masqueraded on their way out.
 *
 *     nat-postrouting ──▶ masquerading: mark & 0x4000? ──yes──▶ clear the mark, masquerade
 *                                          │no
 *                                          ▼
 *                                       backend . backend . protocol . port in @hairpin-connections? ──yes──▶ masquerade
 *
 * Of a packet in general only the mark is known here, so rules that ask for anything else are taken not to match; of one
 * that a backend sends to itself all is known.
 */
import type { Address } from '../../../proto/address.ts';
import type { Protocol } from '../../../proto/forwarding.ts';
import type { MasqueradePath } from '../../../proto/parts.ts';
import { changeMark } from '../pieces.ts';
import { hookedChains } from './hooks.ts';
import { elementsOf } from './lookup.ts';
import type { ChainPlans } from './plans.ts';
import type { Step, Verdict } from './rule.ts';

/** A packet that a backend sends to itself. */
export interface Hairpin {
  readonly address: Address;
  readonly protocol: Protocol;
  readonly port: number;
}

/** `goes on`: with this mark, back in the caller. */
type End = 'masqueraded' | 'ended' | { readonly mark: number };

const maxDepth = 32;
/** Steps of one packet: more than any rules in earnest make. */
const maxSteps = 10_000;

export class Postrouting {
  readonly #plans: ChainPlans;
  readonly #chains: readonly string[];
  readonly #byMark = new Map<number, boolean>();
  #stepsLeft = maxSteps;

  constructor(plans: ChainPlans) {
    this.#plans = plans;
    this.#chains = hookedChains(plans.table, 'postrouting')
      .filter(({ base }) => base?.type === 'nat')
      .map(({ name }) => name);
  }

  /** Whether packets with a mark are masqueraded; with `hairpin`, whether this one is. */
  masquerades(mark: number, hairpin?: Hairpin): boolean {
    if (hairpin !== undefined) return this.#passes(mark, hairpin);
    let answer = this.#byMark.get(mark);
    if (answer === undefined) {
      answer = this.#passes(mark, null);
      this.#byMark.set(mark, answer);
    }
    return answer;
  }

  /** The mark that packets leave a chain with; null when they do not come back from it. */
  markAfter(chain: string): number | null {
    this.#stepsLeft = maxSteps;
    const end = this.#walk(chain, 0, null, 0);
    return typeof end === 'string' ? null : end.mark;
  }

  #passes(mark: number, hairpin: Hairpin | null): boolean {
    this.#stepsLeft = maxSteps;
    let live = mark;
    for (const chain of this.#chains) {
      const end = this.#walk(chain, live, hairpin, 0);
      if (end === 'masqueraded') return true;
      if (typeof end !== 'string') live = end.mark;
    }
    return false;
  }

  #walk(chain: string, arriving: number, hairpin: Hairpin | null, depth: number): End {
    let mark = arriving;
    if (depth > maxDepth) return { mark };
    for (const { steps } of this.#plans.rules(chain) ?? []) {
      for (const step of steps) {
        if (--this.#stepsLeft < 0) return { mark };
        if (step.kind === 'masquerade') return 'masqueraded';
        if (step.kind === 'set-mark') mark = changeMark(mark, step);
        else if (step.kind === 'verdict') {
          const end = this.#act(step.verdict, mark, hairpin, depth);
          if (end !== 'next') {
            if (typeof end === 'string' || step.verdict.kind !== 'jump') return end;
            mark = end.mark;
          }
          break;
        } else if (!this.#holds(step, mark, hairpin)) break;
      }
    }
    return { mark };
  }

  #act(verdict: Verdict, mark: number, hairpin: Hairpin | null, depth: number): End | 'next' {
    switch (verdict.kind) {
      case 'jump':
      case 'goto':
        return this.#walk(verdict.chain, mark, hairpin, depth + 1);
      case 'return':
        return { mark };
      case 'continue':
        return 'next';
      default:
        return 'ended';
    }
  }

  #holds(step: Step, mark: number, hairpin: Hairpin | null): boolean {
    if (step.kind === 'mark') return ((mark & step.mask) >>> 0 === step.value) !== step.negated;
    if (step.kind === 'translated') return !step.negated;
    if (step.kind !== 'asks' || hairpin === null) return false;
    const elements = elementsOf(this.#plans.table, step.among);
    if (elements === null) return false;
    const { address, protocol, port } = hairpin;
    const values = { source: address, destination: address, protocol, port };
    const isAmong = elements.find(step.fields.map((field) => values[field])) !== undefined;
    // An element that could not be read may be the one.
    return isAmong || elements.isRead ? isAmong !== step.negated : false;
  }
}

/**
 * Whether kube-proxy's masquerading works: what marks packets sets its mark, packets with the mark are masqueraded, and
 * packets without are not.
 * @param markBit kube-proxy's mark is 1 << markBit.
 */
export function masqueradePathOf(plans: ChainPlans, markBit: number): MasqueradePath {
  const mark = (1 << markBit) >>> 0;
  const postrouting = new Postrouting(plans);
  if (!setsMark(plans, postrouting, mark)) return 'mark-not-set';
  if (!postrouting.masquerades(mark)) return 'not-masqueraded';
  return postrouting.masquerades(0) ? 'masquerades-unmarked' : 'ok';
}

/**
 * Older releases have a chain that marks; newer ones mark in `services` and in the chains of services, some clusters
 * nowhere.
 */
function setsMark(plans: ChainPlans, postrouting: Postrouting, mark: number): boolean {
  const marker = plans.table.chains.get('mark-for-masquerade');
  if (marker !== undefined) return ((postrouting.markAfter(marker.name) ?? 0) & mark) !== 0;
  for (const { steps } of plans.rules('services') ?? []) {
    for (const step of steps) if (step.kind === 'set-mark' && (step.value & mark) === 0) return false;
  }
  return true;
}
