/** One finding as a person reads it: what is wrong, how sure that is, what to do, what happened so far. */
import type { FindingJson, TransitionJson } from '../../aggregator/http/schemas/finding.ts';
import { subjectText } from '../../aggregator/model/finding.ts';
import { ageOf } from '../age.ts';
import { evidenceLines, remedyLines } from '../audit/human-report.ts';
import { paints, type Paints } from '../paints.ts';
import { tableLines, wrap } from '../table.ts';
import type { Terminal } from '../terminal.ts';
import { visible } from '../visible.ts';

/** The finding with its life, newest step first. @param now by the aggregator's clock, Unix milliseconds. */
export interface ToldFinding {
  readonly finding: FindingJson;
  readonly history: readonly TransitionJson[];
  readonly now: number;
}

/** The whole text, ending in a newline. */
export function findingText(told: ToldFinding, { colours, columns }: Pick<Terminal, 'colours' | 'columns'>): string {
  const { finding, history, now } = visible(told);
  const paint = paints(colours);
  const title = [finding.severity, finding.check, finding.node ?? '(cluster)', subjectText(finding.subject)];
  const evidence = evidenceLines(finding, '  ', columns, paint);
  const sections = [
    [paint.severity(finding.state === 'unknown' ? 'unknown' : finding.severity, title.join('   '))],
    wrap(finding.summary, columns),
    tableLines([], factRows(finding, now)),
    evidence.length === 0 ? [] : [paint.quiet('EVIDENCE'), ...evidence],
    remedyLines([{ finding }], { detail: 'all', colours, columns }, paint),
    historyLines(history, now, paint),
    wrap(`plumbline checks ${finding.check} explains the check.`, columns).map(paint.quiet),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function factRows(finding: FindingJson, now: number): readonly (readonly string[])[] {
  const { unknownBecause, acceptedUntil, parent, groupNodes, episode } = finding;
  const row = (name: string, value: string | null) => (value === null ? [] : [[name, value]]);
  return [
    ['Fingerprint', finding.fingerprint],
    ['State', finding.state === finding.knownState ? finding.state : `${finding.state}, ${finding.knownState} before`],
    ...row('Unknown because', unknownBecause),
    ...row('Accepted until', acceptedUntil),
    ['Since', `${moment(finding.since, now)}${sinceText(finding.shows)}`],
    ...row('Fired', finding.firedAt === null ? null : moment(finding.firedAt, now)),
    ['Last seen', moment(finding.lastSeenAt, now)],
    ...row('Ended', finding.endedAt === null ? null : moment(finding.endedAt, now)),
    ...row('Follows from', parent === null ? null : `${parent}: plumbline findings ${parent}`),
    ...row('On nodes', groupNodes > 1 ? `${groupNodes}, each with a finding of its own` : null),
    ...row('Episode', episode > 1 ? `${episode}: it ended before and came again` : null),
  ];
}

function sinceText(shows: FindingJson['shows']): string {
  switch (shows) {
    case 'past-state':
      return ': until then it was wanted so';
    case 'never-wanted':
      return ': what is there was never wanted';
    case null:
      return '';
  }
}

function historyLines(history: readonly TransitionJson[], now: number, paint: Paints): readonly string[] {
  if (history.length === 0) return [];
  const rows = history.map(({ at, kind, because }) => [moment(at, now), kind, because]);
  return [paint.quiet('HISTORY'), ...tableLines([], rows).map((line) => `  ${line}`)];
}

/** `2026-11-22T11:50:00Z (10m ago)`. */
function moment(time: string, now: number): string {
  return `${time.replace(/\.\d+Z$/, 'Z')} (${ageOf(time, now)} ago)`;
}
