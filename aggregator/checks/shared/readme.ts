/** Writes the list of checks for readers, out of the checks themselves. */
import type { Check } from '../../model/check.ts';

/** The text of aggregator/checks/README.md: a table, then one section per check, by id. */
export function renderReadme(checks: readonly Check[]): string {
  const byId = [...checks].sort((a, b) => (a.id < b.id ? -1 : 1));
  return [
    '# Checks',
    '',
    'Generated from the files beside it by `node scripts/checks-readme.ts`; change those, not this.',
    '',
    'The id of a check is the name of its file and does not change. Its severity may differ in a single finding for a',
    'reason that the finding states. Where one damage shows in several findings, the lowest cause is the finding and the',
    'others are its children.',
    '',
    '| Check | Layer | Severity | Scope | What holds when it fires |',
    '| --- | --- | --- | --- | --- |',
    ...byId.map(({ id, layer, severity, scope, title }) => {
      return `| [${id}](#${id}) | ${layer} | ${severity} | ${scope} | ${title.replaceAll('|', '\\|')} |`;
    }),
    ...byId.flatMap(section),
    '',
  ].join('\n');
}

function section(check: Check): readonly string[] {
  return [
    '',
    `## ${check.id}`,
    '',
    `**${check.title}.** ${check.layer}, ${check.severity}, per ${check.scope}. Needs: ${check.needs.join(', ')}. In a running aggregator it fires after ${check.holdForSeconds} s and clears after ${check.clearForSeconds} s; an audit of a recording does not wait.`,
    '',
    check.explanation,
    '',
    `**What would look like this and is none.** ${check.falsePositives}`,
    '',
    `**What mends it.** ${check.remediation}`,
  ];
}
