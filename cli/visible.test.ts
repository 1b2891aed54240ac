import { describe, expect, it } from 'vitest';
import { audit, finding, node } from '../test/report-builders.ts';
import { humanReport } from './audit/human-report.ts';
import { refusalText } from './refusal.ts';
import { visible } from './visible.ts';

/** Clears the screen, turns the text, begins a line. */
const attack = '\u001b[2J\u202e\nnode-a   healthy';
const harmless = '\\u{1b}[2J\\u{202e}\\u{a}node-a   healthy';

describe('text of others', () => {
  it('is written out at any depth, and everything else stays', () => {
    expect(visible({ name: attack, list: [attack, 1, null], map: new Map([[attack, true]]) })).toEqual({
      name: harmless,
      list: [harmless, 1, null],
      map: new Map([[harmless, true]]),
    });
  });

  it('keeps its letters and signs, of whatever script', () => {
    const text = 'KUBE-SVC-1 "shop/web" größer 服务 😀';
    expect(visible(text)).toBe(text);
  });

  it('keeps the lines of commands', () => {
    expect(visible({ command: 'one\ntwo\u001b' })).toEqual({ command: 'one\ntwo\\u{1b}' });
  });
});

describe('what a person reads', () => {
  it('of an audit cannot act on the terminal', () => {
    const hostile = finding('stale-endpoint', {
      summary: attack,
      node: attack,
      subject: { kind: 'Rule', name: attack },
      evidence: [
        { kind: 'rule', table: 'nat', rule: attack, note: attack },
        { kind: 'fact', name: attack, value: attack },
      ],
      remediation: [{ command: attack, effect: attack }],
    });
    const text = humanReport(audit([node(attack, { state: 'unhealthy' })], [hostile], { [attack]: attack }), {
      detail: 'all',
      colours: false,
      columns: 100,
    });
    expect(text).not.toMatch(/[^\P{Cc}\n]|\p{Cf}/u);
    expect(text).toContain(harmless);
  });

  it('of a refusal cannot either', () => {
    expect(refusalText({ attempted: 'audit x', cameBack: 'said \u001b[2J', advice: 'One.\nTwo.' })).toBe(
      'plumbline: cannot audit x: said \\u{1b}[2J\nOne.\nTwo.\n',
    );
  });
});
