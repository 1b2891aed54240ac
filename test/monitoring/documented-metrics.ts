/** What docs/metrics.md says of metrics and labels. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './rule-file.ts';

const page = readFileSync(join(root, 'docs/metrics.md'), 'utf8');

/** The labels of every metric, sorted. */
export function documentedMetrics(): ReadonlyMap<string, readonly string[]> {
  const rows = page.matchAll(/^\| `(?<name>plumbline_[a-z0-9_]+)` \| (?<labels>[a-z_, ]*)\|/gm);
  return new Map([...rows].map(({ groups: { name = '', labels = '' } = {} }) => [name, words(labels).sort()]));
}

/** The labels that the page explains. */
export function explainedLabels(): readonly string[] {
  const from = page.indexOf('\n## Labels');
  const section = page.slice(from, page.indexOf('\n## ', from + 1));
  return [...section.matchAll(/^\| (?<names>[a-z_, ]+) \| (?!---|Is )/gm)].flatMap(({ groups }) =>
    words(groups?.['names'] ?? ''),
  );
}

function words(list: string): string[] {
  return list
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}
