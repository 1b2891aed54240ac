/** Which layer broke first? */
import { useEffect } from 'preact/hooks';
import { remedyOf } from '../finding-rows.ts';
import type { DiagnosisDocument } from '../../http/schemas/diagnosis.ts';
import { copyText } from '../copy.ts';
import { layerTitles } from '../heat-cells.ts';
import { onCopyKey } from '../keys.ts';
import { Code } from '../parts/code.tsx';
import { Hops } from '../parts/hops.tsx';
import { Empty, Failure, Loading } from '../parts/notice.tsx';
import { TraceQuestion } from '../parts/trace-question.tsx';
import { TraceSteps } from '../parts/trace-steps.tsx';
import { VerdictMark } from '../parts/verdict-mark.tsx';
import { query } from '../route.ts';
import { useDocument } from '../state/use-document.ts';
import { apiPath, askedOf } from '../trace-question.ts';

export function Trace() {
  const asked = askedOf(query.value);
  const path = apiPath(asked);
  return (
    <article>
      <p class="line">Trace</p>
      {path === null ? <h1 class="sentence">Which layer broke first?</h1> : <Answer key={path} path={path} />}
      <TraceQuestion key={query.value.toString()} asked={asked} />
      {path === null && (
        <Empty>
          Name where packets begin and where they go: a pod, a node, a Service, an address or a DNS name. The answer
          goes from the pod's interface up, in both directions, with what the nodes really have.
        </Empty>
      )}
    </article>
  );
}

/** So long changes are gathered: an answer reads two nodes whole. */
const gatherMs = 5_000;
const touches = () => true;

function Answer({ path }: { readonly path: string }) {
  const { value, failure } = useDocument<DiagnosisDocument>(path, touches, gatherMs);
  if (value === null) return failure === null ? <Loading what="the way" /> : <Failure detail={failure.detail} />;
  const { from, to, sentence } = value;
  return (
    <>
      {failure !== null && <Failure detail={failure.detail} />}
      <h1 class="sentence">{sentence}</h1>
      <p class="quiet">
        <bdi>{from.text}</bdi>
        {from.node === null ? '' : ` on ${from.node}`} to <bdi>{to.text}</bdi>
        {to.node === null ? '' : ` on ${to.node}`}
        {value.port === null ? '' : `, ${value.protocol} ${value.port}`}
      </p>
      <Remedy diagnosis={value} />
      <Ladder diagnosis={value} />
      <Hops diagnosis={value} />
    </>
  );
}

interface DiagnosisOf {
  readonly diagnosis: DiagnosisDocument;
}

/** Below the sentence at once: who is woken wants to know what to do. */
function Remedy({ diagnosis: { remediation } }: DiagnosisOf) {
  const mending = remedyOf({ remediation })?.command;
  useEffect(
    () =>
      onCopyKey(() => {
        if (mending !== undefined) void copyText(mending);
      }),
    [mending],
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

/** Five rungs from the lowest layer up; the first that fails is open, or else those that are not known. */
function Ladder({ diagnosis: { layers, steps, firstBroken, verdict } }: DiagnosisOf) {
  return (
    <section aria-labelledby="rungs">
      <h2 id="rungs">Layer by layer</h2>
      <ol class="rungs">
        {layers.map((rung) => {
          const isOpened =
            firstBroken === null
              ? verdict === 'unknown' && rung.verdict === 'unknown'
              : firstBroken.layer === rung.layer;
          return (
            <li key={rung.layer} class={rung.verdict}>
              <details open={isOpened}>
                <summary>
                  <VerdictMark verdict={rung.verdict} />
                  <span class="rung">
                    <b>{rung.layer}</b> <span class="quiet">{layerTitles[rung.layer]}</span>{' '}
                    <span>{rung.sentence}</span>
                  </span>
                </summary>
                <TraceSteps steps={steps.filter(({ layer }) => layer === rung.layer)} />
              </details>
            </li>
          );
        })}
      </ol>
    </section>
  );
}
