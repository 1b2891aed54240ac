/** The nodes, those that cannot be trusted first. */
import { useMemo } from 'preact/hooks';
import type { NodeJson } from '../../http/schemas/node.ts';
import { nodesSentence } from '../headlines.ts';
import { NodeState } from '../parts/badge.tsx';
import { NodeLink } from '../parts/links.tsx';
import { Empty, Failure, Loading } from '../parts/notice.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { query, setQuery } from '../route.ts';
import { usePages } from '../state/use-pages.ts';

const states = ['unhealthy', 'unknown', 'healthy'] as const;

export function Nodes() {
  const loaded = usePages<NodeJson, NodeJson>(
    { path: '/api/v1/nodes', keyOf: ({ name }) => name, rowOf: (node) => node },
    (event, pages) => {
      if (event.kind === 'node') pages.tell(event.node.name, event.node);
    },
  );
  const { rows } = loaded;
  const wanted = query.value.getAll('state');
  const text = query.value.get('q') ?? '';
  const order = useMemo(() => ordered(rows, wanted, text), [rows, query.value]);
  return (
    <>
      <h1>{nodesSentence(loaded)}</h1>
      <StateChips rows={rows} wanted={wanted} />
      {loaded.failure !== null && <Failure detail={loaded.failure} />}
      {order.length === 0 &&
        (loaded.isWhole ? (
          <Empty>{rows.size === 0 ? 'No node is known yet.' : 'No node fits these filters.'}</Empty>
        ) : (
          loaded.failure === null && <Loading what="nodes" />
        ))}
      {order.length > 0 && (
        <Table
          caption="Nodes, the worst first"
          columns={columns}
          rows={rows}
          order={order}
          hrefOf={({ name }) => `/nodes/${name}`}
          asked={query.value.toString()}
        />
      )}
    </>
  );
}

function ordered(rows: ReadonlyMap<string, NodeJson>, wanted: readonly string[], text: string): readonly string[] {
  const rank = ({ state, findings }: NodeJson) => states.indexOf(state) * 1e6 - findings.firing;
  return [...rows.values()]
    .filter(({ name, state }) => (wanted.length === 0 || wanted.includes(state)) && name.includes(text))
    .sort((one, other) => rank(one) - rank(other) || (one.name < other.name ? -1 : 1))
    .map(({ name }) => name);
}

function StateChips({
  rows,
  wanted,
}: {
  readonly rows: ReadonlyMap<string, NodeJson>;
  readonly wanted: readonly string[];
}) {
  const toggle = (state: string) => {
    const next = new URLSearchParams(query.value);
    next.delete('state');
    const after = wanted.includes(state) ? wanted.filter((each) => each !== state) : [...wanted, state];
    for (const each of after) next.append('state', each);
    setQuery(next);
  };
  return (
    <div class="chips">
      <fieldset>
        <legend class="heard">state</legend>
        {states.map((state) => (
          <button
            key={state}
            type="button"
            class={`chip ${state}`}
            aria-pressed={wanted.includes(state)}
            onClick={() => toggle(state)}
          >
            {state} <span class="quiet">{[...rows.values()].filter((node) => node.state === state).length}</span>
          </button>
        ))}
      </fieldset>
    </div>
  );
}

const columns: readonly Column<NodeJson>[] = [
  { title: 'Node', width: 'name', cell: ({ name }) => <NodeLink name={name} /> },
  { title: 'State', width: 'short', cell: (node) => <NodeState state={node.state} /> },
  { title: 'Why', width: 'text', cell: whyOf },
  { title: 'Mode', width: 'short', room: 'wide', cell: ({ mode }) => mode },
  {
    title: 'In sync',
    width: 'short',
    cell: ({ frontends }) => `${frontends.inSync.toLocaleString('en')} of ${frontends.total.toLocaleString('en')}`,
  },
  { title: 'Agent', width: 'short', room: 'wide', cell: ({ agent }) => agent },
  {
    title: 'Read',
    width: 'short',
    cell: ({ lastReadingAt }) =>
      lastReadingAt === null ? <span class="quiet">never</span> : <Time at={lastReadingAt} />,
  },
];

/** What stands behind its state, in few words. */
function whyOf({ findings, frontends, unknownBecause, showsStateOf }: NodeJson) {
  if (findings.firing > 0) {
    const count = `${findings.firing} ${findings.firing === 1 ? 'finding fires' : 'findings fire'}`;
    return showsStateOf === null ? (
      count
    ) : (
      <>
        {count}, shows the state of <Time at={showsStateOf} />
      </>
    );
  }
  if (unknownBecause.length > 0) return unknownBecause.join('; ');
  if (findings.pending > 0) return `${findings.pending} may still settle`;
  return frontends.drifted > 0 ? `${frontends.drifted} differ` : '';
}
