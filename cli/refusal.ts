/** Expected failures of commands, and their words. */
import { visibleText } from './visible.ts';

/** Why a command could not do its work: an expected failure, so a value. It ends in exit code 2. */
export interface Refusal {
  /** What was attempted and on what: `audit ./bundle`. */
  readonly attempted: string;
  /** What came back: `no such file or folder`. */
  readonly cameBack: string;
  /** What the user can do about it; whole sentences. */
  readonly advice: string;
}

export type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly refusal: Refusal };

/** The outcome of work that was done. */
export function done<T>(value: T): Outcome<T> {
  return { ok: true, value };
}

/** The outcome of work that could not be done, see Refusal. */
export function refused(attempted: string, cameBack: string, advice: string): Outcome<never> {
  return { ok: false, refusal: { attempted, cameBack, advice } };
}

/** The text for stderr: one line that says what happened, one that says what to do. */
export function refusalText({ attempted, cameBack, advice }: Refusal): string {
  const text = `plumbline: cannot ${attempted}: ${cameBack}\n${advice}`;
  // What came back may be a program's or a file's own words.
  return `${text.split('\n').map(visibleText).join('\n')}\n`;
}

/**
 * What a system call's error says, without its code and call: `no such file or directory`.
 * @param cause what was thrown by node:fs or node:child_process.
 */
export function systemReason(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const match = /^[A-Z0-9]+: (.*?)(?:, [a-z]+(?: .*)?)?$/.exec(cause.message);
  return match?.[1] ?? cause.message;
}
