/** Is it true, and what do I do? */
import type { CheckJson } from '../../http/schemas/check.ts';
import type { FindingJson } from '../../http/schemas/finding.ts';
import type { NodeJson } from '../../http/schemas/node.ts';
import { layerTitles } from '../heat-cells.ts';
import type { LiveEvent } from '../live.ts';
import { FindingState, Severity } from '../parts/badge.tsx';
import { Code } from '../parts/code.tsx';
import { Evidence } from '../parts/evidence.tsx';
import { Life } from '../parts/life.tsx';
import { NodeLink, SubjectLink } from '../parts/links.tsx';
import { Markdown } from '../parts/markdown.tsx';
import { Empty, Failure, Loading } from '../parts/notice.tsx';
import { Remedies } from '../parts/remedies.tsx';
import { Time } from '../parts/time.tsx';
import { isName } from '../places.ts';
import { useDocument } from '../state/use-document.ts';
import { lengthWords } from '../time-words.ts';
import { pairOf, tracePath } from '../trace-question.ts';

interface ListOf<Item> {
  readonly items: readonly Item[];
}

export function Finding({ fingerprint }: { readonly fingerprint: string }) {
  const touches = (event: LiveEvent) => event.kind === 'finding' && event.transition.fingerprint === fingerprint;
  const { value, at, failure } = useDocument<FindingJson>(`/api/v1/findings/${fingerprint}`, touches);
  if (value === null) return failure === null ? <Loading what="the finding" /> : <Failure detail={failure.detail} />;
  return (
    <article>
      {failure !== null && <Failure detail={failure.detail} />}
      <Head finding={value} />
      <div class="columns">
        <section aria-labelledby="evidence">
          <h2 id="evidence">Is it true?</h2>
          <Age finding={value} at={at} />
          {value.evidence.length === 0 ? (
            <Empty>The sentence above is all there is.</Empty>
          ) : (
            <Evidence evidence={value.evidence} />
          )}
        </section>
        <div class="aside">
          <Remedies of={value} />
          <Life finding={value} />
          <Closer finding={value} />
        </div>
      </div>
      <Below finding={value} />
      <About check={value.check} />
    </article>
  );
}

function Head({ finding }: { readonly finding: FindingJson }) {
  const { severity, state, layer, check, node, subject, summary, since, shows, parent } = finding;
  return (
    <header>
      <p class="line">
        <Severity severity={severity} state={state} /> <span title={layerTitles[layer]}>{layer}</span> ·{' '}
        <a href={`/checks/${check}`}>{check}</a> · <FindingState state={state} />
      </p>
      <h1 class="sentence">{summary}</h1>
      <p>
        {node === null ? (
          'In the whole cluster'
        ) : (
          <>
            On <NodeLink name={node} />
          </>
        )}
        {subject.kind !== 'Node' && subject.kind !== 'Cluster' && (
          <>
            , about <SubjectLink subject={subject} />
          </>
        )}
        , since <Time at={since} />
        {shows === 'past-state' ? ': the node does what was wanted until then' : ''}
        {shows === 'never-wanted' ? ': what the node does was never asked for' : ''}.
      </p>
      {parent !== null && (
        <p class="hint">
          It follows from <a href={`/findings/${parent}`}>another finding</a>: mend that one first.
        </p>
      )}
      <Group finding={finding} />
      {finding.unknownBecause !== null && <p class="hint unknown">Not known now: {finding.unknownBecause}</p>}
      {finding.acceptedUntil !== null && (
        <p class="hint">
          Its owner accepts it{finding.acceptedUntil === 'always' ? '' : ` until ${finding.acceptedUntil}`}.
        </p>
      )}
    </header>
  );
}

function Group({ finding: { check, subject, groupNodes } }: { readonly finding: FindingJson }) {
  if (groupNodes < 2) return null;
  const query = new URLSearchParams({ check, group: 'node' });
  if (subject.kind === 'Service') query.set('service', `${subject.namespace}/${subject.name}`);
  return (
    <p class="hint">
      The same on {groupNodes} nodes: <a href={`/findings?${query}`}>all of them</a>.
    </p>
  );
}

interface SeenOf {
  readonly finding: FindingJson;
  /** When the finding was read, Unix milliseconds. */
  readonly at: number;
}

/** How old the evidence is. */
function Age({ finding, at }: SeenOf) {
  const { lastSeenAt, node, endedAt } = finding;
  if (endedAt === null && node !== null && isName(node)) return <AgeOnNode node={node} finding={finding} at={at} />;
  return (
    <p class="quiet">
      {endedAt !== null && (
        <>
          It ended <Time at={endedAt} />.{' '}
        </>
      )}
      Seen last <Time at={lastSeenAt} />.
    </p>
  );
}

/** What is older than two of the node's own readings may be over. */
function AgeOnNode({ node, finding: { lastSeenAt }, at }: SeenOf & { readonly node: string }) {
  const { value } = useDocument<NodeJson>(
    `/api/v1/nodes/${node}`,
    (event) => event.kind === 'node' && event.node.name === node,
  );
  const interval = (value?.readingIntervalSeconds ?? 30) * 1_000;
  const isOld = at - Date.parse(lastSeenAt) > 2 * interval;
  return (
    <p class={isOld ? 'hint unknown' : 'quiet'}>
      Seen last <Time at={lastSeenAt} />
      {isOld
        ? `, which is more than two of this node's readings (${lengthWords(interval)} each) ago: it may be over`
        : ''}
      .
    </p>
  );
}

/** Where more is told of the same. */
function Closer({ finding: { fingerprint, node, subject } }: { readonly finding: FindingJson }) {
  const pair = pairOf({ node, subject });
  return (
    <section aria-labelledby="closer">
      <h2 id="closer">Look closer</h2>
      <ul class="plain">
        {subject.kind === 'Service' && (
          <li>
            Which nodes have which version of <SubjectLink subject={{ ...subject, port: '', protocol: 'tcp' }} />
          </li>
        )}
        {node !== null && (
          <li>
            What else is known of <NodeLink name={node} />
          </li>
        )}
        {pair !== null && (
          <li>
            <a href={tracePath(pair)}>Which layer broke first</a> from <bdi>{pair.from}</bdi> to <bdi>{pair.to}</bdi>
          </li>
        )}
      </ul>
      <Code text={`kubectl plumbline findings ${fingerprint}`} what="the same on the command line" />
    </section>
  );
}

const mostBelow = 500;

/** What follows from it and goes with it. */
function Below({ finding: { fingerprint, node } }: { readonly finding: FindingJson }) {
  const path = `/api/v1/findings?limit=${mostBelow}${node === null ? '' : `&node=${encodeURIComponent(node)}`}`;
  const { value } = useDocument<ListOf<FindingJson>>(
    path,
    (event) => event.kind === 'finding' && (event.finding === null || event.finding.node === node),
    5_000,
  );
  const below = (value?.items ?? []).filter(({ parent }) => parent === fingerprint);
  if (below.length === 0) return null;
  return (
    <section aria-labelledby="below">
      <h2 id="below">
        {below.length} {below.length === 1 ? 'finding follows' : 'findings follow'} from it
      </h2>
      <ul class="rows">
        {below.map(({ fingerprint: key, severity, state, summary }) => (
          <li key={key}>
            <Severity severity={severity} state={state} /> <a href={`/findings/${key}`}>{summary}</a>
          </li>
        ))}
      </ul>
    </section>
  );
}

const never = () => false;

function About({ check }: { readonly check: string }) {
  const { value } = useDocument<CheckJson>(`/api/v1/checks/${check}`, never);
  if (value === null) return null;
  return (
    <section aria-labelledby="about" class="prose">
      <h2 id="about">What would make this a false alarm?</h2>
      <Markdown text={value.falsePositives} />
      <details>
        <summary>How nodes get there</summary>
        <Markdown text={value.explanation} />
      </details>
    </section>
  );
}
