/** `-o`: the forms a command can print in. */
import { Option } from 'commander';
import { stringify } from 'yaml';

export type OutputFormat = 'table' | 'wide' | 'json' | 'yaml' | 'name';

/** The option `-o` for a command that knows these formats, the first being the default. */
export function outputOption(formats: readonly string[]): Option {
  const [first = ''] = formats;
  return new Option('-o, --output <format>', 'how to print').choices(formats).default(first);
}

/** A value as a document for programs; ends in a newline. */
export function structuredText(value: unknown, format: 'json' | 'yaml'): string {
  return format === 'json' ? `${JSON.stringify(value, null, 2)}\n` : stringify(value, { lineWidth: 0 });
}
