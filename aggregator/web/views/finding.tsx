/** Is it true, and what do I do? */
import { useEffect } from 'preact/hooks';
import type { CheckJson } from '../../http/schemas/check.ts';
import type { FindingJson, TransitionJson } from '../../http/schemas/finding.ts';
import type { NodeJson } from '../../http/schemas/node.ts';
import { subjectText } from '../../model/finding.ts';
import { onCopyKey } from '../keys.ts';
import type { LiveEvent } from '../live.ts';
import { FindingState, Severity } from '../parts/badge.tsx';
import { Code } from '../parts/code.tsx';
import { Evidence } from '../parts/evidence.tsx';
import { Markdown } from '../parts/markdown.tsx';
import { Empty, Failure, Loading } from '../parts/notice.tsx';
import { Time } from '../parts/time.tsx';
import { isName } from '../places.ts';
import { useDocument } from '../state/use-document.ts';
import { lengthWords } from '../time-words.ts';

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
      <Remedy finding={value} />
      <section aria-labelledby="evidence">
        <h2 id="evidence">Is it true?</h2>
        <Age finding={value} at={at} />
        {value.evidence.length === 0 ? (
          <Empty>The sentence above is all there is.</Empty>
        ) : (
          <Evidence evidence={value.evidence} />
        )}
      </section>
      <Below finding={value} />
      <History finding={value} />
      <About check={value.check} />
    </article>
  );
}

function Head({ finding }: { readonly finding: FindingJson }) {
  const { severity, state, layer, check, node, subject, summary, since, shows, parent, groupNodes } = finding;
  return (
    <header>
      <p class="line">
        <Severity severity={severity} state={state} /> {layer} · <a href={`/checks/${check}`}>{check}</a> ·{' '}
        <FindingState state={state} />
      </p>
      <h1 class="sentence">{summary}</h1>
      <p>
        {node === null ? (
          'In the whole cluster'
        ) : (
          <>
            On <a href={`/nodes/${node}`}>{node}</a>
          </>
        )}
        {subject.kind === 'Service' && (
          <>
            , about <a href={`/services/${subject.namespace}/${subject.name}`}>{subjectText(subject)}</a>
          </>
        )}
        {subject.kind === 'Frontend' || subject.kind === 'Rule' ? `, about ${subjectText(subject)}` : ''}, since{' '}
        <Time at={since} />
        {shows === 'past-state' ? ': the node does what was wanted until then' : ''}.
      </p>
      {parent !== null && (
        <p class="hint">
          It follows from <a href={`/findings/${parent}`}>another finding</a>: mend that one first.
        </p>
      )}
      {groupNodes > 1 && (
        <p class="hint">
          The same on {groupNodes} nodes: <a href={`/findings?check=${check}&group=node`}>all of them</a>.
        </p>
      )}
      {finding.unknownBecause !== null && <p class="hint unknown">Not known now: {finding.unknownBecause}</p>}
      {finding.acceptedUntil !== null && <p class="hint">Its owner accepts it until {finding.acceptedUntil}.</p>}
    </header>
  );
}

function Remedy({ finding: { remediation } }: { readonly finding: FindingJson }) {
  const [first] = remediation;
  useEffect(
    () =>
      onCopyKey(() => {
        if (first !== undefined) void navigator.clipboard?.writeText(first.command);
      }),
    [first?.command],
  );
  if (remediation.length === 0) return null;
  return (
    <section aria-labelledby="remedy">
      <h2 id="remedy">What do I do?</h2>
      <ol class="remedies">
        {remediation.map(({ command, effect }, at) => (
          <li key={at}>
            <Code text={command} what="the command" />
            <p>{effect}</p>
          </li>
        ))}
      </ol>
    </section>
  );
}

/** How old the evidence is, and whether the node still reports. */
function Age({ finding: { lastSeenAt, node, endedAt }, at }: { readonly finding: FindingJson; readonly at: number }) {
  const { value } = useDocument<NodeJson>(
    node !== null && isName(node) ? `/api/v1/nodes/${node}` : null,
    (event) => event.kind === 'node' && event.node.name === node,
  );
  if (endedAt !== null) {
    return (
      <p class="quiet">
        It ended <Time at={endedAt} />. Seen last <Time at={lastSeenAt} />.
      </p>
    );
  }
  const interval = (value?.readingIntervalSeconds ?? 30) * 1_000;
  const age = at - Date.parse(lastSeenAt);
  const isOld = node !== null && age > 2 * interval;
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

/** What follows from it and goes with it. */
function Below({ finding: { fingerprint, node } }: { readonly finding: FindingJson }) {
  const path = `/api/v1/findings?limit=500${node === null ? '' : `&node=${encodeURIComponent(node)}`}`;
  const { value } = useDocument<ListOf<FindingJson>>(path, (event) => event.kind === 'finding');
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

function History({ finding: { fingerprint } }: { readonly finding: FindingJson }) {
  const touches = (event: LiveEvent) => event.kind === 'finding' && event.transition.fingerprint === fingerprint;
  const { value } = useDocument<ListOf<TransitionJson>>(`/api/v1/findings/${fingerprint}/history?limit=50`, touches);
  if (value === null || value.items.length === 0) return null;
  return (
    <section aria-labelledby="history">
      <h2 id="history">Its life</h2>
      <ol class="history">
        {value.items.map(({ at, kind, because }, index) => (
          <li key={index}>
            <Time at={at} /> <b>{kind}</b> <span class="quiet">{because}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}

const never = () => false;

function About({ check }: { readonly check: string }) {
  const { value } = useDocument<CheckJson>(`/api/v1/checks/${check}`, never);
  if (value === null) return null;
  return (
    <section aria-labelledby="about">
      <h2 id="about">What would make this a false alarm?</h2>
      <Markdown text={value.falsePositives} />
      <details>
        <summary>How nodes get there</summary>
        <Markdown text={value.explanation} />
      </details>
    </section>
  );
}
