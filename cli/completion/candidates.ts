/** What may stand at the cursor: commands, options, choices, names out of the cluster, or files. */
import type { Command, Option } from 'commander';
import { checks } from '../../aggregator/checks/index.ts';
import { takesSeveral } from '../api/options.ts';
import { type Cursor, commandsOf, optionsOf } from './cursor.ts';

export interface Candidate {
  readonly word: string;
  /** A few words for shells that show them; may be empty. */
  readonly description: string;
}

/** What a running aggregator is asked for. */
export type LiveKind = 'nodes' | 'findings' | 'services' | 'namespaces';

/** Asks for names; none where they cannot be had soon. */
export type AskNames = (kind: LiveKind, given: ReadonlyMap<string, string>) => Promise<readonly Candidate[]>;

export interface Completion {
  readonly candidates: readonly Candidate[];
  /** The shell's own completion of files. */
  readonly files: boolean;
}

type Source = LiveKind | 'checks' | 'files' | 'none';

/** By command, and the option or argument of it. */
const sources: ReadonlyMap<string, Source> = new Map<string, Source>([
  ['findings <fingerprint>', 'findings'],
  ['findings --node', 'nodes'],
  ['findings --check', 'checks'],
  ['findings --namespace', 'namespaces'],
  ['nodes <name>', 'nodes'],
  ['services <name>', 'services'],
  ['services --namespace', 'namespaces'],
  ['checks <id>', 'checks'],
  ['audit <bundle>', 'files'],
]);

export async function candidatesAt(cursor: Cursor, askNames: AskNames): Promise<Completion> {
  const { command, typed } = cursor;
  switch (cursor.kind) {
    case 'command':
      return fitting(typed, commandsOf(command).map(commandCandidate));
    case 'option':
      return fitting(typed, optionCandidates(cursor));
    case 'option-value':
      return atValue(cursor, cursor.option, askNames);
    case 'argument':
      if (cursor.argument.argChoices !== undefined) return fitting(typed, cursor.argument.argChoices.map(plain));
      return ofSource(sourceOf(command, `<${cursor.argument.name()}>`, 'argument'), cursor, askNames);
    case 'nothing':
      return { candidates: [], files: false };
  }
}

/** The last of several words with commas between them is completed, and none is offered twice. */
async function atValue(cursor: Cursor, option: Option, askNames: AskNames): Promise<Completion> {
  const before = takesSeveral(option) ? cursor.typed.slice(0, cursor.typed.lastIndexOf(',') + 1) : '';
  const there = new Set(before.split(','));
  const at = { ...cursor, typed: cursor.typed.slice(before.length) };
  const source = sourceOf(cursor.command, option.long ?? '', option.flags);
  const { candidates, files } =
    option.argChoices === undefined
      ? await ofSource(source, at, askNames)
      : fitting(at.typed, option.argChoices.map(plain));
  const rest = candidates.filter(({ word }) => !there.has(word));
  return { candidates: rest.map((candidate) => ({ ...candidate, word: before + candidate.word })), files };
}

function sourceOf(command: Command, name: string, flags: string): Source {
  const known = sources.get(`${command.name()} ${name}`);
  if (known !== undefined) return known;
  return /<(?:file|dir|place)>/.test(`${name} ${flags}`) ? 'files' : 'none';
}

async function ofSource(source: Source, { typed, given }: Cursor, askNames: AskNames): Promise<Completion> {
  switch (source) {
    case 'none':
      return { candidates: [], files: false };
    case 'files':
      return { candidates: [], files: true };
    case 'checks':
      return fitting(
        typed,
        checks.map(({ id, title }) => ({ word: id, description: title })),
      );
    case 'nodes':
    case 'findings':
    case 'services':
    case 'namespaces':
      return fitting(typed, await askNames(source, given));
  }
}

function fitting(typed: string, candidates: readonly Candidate[]): Completion {
  return { candidates: candidates.filter(({ word }) => word.startsWith(typed)), files: false };
}

function commandCandidate(command: Command): Candidate {
  return { word: command.name(), description: command.description() };
}

/** Those that were given already are left out, unless they may be given again. */
function optionCandidates({ command, given }: Cursor): readonly Candidate[] {
  return optionsOf(command)
    .filter((option) => takesSeveral(option) || !given.has(option.attributeName()))
    .flatMap(({ long, description }) => (long === undefined || long === null ? [] : [{ word: long, description }]));
}

function plain(word: string): Candidate {
  return { word, description: '' };
}
