/** The tables of the benches, printed and written into README.md between their markers. */
import { readFileSync, writeFileSync } from 'node:fs';

export interface Measure {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** At most this; null = told, not promised. */
  readonly limit: number | null;
}

/** The middle value; of an even number, the higher of the two in the middle. */
export function median(values: readonly number[]): number {
  const middle = [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
  if (middle === undefined) throw new Error('no run was measured');
  return middle;
}

/** A Markdown table of all measures, with the machine they were taken on. */
export function reportTable(measures: readonly Measure[], machine: string): string {
  const rows = measures.map(({ what, value, unit, limit }) => {
    const promised = limit === null ? '' : `at most ${limit}`;
    const verdict = limit === null ? '' : value <= limit ? 'kept' : 'BROKEN';
    return `| ${what} | ${`${rounded(value)} ${unit}`.trim()} | ${promised} | ${verdict} |`;
  });
  return `${machine}\n\n| what | measured | promised | |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`;
}

/** Puts the report between the markers of that name. @throws when the file has none. */
export function writeReport(path: string, name: string, report: string): void {
  const text = readFileSync(path, 'utf8');
  const begin = `<!-- ${name}: begin -->\n`;
  const end = `<!-- ${name}: end -->`;
  const from = text.indexOf(begin) + begin.length;
  const to = text.indexOf(end);
  if (from < begin.length || to < from)
    throw new Error(`${path} has no place for the report between ${begin}and ${end}`);
  writeFileSync(path, `${text.slice(0, from)}\n${report}\n${text.slice(to)}`);
}

function rounded(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return value >= 10 ? value.toFixed(0) : value >= 1 ? value.toFixed(2) : value.toFixed(3);
}
