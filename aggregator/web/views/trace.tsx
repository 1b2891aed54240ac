/** Which layer broke first? */
import type { DiagnosisDocument } from '../../http/schemas/diagnosis.ts';
import { layerTitles } from '../heat-cells.ts';
import { Hops } from '../parts/hops.tsx';
import { Empty, Failure, Loading } from '../parts/notice.tsx';
import { Remedies } from '../parts/remedies.tsx';
import { TraceQuestion } from '../parts/trace-question.tsx';
import { TraceSteps } from '../parts/trace-steps.tsx';
import { VerdictMark } from '../parts/verdict-mark.tsx';
import { query } from '../route.ts';
import { useDocument } from '../state/use-document.ts';
import { apiPath, type Asked, askedOf, podChoices, tracePath } from '../trace-question.ts';

export function Trace() {
  const asked = askedOf(query.value);
  const path = apiPath(asked);
  return (
    <article>
      <p class="line">Trace</p>
      {path === null ? (
        <h1 class="sentence">Which layer broke first?</h1>
      ) : (
        <Answer key={path} path={path} asked={asked} />
      )}
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

function Answer({ path, asked }: { readonly path: string; readonly asked: Asked }) {
  const { value, failure } = useDocument<DiagnosisDocument>(path, touches, gatherMs);
  if (value === null) {
    return failure === null ? <Loading what="the way" /> : <Refused detail={failure.detail} asked={asked} />;
  }
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
      <Remedies of={value} />
      <Ladder diagnosis={value} />
      <Hops diagnosis={value} />
    </>
  );
}

/** Of a workload that has several pods one is to be asked about: each is one press away. */
function Refused({ detail, asked }: { readonly detail: string; readonly asked: Asked }) {
  const choices = podChoices(asked, detail);
  return (
    <>
      <Failure detail={detail} />
      {choices.length > 0 && (
        <ul class="choices">
          {choices.map(({ pod, question }) => (
            <li key={pod}>
              <a href={tracePath(question)}>
                Ask about <bdi>{pod}</bdi>
              </a>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

interface DiagnosisOf {
  readonly diagnosis: DiagnosisDocument;
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
