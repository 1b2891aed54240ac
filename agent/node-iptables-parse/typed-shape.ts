/**
 * Types the rules of a shape. The shape is cut into parts once:
 *
 *     ! -s *   -p tcp   -m comment --comment *   -m tcp --dport *   -j DNAT --to-destination *
 *
 * and each part without an operand is typed once; for a rule only the parts with operands are typed anew.
 */

import { buildMatch } from './match.ts';
import type { Match, Target } from './rule.ts';
import type { Slot } from './ruleset.ts';
import { buildTarget } from './target.ts';
import { type Token, tokenize } from './tokens.ts';

export interface TypedRule {
  readonly matches: readonly Match[];
  readonly target: Target;
  readonly unreadable: string | null;
}

/** @param operands the operands as printed, one per slot */
export type TypedShape = (operands: readonly string[]) => TypedRule;

/** A match or target, and what is wrong with it. */
export interface Built<Part> {
  readonly part: Part;
  readonly unreadable: string | null;
}

/** One part of a rule: `-m NAME options`, `-s PREFIX`, `-j TARGET options`. */
export interface Segment {
  /** `-m`, `-s`, `-j` ...; '' for options that stand outside any part. */
  readonly letter: string;
  /** Negated by a `!` before the letter. */
  readonly negated: boolean;
  readonly words: readonly Token[];
  /** The target is a chain of this table. */
  readonly declared: boolean;
}

const LETTERS = new Set(['-s', '-d', '-i', '-o', '-p', '-f', '-m', '-j', '-g']);

type Typer<Part> = (operands: readonly string[]) => Built<Part>;

/** @param pieces the fixed text around the operands */
export function typeShape(pieces: readonly string[], slots: readonly Slot[]): TypedShape {
  const segments = cut(tokenize(pieces), slots);
  const targets = segments.filter(isTarget);
  const matchers = segments.filter((segment) => !isTarget(segment)).map((segment) => typer(segment, buildMatch));
  const [first, second] = targets;
  const target = first === undefined ? null : typer(first, buildTarget);
  return (operands) => {
    const matches = matchers.map((match) => match(operands));
    const built = target?.(operands) ?? { part: { kind: 'none' } as const, unreadable: null };
    const failed = [...matches, built].find((each) => each.unreadable !== null)?.unreadable ?? null;
    return {
      matches: matches.map((match) => match.part),
      target: built.part,
      unreadable: second === undefined ? failed : 'two targets',
    };
  };
}

function isTarget({ letter }: Segment): boolean {
  return letter === '-j' || letter === '-g';
}

function cut(tokens: readonly Token[], slots: readonly Slot[]): readonly Segment[] {
  const segments: { letter: string; negated: boolean; words: Token[]; declared: boolean }[] = [];
  for (const [i, token] of tokens.entries()) {
    const next = tokens[i + 1];
    const last = segments.at(-1);
    const inTarget = last !== undefined && isTarget(last);
    if (startsPart(token) && !inTarget) {
      const before = tokens[i - 1];
      const negated = before?.slot === -1 && before.text === '!';
      const declared = next !== undefined && next.slot >= 0 && slots[next.slot] === 'jump';
      segments.push({ letter: token.text, negated, words: [], declared });
    } else if (token.text === '!' && token.slot < 0 && !inTarget && next !== undefined && startsPart(next)) {
      // Belongs to the part that follows.
    } else if (last === undefined) {
      segments.push({ letter: '', negated: false, words: [token], declared: false });
    } else {
      last.words.push(token);
    }
  }
  return segments;
}

function startsPart(token: Token): boolean {
  return token.slot < 0 && LETTERS.has(token.text);
}

function typer<Part>(segment: Segment, build: (segment: Segment) => Built<Part>): Typer<Part> {
  if (segment.words.every((word) => word.slot < 0)) {
    const built = check(segment, build(segment));
    return () => built;
  }
  return (operands) => {
    const words = segment.words.map((word) => (word.slot < 0 ? word : { ...word, text: operands[word.slot] ?? '' }));
    const filled = { ...segment, words };
    return check(filled, build(filled));
  };
}

/** iptables prints `[unsupported revision]` for what a newer iptables made. */
function check<Part>(segment: Segment, built: Built<Part>): Built<Part> {
  const at = segment.words.findIndex((word) => word.slot < 0 && word.text === '[unsupported');
  return at < 0 ? built : { part: built.part, unreadable: '[unsupported revision]' };
}
