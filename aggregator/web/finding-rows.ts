/** Findings as the lists show them, their order, and the filters of the URL. */
import type { FindingJson } from '../http/schemas/finding.ts';
import { subjectText } from '../model/finding.ts';

/** Of a finding what a list shows: ten thousand of them fit into a phone. */
export interface FindingRow {
  readonly fingerprint: string;
  readonly check: string;
  readonly layer: FindingJson['layer'];
  readonly severity: FindingJson['severity'];
  readonly state: FindingJson['state'];
  readonly node: string | null;
  readonly subject: string;
  /** `shop/web` of a Service's; null of others'. */
  readonly service: string | null;
  readonly summary: string;
  readonly since: string;
  readonly parent: string | null;
  readonly groupNodes: number;
  /** The command that mends it. */
  readonly remedy: string | null;
}

export function findingRow(finding: FindingJson): FindingRow {
  const { fingerprint, check, layer, severity, state, node, subject, summary, since, parent, groupNodes } = finding;
  const service = subject.kind === 'Service' ? `${subject.namespace}/${subject.name}` : null;
  return {
    fingerprint,
    check,
    layer,
    severity,
    state,
    node,
    subject: subjectText(subject),
    service,
    summary,
    since,
    parent,
    groupNodes,
    remedy: remedyOf(finding)?.command ?? null,
  };
}

/** Of its remedies the one that mends it: what to look at and what to keep stands before it. */
export function remedyOf({ remediation }: Pick<FindingJson, 'remediation'>): FindingJson['remediation'][number] | null {
  return remediation.at(-1) ?? null;
}

/** States of findings that are over. They are shown where they are asked for. */
export const endedStates = ['resolved', 'gone'] as const;

function isEnded(state: FindingJson['state']): boolean {
  return state === 'resolved' || state === 'gone';
}

const severityOrder = ['critical', 'high', 'medium', 'low'];
const stateOrder = ['firing', 'unknown', 'pending', 'suppressed', 'resolved', 'gone'];

/** What hurts most first: firing before what may settle, by severity, the longest known first. */
export function urgency(one: FindingRow, other: FindingRow): number {
  return (
    stateOrder.indexOf(one.state) - stateOrder.indexOf(other.state) ||
    severityOrder.indexOf(one.severity) - severityOrder.indexOf(other.severity) ||
    compare(one.since, other.since) ||
    compare(one.fingerprint, other.fingerprint)
  );
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

export const groupings = ['cause', 'node', 'service', 'check'] as const;
export type Grouping = (typeof groupings)[number];

/** Filters that are chips; each may have several values, of which any matches. */
export const chipNames = ['state', 'severity', 'layer', 'check', 'node', 'service'] as const;
export type ChipName = (typeof chipNames)[number];

export interface Filters {
  readonly chips: ReadonlyMap<ChipName, readonly string[]>;
  /** Letters that summary, subject, node or check must have; case does not matter. */
  readonly text: string;
  readonly grouping: Grouping;
}

/** The filters of a URL's query; what is none of them is passed over. */
export function filtersOf(query: URLSearchParams): Filters {
  const chips = new Map(
    chipNames.flatMap((name) => {
      const values = query.getAll(name).filter((value) => value !== '');
      return values.length === 0 ? [] : [[name, values] as const];
    }),
  );
  const asked = query.get('group');
  return { chips, text: query.get('q') ?? '', grouping: groupings.find((each) => each === asked) ?? 'cause' };
}

/** The query of filters; what is as usual is left out. */
export function queryOf({ chips, text, grouping }: Filters): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, values] of chips) for (const value of values) query.append(name, value);
  if (text !== '') query.set('q', text);
  if (grouping !== 'cause') query.set('group', grouping);
  return query;
}

/** The filters with a value more, or without it where it was there. */
export function toggled(filters: Filters, name: ChipName, value: string): Filters {
  const before = filters.chips.get(name) ?? [];
  const after = before.includes(value) ? before.filter((each) => each !== value) : [...before, value];
  const chips = new Map(filters.chips);
  if (after.length === 0) chips.delete(name);
  else chips.set(name, after);
  return { ...filters, chips };
}

export function matches(row: FindingRow, { chips, text }: Filters): boolean {
  if (isEnded(row.state) && !chips.has('state')) return false;
  for (const [name, values] of chips) if (!values.includes(row[name] ?? '')) return false;
  if (text === '') return true;
  const wanted = text.toLowerCase();
  return [row.summary, row.subject, row.node ?? '', row.check, row.fingerprint].some((each) =>
    each.toLowerCase().includes(wanted),
  );
}

/** How many rows the list would have without filters; what has ended counts where it is asked for. */
export function countOf(rows: ReadonlyMap<string, FindingRow>, { chips }: Filters): number {
  if (chips.has('state')) return rows.size;
  return [...rows.values()].filter(({ state }) => !isEnded(state)).length;
}

/** A line of the list: a headline over rows, a finding, or a finding below a cause. */
export type Line =
  | {
      readonly kind: 'headline';
      readonly key: string;
      readonly title: string;
      readonly count: number;
      /** The most urgent finding below it. */
      readonly worst: FindingRow;
    }
  | {
      readonly kind: 'finding';
      readonly key: string;
      readonly row: FindingRow;
      readonly below: number;
      readonly isBelow: boolean;
    };

/**
 * The lines of a list: causes with what follows from them folded away, or headlines with their findings folded away.
 * @param unfolded keys of the lines below which all is shown.
 */
export function linesOf(
  rows: ReadonlyMap<string, FindingRow>,
  filters: Filters,
  unfolded: ReadonlySet<string>,
): readonly Line[] {
  const kept = [...rows.values()].filter((row) => matches(row, filters)).sort(urgency);
  return filters.grouping === 'cause' ? byCause(kept, unfolded) : byHeadline(kept, filters.grouping, unfolded);
}

/** Rows that have left the list, for a table that still shows them. */
export function endedLines(rows: ReadonlyMap<string, FindingRow>): readonly Line[] {
  return [...rows.values()].filter(({ state }) => isEnded(state)).map((row) => line(row, 0, false));
}

function byCause(kept: readonly FindingRow[], unfolded: ReadonlySet<string>): readonly Line[] {
  const there = new Set(kept.map(({ fingerprint }) => fingerprint));
  const hasCause = ({ parent }: FindingRow) => parent !== null && there.has(parent);
  const below = Map.groupBy(kept.filter(hasCause), ({ parent }) => parent ?? '');
  return kept
    .filter((row) => !hasCause(row))
    .flatMap((row) => {
      const effects = below.get(row.fingerprint) ?? [];
      const shown = unfolded.has(row.fingerprint) ? effects : [];
      return [line(row, effects.length, false), ...shown.map((effect) => line(effect, 0, true))];
    });
}

function byHeadline(
  kept: readonly FindingRow[],
  grouping: Exclude<Grouping, 'cause'>,
  unfolded: ReadonlySet<string>,
): readonly Line[] {
  const titleOf = (row: FindingRow) => row[grouping] ?? (grouping === 'node' ? 'the whole cluster' : 'no Service');
  return [...Map.groupBy(kept, titleOf)].flatMap(([title, group]): readonly Line[] => {
    const [worst] = group;
    if (worst === undefined) return [];
    const key = `of ${title}`;
    const shown = unfolded.has(key) ? group : [];
    return [{ kind: 'headline', key, title, count: group.length, worst }, ...shown.map((row) => line(row, 0, true))];
  });
}

function line(row: FindingRow, below: number, isBelow: boolean): Line {
  return { kind: 'finding', key: row.fingerprint, row, below, isBelow };
}
