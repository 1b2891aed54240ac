/** A Dockerfile's instructions, as far as the tests of ours ask: no variables, one line per array. */

export interface Stage {
  readonly base: string;
  /** Empty when it has no name. */
  readonly name: string;
  readonly instructions: readonly Instruction[];
}

export interface Instruction {
  readonly word: string;
  readonly rest: string;
}

export interface Copy {
  /** The stage that it takes from; null = the folder that the image is built from. */
  readonly from: string | null;
  /** `--chown=0:0`. */
  readonly flags: readonly string[];
  readonly sources: readonly string[];
  readonly to: string;
}

/** The stages of a Dockerfile, in order. */
export function stagesOf(text: string): readonly Stage[] {
  const stages: { base: string; name: string; instructions: Instruction[] }[] = [];
  const lines = text
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll('\\\n', ' ')
    .split('\n');
  for (const line of lines.filter((each) => each.trim() !== '')) {
    const [word = '', ...rest] = line.trim().split(/\s+/);
    if (word === 'FROM') stages.push({ base: rest[0] ?? '', name: rest[2] ?? '', instructions: [] });
    else stages.at(-1)?.instructions.push({ word, rest: rest.join(' ') });
  }
  return stages;
}

/** What a stage copies. */
export function copiesOf(stage: Stage): readonly Copy[] {
  return stage.instructions
    .filter(({ word }) => word === 'COPY')
    .map(({ rest }) => {
      const words = rest.split(' ');
      const flags = words.filter((word) => word.startsWith('--') && !word.startsWith('--from='));
      const from = words.find((word) => word.startsWith('--from='))?.slice('--from='.length) ?? null;
      const paths = words.filter((word) => !word.startsWith('--'));
      return { from, flags, sources: paths.slice(0, -1), to: paths.at(-1) ?? '' };
    });
}

/** What the last instruction of this kind says; empty when there is none. */
export function lastOf(stage: Stage, word: string): string {
  return stage.instructions.findLast((each) => each.word === word)?.rest ?? '';
}
