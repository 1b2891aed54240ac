/** How the demo speaks: numbered steps, paragraphs, commands as they are typed. Blank lines are its own business. */
import { paints } from '../paints.ts';
import { wrap } from '../table.ts';
import type { Terminal } from '../terminal.ts';

type Kind = 'step' | 'text' | 'inset' | 'happening';

export interface Narrator {
  /** A numbered step's headline. */
  step(title: string): Promise<void>;
  /** A paragraph. */
  say(text: string): Promise<void>;
  /** Commands to type, one a line. */
  commands(lines: readonly string[]): Promise<void>;
  /** A report, set in. */
  show(output: string): Promise<void>;
  /** What happened, in a line that may be long; lines that follow one another stand together. */
  happened(when: string, lines: readonly string[]): Promise<void>;
}

/** As wide as `+123.4 s`, or a time of day. */
const whenWidth = 10;

/** A narrator on this terminal; its steps count from 1. @param signal silences it. */
export function narrator(terminal: Terminal, signal: AbortSignal): Narrator {
  const paint = paints(terminal.colours);
  let steps = 0;
  let before: Kind | null = null;
  const block = async (kind: Kind, lines: readonly string[]) => {
    if (signal.aborted) return;
    const isTogether =
      before === null || (before === 'step' && kind === 'text') || (before === kind && kind === 'happening');
    before = kind;
    await terminal.print(`${[...(isTogether ? [] : ['']), ...lines].join('\n')}\n`);
  };
  return {
    step: (title) => block('step', [paint.strong(`${++steps}. ${title}`)]),
    say: (text) => block('text', wrap(text, terminal.columns)),
    commands: (lines) =>
      block(
        'inset',
        lines.map((line) => `  ${paint.command(line)}`),
      ),
    show: (output) => block('inset', inset(output.trimEnd().split('\n'))),
    happened: (when, lines) =>
      block(
        'happening',
        lines.map((line, row) => `  ${paint.quiet((row === 0 ? when : '').padEnd(whenWidth))}${line}`),
      ),
  };
}

function inset(lines: readonly string[]): readonly string[] {
  return lines.map((line) => `  ${line}`.trimEnd());
}
