import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checks } from '../../aggregator/checks/index.ts';
import { renderRunbook, renderRunbookList } from '../../aggregator/checks/shared/runbook.ts';
import { alerts, root } from './rule-file.ts';

const folder = join(root, 'docs/runbooks');
const pages = new Map(
  globSync('*.md', { cwd: folder })
    .sort()
    .map((page) => [page, readFileSync(join(folder, page), 'utf8')] as const),
);
const own = [...pages].filter(([page]) => page.startsWith('plumbline-'));

describe('the runbooks', () => {
  it('of checks are what scripts/runbooks.ts makes of the checks, and there is one for each', () => {
    const ids = checks.map(({ id }) => id);
    const made = checks.map((check) => [`${check.id}.md`, renderRunbook(check, ids)] as const);
    const ofChecks = new Map([...pages].filter(([page]) => page !== 'README.md' && !page.startsWith('plumbline-')));
    expect(ofChecks).toEqual(new Map(made.sort()));
  });

  it("of Plumbline's own alerts are those that alerts lead to, each with a heading of their names", () => {
    const led = Map.groupBy(alerts(), ({ annotations }) => annotations?.['runbook_url'] ?? '');
    const wanted = [...led]
      .filter(([url]) => !url.includes('{{'))
      .map(([url, names]) => [url.replace('docs/runbooks/', ''), names.map(({ alert }) => alert).sort()] as const);
    const headed = own.map(([page, text]) => [
      page,
      [...(text.split('\n')[0] ?? '').matchAll(/Plumbline\w+/g)].flat().sort(),
    ]);
    expect(headed).toEqual(wanted.sort());
  });

  it.each(own)('%s says where to look, what mends it, and when it is a false alarm', (_, text) => {
    const headings = [...text.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading);
    expect(headings).toEqual(expect.arrayContaining(['Look', 'When it is a false alarm']));
    expect(text).toMatch(/^# .+\n\n\*\*.+\.\*\*/);
    expect(text).toMatch(/^## What mends it$|\| Do \|/m);
  });

  it('are listed', () => {
    const titles = own.map(([page, text]) => [page, /\*\*(.*)\.\*\*/.exec(text)?.[1] ?? ''] as const);
    expect(pages.get('README.md')).toBe(renderRunbookList(checks, new Map(titles)));
  });
});
