/** The columns of a list of findings. */
import type { ComponentChildren } from 'preact';
import type { FindingRow, Line } from '../finding-rows.ts';
import { FindingState, Severity } from './badge.tsx';
import { NodeLink } from './links.tsx';
import type { Column } from './table.tsx';
import { Time } from './time.tsx';

/** @param fold shows or hides what is below a line. */
export function findingColumns(fold: (key: string) => void, unfolded: ReadonlySet<string>): readonly Column<Line>[] {
  const ofFinding = (cell: (row: FindingRow) => ComponentChildren) => {
    return (line: Line) => (line.kind === 'finding' ? cell(line.row) : null);
  };
  return [
    {
      title: 'Severity',
      width: 'letter',
      cell: ofFinding(({ severity, state }) => <Severity severity={severity} state={state} />),
    },
    { title: 'Layer', width: 'letter', room: 'wide', cell: ofFinding(({ layer }) => layer) },
    {
      title: 'What',
      width: 'sentence',
      cell: (line) => <What line={line} fold={fold} isOpen={unfolded.has(line.key)} />,
    },
    {
      title: 'Node',
      width: 'name',
      cell: ofFinding(({ node }) =>
        node === null ? <span class="quiet">the cluster</span> : <NodeLink name={node} />,
      ),
    },
    { title: 'Subject', width: 'name', room: 'wide', cell: ofFinding(({ subject }) => <bdi>{subject}</bdi>) },
    { title: 'Since', width: 'short', cell: ofFinding(({ since }) => <Time at={since} />) },
    { title: 'State', width: 'short', cell: ofFinding(({ state }) => <FindingState state={state} />) },
  ];
}

interface WhatOf {
  readonly line: Line;
  readonly fold: (key: string) => void;
  readonly isOpen: boolean;
}

function What({ line, fold, isOpen }: WhatOf) {
  if (line.kind === 'headline') {
    return (
      <span class="what">
        <b>
          <bdi>{line.title}</bdi> <span class="quiet">{line.count.toLocaleString('en')}</span>
        </b>
        <Severity severity={line.worst.severity} state={line.worst.state} />
        <Fold
          what={line.count === 1 ? '1 finding' : `${line.count} findings`}
          isOpen={isOpen}
          fold={() => fold(line.key)}
        />
      </span>
    );
  }
  const { row, below, isBelow } = line;
  return (
    <span class={isBelow ? 'what below' : 'what'}>
      <a href={`/findings/${row.fingerprint}`}>{row.summary}</a>
      {below > 0 && <Fold what={`${below} below`} isOpen={isOpen} fold={() => fold(row.fingerprint)} />}
    </span>
  );
}

interface FoldOptions {
  readonly what: string;
  readonly isOpen: boolean;
  readonly fold: () => void;
}

function Fold({ what, isOpen, fold }: FoldOptions) {
  return (
    <button type="button" class="fold" aria-expanded={isOpen} onClick={fold}>
      {isOpen ? 'hide' : 'show'} {what}
    </button>
  );
}
