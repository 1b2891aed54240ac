/** Who has which version of it? */
import type { FindingJson } from '../../http/schemas/finding.ts';
import type { ServiceDocument } from '../../http/schemas/service.ts';
import type { LiveEvent } from '../live.ts';
import { sideBySide } from '../evidence-words.ts';
import { FindingState, Severity } from '../parts/badge.tsx';
import { NodeLink } from '../parts/links.tsx';
import { MarkedWords } from '../parts/marked-words.tsx';
import { Failure, Loading } from '../parts/notice.tsx';
import { Time } from '../parts/time.tsx';
import { useDocument } from '../state/use-document.ts';
import { tracePath } from '../trace-question.ts';

interface Named {
  readonly namespace: string;
  readonly name: string;
}

type Frontend = ServiceDocument['frontends'][number];
type Version = Frontend['versions'][number];

export function Service({ namespace, name }: Named) {
  const touches = (event: LiveEvent) =>
    event.kind === 'finding' &&
    (event.finding === null || (event.finding.subject.kind === 'Service' && event.finding.subject.name === name));
  const { value, failure } = useDocument<ServiceDocument>(`/api/v1/services/${namespace}/${name}`, touches);
  if (value === null) return failure === null ? <Loading what="the Service" /> : <Failure detail={failure.detail} />;
  const { type, clusterIPs, ports, changedAt } = value;
  return (
    <article>
      {failure !== null && <Failure detail={failure.detail} />}
      <p class="line">Service</p>
      <h1 class="sentence">{verdict(value)}</h1>
      <p class="quiet">
        {[type, ...clusterIPs, ...ports].join(' · ')}
        {changedAt !== null && (
          <>
            {' '}
            · changed <Time at={changedAt} />
          </>
        )}
      </p>
      <Findings namespace={namespace} name={name} />
      <section aria-labelledby="versions">
        <h2 id="versions">What nodes do with it</h2>
        {[...value.frontends].sort(differingFirst).map((frontend) => (
          <Versions key={`${frontend.frontend} ${frontend.kind}`} frontend={frontend} />
        ))}
      </section>
      <Ways service={value} />
    </article>
  );
}

function verdict({ namespace, name, nodes }: ServiceDocument): string {
  const { inSync, drifted, unknown, converging, total } = nodes;
  const it = `${namespace}/${name}`;
  if (drifted > 0) return `${drifted} of ${total} nodes do otherwise with ${it} than it asks for.`;
  if (inSync === total) return `All ${total} nodes do with ${it} what it asks for.`;
  if (converging > 0 && unknown === 0) return `${converging} of ${total} nodes are about to follow a change of ${it}.`;
  return `${inSync} of ${total} nodes do with ${it} what it asks for; ${unknown} are not known.`;
}

/** To it from a node that differs: who differs is asked first. */
function Ways({ service: { namespace, name, frontends } }: { readonly service: ServiceDocument }) {
  const differing = frontends.flatMap(({ versions }) => versions.filter(({ verdict: each }) => each === 'drifted'));
  const nodes = [...new Set(differing.flatMap((version) => version.nodes))].slice(0, mostWays);
  const to = `svc/${namespace}/${name}`;
  return (
    <section aria-labelledby="ways">
      <h2 id="ways">Which layer breaks first?</h2>
      <ul class="plain">
        {nodes.map((node) => (
          <li key={node}>
            <a href={tracePath({ from: `node/${node}`, to })}>Trace from {node}</a>
          </li>
        ))}
        <li>
          <a href={tracePath({ to })}>Trace from elsewhere</a>
        </li>
      </ul>
    </section>
  );
}

const mostWays = 5;

const verdicts = ['drifted', 'unknown', 'converging', 'in-sync'];

function worst({ versions }: Frontend): number {
  return Math.min(...versions.map(({ verdict: each }) => verdicts.indexOf(each)));
}

function differingFirst(one: Frontend, other: Frontend): number {
  return worst(one) - worst(other) || (one.frontend < other.frontend ? -1 : 1);
}

/** What is wanted is what those nodes do that are in sync; the others are shown beside it, those that differ first. */
function Versions({ frontend: { frontend, kind, versions } }: { readonly frontend: Frontend }) {
  const sorted = [...versions].sort((one, other) => verdicts.indexOf(one.verdict) - verdicts.indexOf(other.verdict));
  const wanted = versions.find(({ verdict: each }) => each === 'in-sync')?.does;
  return (
    <figure class="versions">
      <figcaption>
        <b>{frontend}</b> <span class="quiet">{kind}</span>
      </figcaption>
      <ul>
        {sorted.map((version, at) => (
          <li key={at} class={version.verdict}>
            <span class={`state ${version.verdict}`}>{verdictWords[version.verdict]}</span>{' '}
            <Does version={version} wanted={wanted} />
            {version.showsStateOf !== null && <span class="quiet"> the state of {version.showsStateOf}</span>}
            <Who version={version} />
          </li>
        ))}
      </ul>
    </figure>
  );
}

const verdictWords = {
  drifted: 'differs',
  unknown: 'not known',
  converging: 'converging',
  'in-sync': 'in sync',
} as const;

interface DoesOf {
  readonly version: Version;
  /** Undefined where no node does it. */
  readonly wanted: string | undefined;
}

function Does({ version: { verdict: each, does }, wanted }: DoesOf) {
  if (each === 'in-sync' || each === 'unknown' || wanted === undefined) return <bdi>{does}</bdi>;
  const words = sideBySide(wanted, does).flatMap(({ real }) => real);
  return (
    <bdi>
      <MarkedWords words={words} />
    </bdi>
  );
}

/** Names where they matter: all of those that differ, a number of those that do not. */
function Who({ version: { count, nodes, verdict: each } }: { readonly version: Version }) {
  const links = nodes.map((node) => <NodeLink key={node} name={node} />);
  const more = count - nodes.length;
  if (each === 'in-sync' && count > 6) {
    return (
      <details>
        <summary>{count} nodes</summary>
        <p class="names">
          {links}
          {more > 0 ? ` and ${more} more` : ''}
        </p>
      </details>
    );
  }
  return (
    <p class="names">
      {links}
      {more > 0 ? ` and ${more} more` : ''}
    </p>
  );
}

function Findings({ namespace, name }: Named) {
  const { value } = useDocument<{ readonly items: readonly FindingJson[] }>(
    `/api/v1/findings?limit=100&service=${namespace}/${name}`,
    (event) => event.kind === 'finding',
    2_000,
  );
  if (value === null || value.items.length === 0) return null;
  return (
    <section aria-labelledby="findings">
      <h2 id="findings">Findings</h2>
      <ul class="rows">
        {value.items.map(({ fingerprint, severity, state, summary }) => (
          <li key={fingerprint}>
            <Severity severity={severity} state={state} /> <a href={`/findings/${fingerprint}`}>{summary}</a>{' '}
            <FindingState state={state} />
          </li>
        ))}
      </ul>
    </section>
  );
}
