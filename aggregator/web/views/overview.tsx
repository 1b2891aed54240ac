/** Is the network what the cluster asked for? */
import type { FindingJson } from '../../http/schemas/finding.ts';
import type { NodeJson } from '../../http/schemas/node.ts';
import type { HeatmapJson, OverviewJson } from '../../http/schemas/overview.ts';
import { remedyOf } from '../finding-rows.ts';
import { layerTitles } from '../heat-cells.ts';
import { sentencesOf } from '../sentences.ts';
import { FindingState, Severity } from '../parts/badge.tsx';
import { CopyButton } from '../parts/copy-button.tsx';
import { HeatMap } from '../parts/heat-map.tsx';
import { NodeLink, SubjectLink } from '../parts/links.tsx';
import { Empty, Failure, Loading } from '../parts/notice.tsx';
import { Time } from '../parts/time.tsx';
import { useDocument } from '../state/use-document.ts';

const always = () => true;
/** It is short, and on everybody's first screen. */
const overviewGatherMs = 1_000;
/** Every node stands in the map: of a large cluster it is no small thing. */
function mapGatherMs(nodes: number): number {
  return nodes > 500 ? 5_000 : overviewGatherMs;
}

export function Overview() {
  const { value, failure } = useDocument<OverviewJson>('/api/v1/overview', always, overviewGatherMs);
  if (value === null)
    return failure === null ? <Loading what="the state of the cluster" /> : <Failure detail={failure.detail} />;
  const [first = '', ...further] = sentencesOf(value.sentence);
  return (
    <>
      {failure !== null && <Failure detail={failure.detail} />}
      <h1 class="sentence">{first}</h1>
      {further.length > 0 && <p class="lead">{further.join(' ')}</p>}
      <Counts overview={value} />
      <Worst findings={value.worst} overview={value} />
      {value.nodes.unknown > 0 && <Unknown nodes={value.nodes} />}
      <Layers count={value.nodes.total} />
    </>
  );
}

function Counts({ overview: { nodes, services, findings } }: { readonly overview: OverviewJson }) {
  const firing = findings.critical + findings.high + findings.medium + findings.low;
  const counts = [
    ['/nodes?state=unhealthy', nodes.unhealthy, nodes.unhealthy === 1 ? 'node differs' : 'nodes differ'],
    ['/nodes?state=unknown', nodes.unknown, 'not known'],
    ['/nodes?state=healthy', nodes.healthy, 'healthy'],
    ['/findings?state=firing', firing, firing === 1 ? 'cause fires' : 'causes fire'],
    ['/findings?state=pending', findings.pending, 'pending'],
    ['/services', services.total, services.total === 1 ? 'Service' : 'Services'],
  ] as const;
  return (
    <ul class="counts">
      {counts.map(([href, count, words]) => (
        <li key={href} class={count === 0 ? 'none' : undefined}>
          <a href={href}>
            <b>{count.toLocaleString('en')}</b> {words}
          </a>
        </li>
      ))}
    </ul>
  );
}

function Worst({ findings, overview }: { readonly findings: readonly FindingJson[]; readonly overview: OverviewJson }) {
  const { nodes, services } = overview;
  if (findings.length === 0) {
    return (
      <Empty>
        No findings. {nodes.reportedWithinMinute.toLocaleString('en')} of {nodes.total.toLocaleString('en')} nodes
        reported within the last minute; {services.total.toLocaleString('en')} Services checked.
      </Empty>
    );
  }
  return (
    <section aria-labelledby="worst">
      <h2 id="worst">The worst</h2>
      <ol class="cards">
        {findings.map((finding) => (
          <li key={finding.fingerprint}>
            <Card finding={finding} />
          </li>
        ))}
      </ol>
      <p>
        <a href="/findings">All findings</a>
      </p>
    </section>
  );
}

function Card({ finding }: { readonly finding: FindingJson }) {
  const { fingerprint, severity, state, layer, check, node, subject, summary, since, groupNodes } = finding;
  const remedy = remedyOf(finding);
  return (
    <article class={`card ${severity}`}>
      <header>
        <Severity severity={severity} state={state} />
        <span title={layerTitles[layer]}>{layer}</span>
        <span class="quiet">{check}</span>
        <FindingState state={state} />
      </header>
      <h3>
        <a href={`/findings/${fingerprint}`}>{summary}</a>
      </h3>
      <p class="quiet">
        {groupNodes > 1 ? `on ${groupNodes} nodes` : node === null ? 'the whole cluster' : <NodeLink name={node} />}
        {subject.kind !== 'Node' && (
          <>
            {' '}
            · <SubjectLink subject={subject} />
          </>
        )}{' '}
        · since <Time at={since} />
      </p>
      {remedy !== null && (
        <p class="remedy">
          <code>{remedy.command}</code>
          <CopyButton text={remedy.command} what="the remedy" />
        </p>
      )}
    </article>
  );
}

const mostUnknown = 5;

/** Of these nodes nothing can be said: as loud as what is wrong. */
function Unknown({ nodes: { unknown, total } }: { readonly nodes: OverviewJson['nodes'] }) {
  const { value } = useDocument<{ readonly items: readonly NodeJson[] }>(
    `/api/v1/nodes?state=unknown&limit=${mostUnknown}`,
    ({ kind }) => kind === 'node',
    mapGatherMs(total),
  );
  if (value === null) return null;
  const more = unknown - value.items.length;
  return (
    <section aria-labelledby="unknown">
      <h2 id="unknown">Not known</h2>
      <ul class="hint unknown rows">
        {value.items.map(({ name, lastHeardAt, unknownBecause }) => (
          <li key={name}>
            <span class="mark unknown" role="img" aria-label="not known">
              ?
            </span>
            <span class="grow">
              <NodeLink name={name} />: {unknownBecause.join('; ') || 'no reason is known'}
              {lastHeardAt === null ? (
                ', never heard'
              ) : (
                <>
                  , last heard <Time at={lastHeardAt} />
                </>
              )}
            </span>
          </li>
        ))}
        {more > 0 && (
          <li>
            <a href="/nodes?state=unknown">and {more.toLocaleString('en')} more</a>
          </li>
        )}
      </ul>
    </section>
  );
}

function Layers({ count }: { readonly count: number }) {
  const { value, failure } = useDocument<HeatmapJson>('/api/v1/heatmap', always, mapGatherMs(count));
  if (value === null) return failure === null ? null : <Failure detail={failure.detail} />;
  if (value.nodes.length === 0) return null;
  return (
    <section aria-labelledby="map">
      <h2 id="map">Layers and nodes</h2>
      <p class="quiet">
        A column for each node, those in trouble first; from the top down{' '}
        {value.layers.map((layer) => `${layer} ${layerTitles[layer]}`).join(', ')}. The{' '}
        <a href="/nodes">list of nodes</a> tells the same.
      </p>
      <HeatMap map={value} />
      <Legend />
    </section>
  );
}

function Legend() {
  return (
    <ul class="legend">
      <li>
        <span class="cell calm" /> healthy
      </li>
      <li>
        <span class="mark critical firing">C</span>
        <span class="mark high firing">H</span>
        <span class="mark medium firing">M</span>
        <span class="mark low firing">L</span> unhealthy: critical, high, medium, low
      </li>
      <li>
        <span class="cell pending" /> pending
      </li>
      <li>
        <span class="cell unknown" /> not known
      </li>
      <li>
        <span class="cell none" /> not looked at
      </li>
    </ul>
  );
}
