import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { refusalText, refused, systemReason } from './refusal.ts';

describe('a refusal', () => {
  it('says what was attempted, what came back, and on a line of its own what to do', () => {
    const outcome = refused('audit ./x', 'no such file or directory', 'Give a folder.');
    expect(outcome.ok ? null : refusalText(outcome.refusal)).toBe(
      'plumbline: cannot audit ./x: no such file or directory\nGive a folder.\n',
    );
  });
});

describe("a system call's error", () => {
  it('is told without its code and call', () => {
    let reason: string | null = null;
    try {
      readFileSync('/nowhere/at all');
    } catch (cause) {
      reason = systemReason(cause);
    }
    expect(reason).toBe('no such file or directory');
  });

  it('is told as it is when it has another form', () => {
    expect(systemReason(new Error('incorrect header check'))).toBe('incorrect header check');
  });
});
