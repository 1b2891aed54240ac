/** What belongs where the cursor stands in a command line that is being typed, by the commands' own definitions. */
import type { Argument, Command, Option } from 'commander';

export type Cursor = Typed & Wanted;

interface Typed {
  /** The beginning of the word at the cursor. */
  readonly typed: string;
  /** The options before it, by the names that commands know them by; of one given twice the last. */
  readonly given: ReadonlyMap<string, string>;
  /** The innermost command. */
  readonly command: Command;
}

type Wanted =
  | { readonly kind: 'command' | 'option' | 'nothing' }
  | { readonly kind: 'option-value'; readonly option: Option }
  | { readonly kind: 'argument'; readonly argument: Argument };

/** @param words what follows the program's name; the last, which may be empty, is at the cursor. */
export function cursorIn(program: Command, words: readonly string[]): Cursor {
  const typed = words.at(-1) ?? '';
  const given = new Map<string, string>();
  let command = program;
  let argumentsBefore = 0;
  let waiting: Option | null = null;
  let optionsAreOver = false;
  let asksHelp = false;
  for (const word of words.slice(0, -1)) {
    if (waiting !== null) {
      given.set(waiting.attributeName(), word);
      waiting = null;
    } else if (word === '--' && !optionsAreOver) {
      optionsAreOver = true;
    } else if (word.startsWith('-') && word !== '-' && !optionsAreOver) {
      const { option, value } = readOption(command, word);
      if (option !== null && value === null && takesValue(option)) waiting = option;
      else if (option !== null) given.set(option.attributeName(), value ?? '');
    } else {
      const inner: Command | null = argumentsBefore === 0 ? commandNamed(command, word) : null;
      if (inner === null) argumentsBefore += 1;
      // What follows is the command to explain.
      else if (inner.name() === 'help') asksHelp = true;
      else command = inner;
    }
  }
  if (waiting !== null) return { kind: 'option-value', option: waiting, typed, given, command };
  if (typed.startsWith('-') && !optionsAreOver) return atOption({ typed, given, command });
  const at = atArgument({ typed, given, command }, argumentsBefore);
  return asksHelp && at.kind === 'argument' ? { kind: 'nothing', typed, given, command } : at;
}

/** Those that --help shows, --help itself among them. */
export function optionsOf(command: Command): readonly Option[] {
  return command.createHelp().visibleOptions(command);
}

/** Those that --help shows. */
export function commandsOf(command: Command): readonly Command[] {
  return command.createHelp().visibleCommands(command);
}

function atOption({ typed, given, command }: Typed): Cursor {
  const { option } = readOption(command, typed);
  const equals = typed.indexOf('=');
  if (equals < 0) return { kind: 'option', typed, given, command };
  if (option === null || !takesValue(option)) return { kind: 'nothing', typed, given, command };
  return { kind: 'option-value', option, typed: typed.slice(equals + 1), given, command };
}

function atArgument(at: Typed, argumentsBefore: number): Cursor {
  if (argumentsBefore === 0 && commandsOf(at.command).length > 0) return { kind: 'command', ...at };
  const all = at.command.registeredArguments;
  const argument = all[argumentsBefore] ?? (all.at(-1)?.variadic === true ? all.at(-1) : undefined);
  return argument === undefined ? { kind: 'nothing', ...at } : { kind: 'argument', argument, ...at };
}

/** `--state`, `--state=firing`, `-n`, `-nshop`. */
function readOption(command: Command, word: string): { readonly option: Option | null; readonly value: string | null } {
  const [, name = word, value = null] = /^(--[^=]+)=(.*)$/s.exec(word) ?? [];
  const options = optionsOf(command);
  const whole = options.find(({ long, short }) => long === name || short === name);
  if (whole !== undefined || word.startsWith('--')) return { option: whole ?? null, value };
  const short = options.find((option) => option.short === word.slice(0, 2) && takesValue(option));
  return { option: short ?? null, value: short === undefined ? null : word.slice(2) };
}

function takesValue({ required, optional }: Option): boolean {
  return required || optional;
}

function commandNamed(command: Command, word: string): Command | null {
  return commandsOf(command).find((inner) => inner.name() === word || inner.aliases().includes(word)) ?? null;
}
