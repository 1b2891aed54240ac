/** How the demo speaks: numbered steps, paragraphs, commands as they are typed. Blank lines are its own business. */
import { paints } from '../paints.ts';
import { wrap } from '../table.ts';
import type { Terminal } from '../terminal.ts';

export interface Narrator {
  /** A numbered step's headline. */
  step(title: string): Promise<void>;
  /** A paragraph. */
  say(text: string): Promise<void>;
  /** A command the demo runs now, as one would type it. */
  command(line: string): Promise<void>;
  /** A report, set in. */
  show(output: string): Promise<void>;
}

/** A narrator on this terminal; its steps count from 1. */
export function narrator(terminal: Terminal): Narrator {
  const paint = paints(terminal.colours);
  let steps = 0;
  let before: 'nothing' | 'step' | 'text' | 'inset' = 'nothing';
  const block = (kind: 'step' | 'text' | 'inset', lines: readonly string[]) => {
    const apart = before !== 'nothing' && !(before === 'step' && kind === 'text');
    before = kind;
    return terminal.print(`${[...(apart ? [''] : []), ...lines].join('\n')}\n`);
  };
  return {
    step: (title) => block('step', [paint.strong(`${++steps}. ${title}`)]),
    say: (text) => block('text', wrap(text, terminal.columns)),
    command: (line) => block('inset', [`  ${paint.quiet('$')} ${paint.command(line)}`]),
    show: (output) =>
      block(
        'inset',
        output
          .trimEnd()
          .split('\n')
          .map((line) => `  ${line}`.trimEnd()),
      ),
  };
}
