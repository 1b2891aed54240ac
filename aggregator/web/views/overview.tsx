/** Is the network what the cluster asked for? */
import type { FindingJson } from '../../http/schemas/finding.ts';
import type { HeatmapJson, OverviewJson } from '../../http/schemas/overview.ts';
import { subjectText } from '../../model/finding.ts';
import { FindingState, Severity } from '../parts/badge.tsx';
import { CopyButton } from '../parts/copy-button.tsx';
import { HeatMap } from '../parts/heat-map.tsx';
import { Empty, Failure, Loading } from '../parts/notice.tsx';
import { Time } from '../parts/time.tsx';
import { useDocument } from '../state/use-document.ts';

const always = () => true;

export function Overview() {
  const { value, failure } = useDocument<OverviewJson>('/api/v1/overview', always);
  if (value === null)
    return failure === null ? <Loading what="the state of the cluster" /> : <Failure detail={failure.detail} />;
  return (
    <>
      {failure !== null && <Failure detail={failure.detail} />}
      <h1 class="sentence">{value.sentence}</h1>
      <Counts overview={value} />
      <Worst findings={value.worst} overview={value} />
      <Layers />
    </>
  );
}

function Counts({ overview: { nodes, services, findings } }: { readonly overview: OverviewJson }) {
  const firing = findings.critical + findings.high + findings.medium + findings.low;
  return (
    <ul class="counts">
      <li>
        <a href="/nodes?state=unhealthy">
          <b>{nodes.unhealthy}</b> unhealthy
        </a>
      </li>
      <li>
        <a href="/nodes?state=unknown">
          <b>{nodes.unknown}</b> unknown
        </a>
      </li>
      <li>
        <a href="/nodes?state=healthy">
          <b>{nodes.healthy}</b> healthy
        </a>
      </li>
      <li>
        <a href="/findings?state=firing">
          <b>{firing}</b> {firing === 1 ? 'cause fires' : 'causes fire'}
        </a>
      </li>
      <li>
        <a href="/findings?state=pending">
          <b>{findings.pending}</b> pending
        </a>
      </li>
      <li>
        <a href="/services">
          <b>{services.total}</b> Services
        </a>
      </li>
    </ul>
  );
}

function Worst({ findings, overview }: { readonly findings: readonly FindingJson[]; readonly overview: OverviewJson }) {
  const { nodes, services } = overview;
  if (findings.length === 0) {
    return (
      <Empty>
        No finding fires. {nodes.reportedWithinMinute} of {nodes.total} nodes reported within the last minute;{' '}
        {services.total} Services are checked.
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
  const { fingerprint, severity, state, layer, check, node, subject, summary, since, groupNodes, remediation } =
    finding;
  // What to look at and to keep comes before it.
  const remedy = remediation.at(-1);
  return (
    <article class={`card ${severity}`}>
      <header>
        <Severity severity={severity} state={state} />
        <span>{layer}</span>
        <span class="quiet">{check}</span>
        <FindingState state={state} />
      </header>
      <h3>
        <a href={`/findings/${fingerprint}`}>{summary}</a>
      </h3>
      <p class="quiet">
        {groupNodes > 1 ? `on ${groupNodes} nodes` : (node ?? 'the whole cluster')}
        {subject.kind === 'Node' ? '' : ` · ${subjectText(subject)}`} · since <Time at={since} />
      </p>
      {remedy !== undefined && (
        <p class="remedy">
          <code>{remedy.command}</code>
          <CopyButton text={remedy.command} what="the remedy" />
        </p>
      )}
    </article>
  );
}

function Layers() {
  const { value, failure } = useDocument<HeatmapJson>('/api/v1/heatmap', always);
  if (value === null) return failure === null ? null : <Failure detail={failure.detail} />;
  if (value.nodes.length === 0) return null;
  return (
    <section aria-labelledby="map">
      <h2 id="map">
        Layers and nodes <span class="quiet">worst first</span>
      </h2>
      <HeatMap map={value} />
      <Legend />
      <p>
        <a href="/nodes">The same as a list of nodes</a>
      </p>
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
        <span class="mark low firing">L</span> unhealthy, by severity
      </li>
      <li>
        <span class="cell pending" /> pending
      </li>
      <li>
        <span class="cell unknown" /> unknown
      </li>
      <li>
        <span class="cell none" /> not looked at
      </li>
    </ul>
  );
}
