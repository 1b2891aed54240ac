/** Options that the commands over the API share. */
import { InvalidArgumentError, Option } from 'commander';
import { serverOption } from './server-option.ts';
import type { Command } from 'commander';
import type { OutputFormat } from '../output.ts';
import { outputOption } from '../output.ts';

export interface ListOptions {
  readonly server?: string;
  readonly output: OutputFormat;
  readonly watch?: true;
}

/** `--server`, `-o` and `--watch`. */
export function addListOptions(command: Command): Command {
  return command
    .addOption(serverOption())
    .addOption(outputOption(['table', 'wide', 'json', 'yaml', 'name']))
    .option('-w, --watch', 'then print what changes, as it changes');
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
  const choices = allowed === undefined ? '' : ` (choices: ${allowed.join(', ')})`;
  return new Option(flags, `${description}${choices}`).argParser(parse);
}

/** `-n` and `-A`. */
export function addNamespaceOptions(command: Command, description: string): Command {
  return command
    .option('-n, --namespace <namespace>', description)
    .addOption(new Option('-A, --all-namespaces', 'of every namespace (the default)').conflicts('namespace'));
}
