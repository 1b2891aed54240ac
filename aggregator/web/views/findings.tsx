/** What is wrong, sorted by what hurts. */
import { useSignal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import type { FindingJson } from '../../http/schemas/finding.ts';
import type { OverviewJson } from '../../http/schemas/overview.ts';
import {
  countOf,
  endedLines,
  endedStates,
  type Filters,
  type FindingRow,
  filtersOf,
  findingRow,
  type Grouping,
  groupings,
  type Line,
  linesOf,
  queryOf,
} from '../finding-rows.ts';
import { findingsSentence } from '../headlines.ts';
import { Chips } from '../parts/chips.tsx';
import { FilterChoice } from '../parts/filter-choice.tsx';
import { findingColumns } from '../parts/finding-columns.tsx';
import { Empty, Failure, Loading } from '../parts/notice.tsx';
import { Table } from '../parts/table.tsx';
import { query, setQuery } from '../route.ts';
import type { Loaded } from '../state/all-pages.ts';
import { useDocument } from '../state/use-document.ts';
import { usePages } from '../state/use-pages.ts';

const openStates = ['pending', 'firing', 'unknown', 'suppressed'];

export function Findings() {
  const filters = filtersOf(query.value);
  const loaded = useFindings(filters.chips.get('state') ?? []);
  const unfolded = useSignal<ReadonlySet<string>>(new Set());
  const lines = useMemo(
    () => linesOf(loaded.rows, filters, unfolded.value),
    [loaded.rows, query.value, unfolded.value],
  );
  const rows = useMemo(
    () => new Map([...endedLines(loaded.rows), ...lines].map((line) => [line.key, line])),
    [loaded.rows, lines],
  );
  const fold = (key: string) => {
    const next = new Set(unfolded.value);
    if (!next.delete(key)) next.add(key);
    unfolded.value = next;
  };
  const hrefOf = (line: Line) => `/findings/${(line.kind === 'finding' ? line.row : line.worst).fingerprint}`;
  return (
    <>
      <h1>{loaded.rows.size > 0 || loaded.isWhole ? findingsSentence(loaded) : 'Findings'}</h1>
      <Chips filters={filters} rows={loaded.rows} />
      <div class="controls">
        <Groupings filters={filters} />
        <FilterChoice filters={filters} rows={loaded.rows} />
      </div>
      {loaded.failure !== null && <Failure detail={loaded.failure} />}
      <Summary lines={lines} loaded={loaded} filters={filters} />
      {lines.length > 0 && (
        <Table
          caption="Findings, the most urgent first"
          columns={findingColumns(fold, unfolded.value)}
          rows={rows}
          order={lines.map(({ key }) => key)}
          hrefOf={hrefOf}
          remedyOf={(line) => (line.kind === 'finding' ? line.row.remedy : null)}
          asked={[query.value.toString(), ...unfolded.value].join(' ')}
        />
      )}
    </>
  );
}

/** Open findings, and those that ended where they are asked for. */
function useFindings(states: readonly string[]): Loaded<FindingRow> {
  const ended = endedStates.filter((state) => states.includes(state));
  const asked = ended.length === 0 ? [] : [...openStates, ...ended];
  const path = `/api/v1/findings${asked.map((state, at) => `${at === 0 ? '?' : '&'}state=${state}`).join('')}`;
  return usePages<FindingJson, FindingRow>(
    { path, keyOf: ({ fingerprint }) => fingerprint, rowOf: findingRow },
    (event, pages) => {
      if (event.kind !== 'finding') return;
      const { finding, transition } = event;
      // What has ended stays among the rows, so that whoever looks at it sees that it has.
      pages.tell(transition.fingerprint, finding === null ? null : findingRow(finding));
    },
  );
}

interface Summed {
  readonly lines: readonly Line[];
  readonly loaded: Loaded<FindingRow>;
  readonly filters: Filters;
}

/** How many there are, or why there is none. */
function Summary({ lines, loaded, filters }: Summed) {
  const known = countOf(loaded.rows, filters);
  const all = (loaded.isWhole ? known : Math.max(loaded.total ?? 0, known)).toLocaleString('en');
  if (lines.length === 0 && !loaded.isWhole) return loaded.failure === null ? <Loading what="findings" /> : null;
  if (lines.length === 0) {
    const isFiltered = filters.chips.size > 0 || filters.text !== '';
    return isFiltered && known > 0 ? <Empty>None of the {all} findings fits these filters.</Empty> : <None />;
  }
  const shown = lines.reduce((sum, line) => sum + (line.kind === 'headline' ? line.count : isCounted(line)), 0);
  return (
    <p class="quiet" role="status">
      {shown.toLocaleString('en')} of {all} findings
      {loaded.isWhole ? '' : ', more are on their way'}
    </p>
  );

  /** Below a headline or a cause it is counted with that. */
  function isCounted({ below, isBelow }: Line & { readonly kind: 'finding' }): number {
    return isBelow ? 0 : 1 + below;
  }
}

const always = () => true;

/** No findings means health only as far as was looked. */
function None() {
  const { value } = useDocument<OverviewJson>('/api/v1/overview', always, 2_000);
  if (value === null) return <Empty>No findings.</Empty>;
  const { nodes, services } = value;
  return (
    <Empty>
      No findings. {nodes.reportedWithinMinute.toLocaleString('en')} of {nodes.total.toLocaleString('en')} nodes
      reported within the last minute; {services.total.toLocaleString('en')} Services checked.
    </Empty>
  );
}

function Groupings({ filters }: { readonly filters: Filters }) {
  const change = (value: string) => {
    const grouping = groupings.find((each) => each === value) ?? 'cause';
    setQuery(queryOf({ ...filters, grouping }));
  };
  const titles: Readonly<Record<Grouping, string>> = {
    cause: 'cause',
    node: 'node',
    service: 'Service',
    check: 'check',
  };
  return (
    <label class="choice">
      Group by{' '}
      <select value={filters.grouping} onChange={({ currentTarget }) => change(currentTarget.value)}>
        {groupings.map((each) => (
          <option key={each} value={each}>
            {titles[each]}
          </option>
        ))}
      </select>
    </label>
  );
}
