/** Who reaches whom, and should they? */
import type { MatrixDocument, MatrixGridJson, MatrixPairJson } from '../../http/schemas/matrix.ts';
import { MatrixGrid } from '../parts/matrix-grid.tsx';
import { Empty, Failure, Loading } from '../parts/notice.tsx';
import { query, setQuery } from '../route.ts';
import { useDocument } from '../state/use-document.ts';
import { tracePath } from '../trace-question.ts';

/** A grid is worked out of all pods: bursts of changes are one reason. */
const gatherMs = 10_000;
const touches = () => true;
const shownPairs = 200;
/** A grid with more columns has the whole width, and the lists below it. */
const mostBeside = 40;

export function Matrix() {
  const namespace = query.value.get('namespace') ?? '';
  const filter = namespace === '' ? '' : `&namespace=${encodeURIComponent(namespace)}`;
  const grid = useDocument<MatrixGridJson>(`/api/v1/matrix/grid?${filter.slice(1)}`, touches, gatherMs);
  const list = useDocument<MatrixDocument>(
    `/api/v1/matrix?limit=${shownPairs}&show=denied${filter}`,
    touches,
    gatherMs,
  );
  return (
    <article>
      <p class="line">Matrix</p>
      {grid.failure !== null && <Failure detail={grid.failure.detail} />}
      {grid.value === null ? (
        grid.failure === null && <Loading what="who reaches whom" />
      ) : (
        <Whole grid={grid.value} list={list.value} namespace={namespace} />
      )}
    </article>
  );
}

interface WholeOf {
  readonly grid: MatrixGridJson;
  readonly list: MatrixDocument | null;
  /** Empty = all. */
  readonly namespace: string;
}

function Whole({ grid, list, namespace }: WholeOf) {
  const differing = (list?.items ?? []).filter(({ observed }) => observed?.differs === true);
  const denied = (list?.items ?? []).filter(({ observed }) => observed?.differs !== true);
  return (
    <>
      <h1 class="sentence">{sentence(grid)}</h1>
      <Doubts grid={grid} />
      <Namespaces grid={grid} chosen={namespace} />
      {grid.rows.length === 0 ? (
        <Empty>There is no workload to show.</Empty>
      ) : (
        <div class={grid.columns.length > mostBeside ? 'matrix whole' : 'matrix'}>
          <MatrixGrid grid={grid} />
          <div>
            <Pairs title="Probes differ from what is predicted" pairs={differing}>
              No probe differs from what is predicted.
            </Pairs>
            <Pairs title="Not allowed" pairs={denied}>
              Nothing is denied to anybody.
            </Pairs>
          </div>
        </div>
      )}
    </>
  );
}

function sentence({ rows, columns, cells, unknownBecause }: MatrixGridJson): string {
  const count = (letter: string) =>
    cells.reduce((sum, row) => sum + (row.length - row.replaceAll(letter, '').length), 0);
  const [differ, denied] = [count('!'), count('x')];
  const of = `${rows.length.toLocaleString('en')} workloads and ${columns.length.toLocaleString('en')} targets`;
  if (differ > 0)
    return `${differ} of the pairs of ${of} ${differ === 1 ? 'differs' : 'differ'} from what is predicted.`;
  if (denied > 0) return `Of ${of}, ${denied.toLocaleString('en')} pairs may not reach each other.`;
  const [unknown, mixed] = [count('?'), count('~')];
  if (unknown > 0) return `Of ${of}, ${unknown.toLocaleString('en')} pairs are not known; the others are not denied.`;
  if (mixed > 0) return `Of ${of}, ${mixed.toLocaleString('en')} pairs have not one answer for all ports or pods.`;
  if (unknownBecause.length > 0 || rows.length === 0) return 'Who reaches whom is not known whole.';
  return `All of ${of} may reach each other.`;
}

function Doubts({ grid: { notJudged, unknownBecause, hidden } }: { readonly grid: MatrixGridJson }) {
  return (
    <>
      {unknownBecause.length > 0 && <p class="hint unknown">Not known: {unknownBecause.join('; ')}.</p>}
      {notJudged.length > 0 && (
        <details class="hint unknown">
          <summary>
            {notJudged.length} {notJudged.length === 1 ? 'policy of another kind is' : 'policies of other kinds are'}{' '}
            not judged, and may allow or forbid something else
          </summary>
          <p>{notJudged.join(', ')}</p>
        </details>
      )}
      {hidden > 0 && (
        <p class="hint">{hidden.toLocaleString('en')} more workloads and Services are not drawn: choose a namespace.</p>
      )}
    </>
  );
}

/** In the URL, so that what is chosen can be sent on. */
function Namespaces({ grid, chosen }: { readonly grid: MatrixGridJson; readonly chosen: string }) {
  const there = new Set([...grid.rows, ...grid.columns].flatMap((end) => end.split('/')[1] ?? []));
  if (chosen !== '') there.add(chosen);
  const choose = (namespace: string) => {
    const next = new URLSearchParams(query.value);
    if (namespace === '') next.delete('namespace');
    else next.set('namespace', namespace);
    setQuery(next);
  };
  return (
    <p>
      <label>
        Namespace{' '}
        <select value={chosen} onChange={({ currentTarget }) => choose(currentTarget.value)}>
          <option value="">all</option>
          {[...there].sort().map((namespace) => (
            <option key={namespace} value={namespace}>
              {namespace}
            </option>
          ))}
        </select>
      </label>
    </p>
  );
}

interface PairsOf {
  readonly title: string;
  readonly pairs: readonly MatrixPairJson[];
  /** What is said where there are none. */
  readonly children: string;
}

function Pairs({ title, pairs, children }: PairsOf) {
  return (
    <section>
      <h2>{title}</h2>
      {pairs.length === 0 && <p class="quiet">{children}</p>}
      <ul class="rows">
        {pairs.map((pair) => (
          <li key={`${pair.from} ${pair.to} ${pair.protocol} ${pair.ports.join()}`}>
            <a href={tracePath(questionOf(pair))}>
              <bdi>{pair.from}</bdi> to <bdi>{pair.to}</bdi>
            </a>{' '}
            <span class="quiet">
              {pair.protocol} {pair.ports.join(', ')}
            </span>
            <p class="quiet">{pair.decidedBy.join('; ')}</p>
            <Observed pair={pair} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function questionOf({ from, to, ports, protocol }: MatrixPairJson) {
  return { from, to, port: String(ports[0] ?? ''), protocol: protocol === 'tcp' ? '' : protocol };
}

function Observed({ pair: { allowed, observed } }: { readonly pair: MatrixPairJson }) {
  if (observed === null || !observed.differs) return null;
  const { answered, probes, nodes, explainedBy } = observed;
  const predicted = allowed === true ? 'allowed' : 'not allowed';
  return (
    <p>
      Predicted {predicted}; {answered} of {probes} probes were answered, from {nodes.join(', ')}.
      {explainedBy !== null && (
        <>
          {' '}
          <b>{explainedBy.layer}</b>:{' '}
          {explainedBy.finding === null ? (
            explainedBy.because
          ) : (
            <a href={`/findings/${explainedBy.finding}`}>{explainedBy.because}</a>
          )}
        </>
      )}
    </p>
  );
}
