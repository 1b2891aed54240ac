/** Findings that are asked for, as a list and as they change. */
import type { FindingJson } from '../../aggregator/http/schemas/finding.ts';
import type { OutputFormat } from '../output.ts';
import type { Query } from './client.ts';
import type { Connection } from './connection.ts';
import { readFinding, readTransition } from './documents.ts';
import type { ServerEvent } from './event-stream.ts';
import { findingView, type ShownFinding } from './finding-view.ts';
import type { Followed } from './follow.ts';
import { readList, readOne } from './lists.ts';

export interface FindingFilter {
  readonly state?: readonly string[];
  readonly severity?: readonly string[];
  readonly check?: readonly string[];
  readonly node?: readonly string[];
  readonly namespace?: string;
}

const ended: readonly string[] = ['resolved', 'gone'];
/** As many are printed; of a long history the newest. */
const mostOpen = 200_000;
const mostEnded = 500;

/** The list that the filter asks for. */
export function listFindings(connection: Connection, filter: FindingFilter) {
  const most = filter.state?.some((state) => ended.includes(state)) ? mostEnded : mostOpen;
  return readList(connection, 'api/v1/findings', { query: queryOf(filter), read: readFinding, most });
}

/** The same, for `--watch`. */
export function followedFindings(
  connection: Connection,
  filter: FindingFilter,
  output: OutputFormat,
): Followed<ShownFinding> {
  /** What was told last, for those that are withdrawn: then nothing is told of them any more. */
  const last = new Map<string, FindingJson>();
  return {
    view: findingView,
    output,
    list: async () => {
      const listed = await listFindings(connection, filter);
      if (listed.ok) for (const finding of listed.value.items) last.set(finding.fingerprint, finding);
      return listed;
    },
    changed: async (event, isShown) => {
      const change = changeOf(event);
      if (change === null) return [];
      const { finding, fingerprint } = change;
      const before = last.get(fingerprint);
      if (finding === null) {
        last.delete(fingerprint);
        return before !== undefined && isShown(fingerprint) ? [{ ...before, state: 'withdrawn' as const }] : [];
      }
      if (!isShown(fingerprint) && !isAskedFor(finding, filter)) return [];
      last.set(fingerprint, finding);
      return [finding];
    },
    lookUp: async (fingerprint) => {
      const told = await readOne(connection, `api/v1/findings/${encodeURIComponent(fingerprint)}`, readFinding);
      return told.ok ? told.value.item : null;
    },
  };
}

function queryOf({ state = [], severity = [], check = [], node = [], namespace }: FindingFilter): Query {
  const each = (name: string, values: readonly string[]) => values.map((value) => [name, value] as const);
  return [
    ...each('state', state),
    ...each('severity', severity),
    ...each('check', check),
    ...each('node', node),
    ...each('namespace', namespace === undefined ? [] : [namespace]),
  ];
}

/** What a `finding` event says; null for other events, and for what cannot be read. */
function changeOf({ kind, value }: ServerEvent): { fingerprint: string; finding: FindingJson | null } | null {
  if (kind !== 'finding' || typeof value !== 'object' || value === null) return null;
  if (!('transition' in value) || !('finding' in value)) return null;
  const transition = readTransition(value.transition);
  return transition === null ? null : { fingerprint: transition.fingerprint, finding: readFinding(value.finding) };
}

/** As the aggregator chooses them for the list. */
function isAskedFor(finding: FindingJson, { state, severity, check, node, namespace }: FindingFilter): boolean {
  const { subject } = finding;
  return (
    (state === undefined ? !ended.includes(finding.state) : state.includes(finding.state)) &&
    (severity?.includes(finding.severity) ?? true) &&
    (check?.includes(finding.check) ?? true) &&
    (node === undefined || (finding.node !== null && node.includes(finding.node))) &&
    (namespace === undefined || ('namespace' in subject && subject.namespace === namespace))
  );
}
