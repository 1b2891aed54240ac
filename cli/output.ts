/** `-o`: the forms a command can print in. */
import { Option } from 'commander';
import { Document, isScalar, visit } from 'yaml';
import { isHostile, visibleQuoted } from './visible.ts';

export type OutputFormat = 'table' | 'wide' | 'json' | 'yaml' | 'name';

/** The option `-o` for a command that knows these formats, the first being the default. */
export function outputOption(formats: readonly string[]): Option {
  const [first = ''] = formats;
  return new Option('-o, --output <format>', 'how to print').choices(formats).default(first);
}

/**
 * A value as a document for programs; ends in a newline. It is the very value, and can still be shown by a terminal:
 * what would act on one stands there as an escape of the format.
 */
export function structuredText(value: unknown, format: 'json' | 'yaml'): string {
  if (format === 'json') return `${visibleQuoted(JSON.stringify(value, null, 2))}\n`;
  const document = new Document(value);
  visit(document, {
    Scalar: (_key, node) => {
      if (isScalar(node) && typeof node.value === 'string' && isHostile(node.value)) node.type = 'QUOTE_DOUBLE';
    },
  });
  return visibleQuoted(document.toString({ lineWidth: 0 }));
}
