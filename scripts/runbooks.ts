/** Writes the generated pages of docs/runbooks out of the checks: `node scripts/runbooks.ts`. */
import { globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checks } from '../aggregator/checks/index.ts';
import { renderRunbook, renderRunbookList } from '../aggregator/checks/shared/runbook.ts';

const folder = join(import.meta.dirname, '../docs/runbooks');
const pages = globSync('*.md', { cwd: folder }).sort();
const written = pages.filter((page) => page.startsWith('plumbline-'));

// A check that went takes its page along.
for (const page of pages) if (!written.includes(page)) rmSync(join(folder, page));

const ids = checks.map(({ id }) => id);
for (const check of checks) writeFileSync(join(folder, `${check.id}.md`), renderRunbook(check, ids));
const titles = written.map((page) => [page, titleOf(readFileSync(join(folder, page), 'utf8'))] as const);
writeFileSync(join(folder, 'README.md'), renderRunbookList(checks, new Map(titles)));

/** The first sentence below the heading, without its full stop. */
function titleOf(page: string): string {
  return /^# .*\n\n\*\*(.*)\.\*\*/.exec(page)?.[1] ?? '';
}
