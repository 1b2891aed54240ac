/** What is wrong, sorted by what hurts. */
import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { FindingJson } from '../../http/schemas/finding.ts';
import {
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
import { onEvent } from '../live.ts';
import { FindingState, Severity } from '../parts/badge.tsx';
import { Chips } from '../parts/chips.tsx';
import { Empty, Failure, Loading } from '../parts/notice.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { query, setQuery } from '../route.ts';
import { AllPages, type Loaded } from '../state/all-pages.ts';

const ended = ['resolved', 'gone'];

export function Findings() {
  const filters = filtersOf(query.value);
  const states = filters.chips.get('state') ?? [];
  const loaded = useFindings(states.filter((state) => ended.includes(state)));
  const unfolded = useSignal<ReadonlySet<string>>(new Set());
  const lines = useMemo(
    () => linesOf(loaded.rows, filters, unfolded.value),
    [loaded.rows, query.value, unfolded.value],
  );
  const fold = (fingerprint: string) => {
    const next = new Set(unfolded.value);
    if (!next.delete(fingerprint)) next.add(fingerprint);
    unfolded.value = next;
  };
  return (
    <>
      <h1>Findings</h1>
      <Chips filters={filters} rows={loaded.rows} />
      <Groupings filters={filters} />
      {loaded.failure !== null && <Failure detail={loaded.failure} />}
      <Summary lines={lines} loaded={loaded} filters={filters} />
      {lines.length > 0 && (
        <Table
          caption="Findings, the most urgent first"
          columns={columnsOf(fold, unfolded.value)}
          rows={new Map(lines.map((line) => [line.key, line]))}
          order={lines.map(({ key }) => key)}
          hrefOf={(line) => (line.kind === 'finding' ? `/findings/${line.row.fingerprint}` : '/findings')}
        />
      )}
    </>
  );
}

/** Open findings, and those that ended where they are asked for. */
function useFindings(endedStates: readonly string[]): Loaded<FindingRow> {
  const asked = endedStates.join();
  const [pages, setPages] = useState<AllPages<FindingJson, FindingRow> | null>(null);
  useEffect(() => {
    const states = asked === '' ? '' : `?${[...open, ...asked.split(',')].map((state) => `state=${state}`).join('&')}`;
    const made = new AllPages<FindingJson, FindingRow>({
      path: `/api/v1/findings${states}`,
      keyOf: ({ fingerprint }) => fingerprint,
      rowOf: findingRow,
    });
    setPages(made);
    const end = onEvent((event) => {
      if (event.kind === 'snapshot') void made.read();
      if (event.kind !== 'finding') return;
      const { finding, transition } = event;
      const isOver = finding === null || (ended.includes(finding.state) && asked === '');
      made.tell(transition.fingerprint, isOver || finding === null ? null : findingRow(finding));
    });
    return () => {
      end();
      made.close();
    };
  }, [asked]);
  return pages?.loaded.value ?? nothing;
}

const open = ['pending', 'firing', 'unknown', 'suppressed'];
const nothing: Loaded<FindingRow> = { rows: new Map(), isWhole: false, failure: null };

interface Summed {
  readonly lines: readonly Line[];
  readonly loaded: Loaded<FindingRow>;
  readonly filters: Filters;
}

/** How many there are, or why there is none. */
function Summary({ lines, loaded, filters }: Summed) {
  const isFiltered = filters.chips.size > 0 || filters.text !== '';
  if (lines.length === 0 && !loaded.isWhole) return loaded.failure === null ? <Loading what="findings" /> : null;
  if (lines.length === 0) {
    return isFiltered && loaded.rows.size > 0 ? (
      <Empty>None of the {loaded.rows.size.toLocaleString('en')} findings fits these filters.</Empty>
    ) : (
      <Empty>
        No findings. <a href="/">The overview</a> says how much was looked at.
      </Empty>
    );
  }
  const shown = lines.reduce((sum, line) => sum + (line.kind === 'finding' && !line.isBelow ? 1 + line.below : 0), 0);
  return (
    <p class="quiet" role="status">
      {shown.toLocaleString('en')} of {loaded.rows.size.toLocaleString('en')} findings
      {loaded.isWhole ? '' : ', more are on their way'}
    </p>
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
    <label class="grouping">
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

function columnsOf(fold: (fingerprint: string) => void, unfolded: ReadonlySet<string>): readonly Column<Line>[] {
  return [
    {
      title: 'Severity',
      width: 'letter',
      cell: (line) =>
        line.kind === 'finding' ? <Severity severity={line.row.severity} state={line.row.state} /> : null,
    },
    {
      title: 'Layer',
      width: 'letter',
      room: 'wide',
      cell: (line) => (line.kind === 'finding' ? line.row.layer : null),
    },
    { title: 'What', width: 'text', cell: (line) => <What line={line} fold={fold} unfolded={unfolded} /> },
    {
      title: 'Node',
      width: 'name',
      cell: (line) => (line.kind === 'finding' ? nodeOf(line.row) : null),
    },
    {
      title: 'Subject',
      width: 'name',
      room: 'wide',
      cell: (line) => (line.kind === 'finding' ? line.row.subject : null),
    },
    { title: 'Since', width: 'short', cell: (line) => (line.kind === 'finding' ? <Time at={line.row.since} /> : null) },
    {
      title: 'State',
      width: 'short',
      cell: (line) => (line.kind === 'finding' ? <FindingState state={line.row.state} /> : null),
    },
  ];
}

interface WhatOf {
  readonly line: Line;
  readonly fold: (fingerprint: string) => void;
  readonly unfolded: ReadonlySet<string>;
}

function What({ line, fold, unfolded }: WhatOf) {
  if (line.kind === 'headline') {
    return (
      <b>
        {line.title} <span class="quiet">{line.count}</span>
      </b>
    );
  }
  const { row, below, isBelow } = line;
  const isOpen = unfolded.has(row.fingerprint);
  return (
    <span class={isBelow ? 'what below' : 'what'}>
      <a href={`/findings/${row.fingerprint}`}>{row.summary}</a>
      {below > 0 && (
        <button type="button" class="fold" aria-expanded={isOpen} onClick={() => fold(row.fingerprint)}>
          {isOpen ? 'hide' : 'show'} {below} below
        </button>
      )}
    </span>
  );
}

function nodeOf({ node }: FindingRow) {
  return node === null ? <span class="quiet">the cluster</span> : <a href={`/nodes/${node}`}>{node}</a>;
}
