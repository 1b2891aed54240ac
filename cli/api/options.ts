/** Options that the commands over the API share. */
import { InvalidArgumentError, Option } from 'commander';
import { addServerOptions, type ServerOptions } from './server-option.ts';
import type { Command } from 'commander';
import type { OutputFormat } from '../output.ts';
import { outputOption } from '../output.ts';

export interface ListOptions extends ServerOptions {
  readonly output: OutputFormat;
  readonly watch?: true;
}

/** `-o`, `--watch`, and those that say which aggregator. */
export function addListOptions(command: Command): Command {
  return addServerOptions(command)
    .addOption(outputOption(['table', 'wide', 'json', 'yaml', 'name']))
    .option('-w, --watch', 'then print what changes, as it changes');
}

const takingSeveral = new WeakSet<Option>();

/** Whether an option takes several words with commas between them: its text is completed word by word. */
export function takesSeveral(option: Option): boolean {
  return takingSeveral.has(option);
}

/** An option that takes several words, with commas between them or given again. */
export function wordsOption(flags: string, description: string, allowed?: readonly string[]): Option {
  const parse = (given: string, before: readonly string[] = []): readonly string[] => {
    const words = given.split(',').map((word) => word.trim());
    const wrong = words.find((word) => word === '' || (allowed !== undefined && !allowed.includes(word)));
    if (wrong !== undefined) {
      throw new InvalidArgumentError(
        allowed === undefined ? 'Give words.' : `Allowed choices are ${allowed.join(', ')}.`,
      );
    }
    return [...before, ...words];
  };
  const option = new Option(flags, description).argParser(parse);
  // Told by --help and completed by shells; `choices` itself would take one word alone.
  if (allowed !== undefined) option.argChoices = [...allowed];
  takingSeveral.add(option);
  return option;
}

/** `-n` and `-A`. */
export function addNamespaceOptions(command: Command, description: string): Command {
  return command
    .option('-n, --namespace <namespace>', description)
    .addOption(new Option('-A, --all-namespaces', 'of every namespace (the default)').conflicts('namespace'));
}
