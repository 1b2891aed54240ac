/** The steps of one layer, there and back, with what they rest on. */
import type { DiagnosisDocument } from '../../http/schemas/diagnosis.ts';
import { lengthWords } from '../time-words.ts';
import { Evidence } from './evidence.tsx';
import { NodeLink } from './links.tsx';
import { VerdictMark } from './verdict-mark.tsx';

type Step = DiagnosisDocument['steps'][number];

const directionWords: Readonly<Record<Step['direction'], string>> = { there: 'there', back: 'and back' };

export function TraceSteps({ steps }: { readonly steps: readonly Step[] }) {
  if (steps.length === 0) return <p class="quiet">Nothing of this layer stands between the two.</p>;
  return (
    <ul class="steps">
      {steps.map((step, at) => (
        <li key={at} class={step.verdict}>
          <VerdictMark verdict={step.verdict} />
          <div>
            <p>
              <b>{step.what}</b> <span class="quiet">{directionWords[step.direction]}</span>
            </p>
            <p>{step.sentence}</p>
            <Evidence evidence={step.evidence} />
            <Source step={step} />
          </div>
        </li>
      ))}
    </ul>
  );
}

/** Who says so, how old it is, and the finding that says the same. */
function Source({ step: { node, ageSeconds, finding } }: { readonly step: Step }) {
  if (node === null && ageSeconds === null && finding === null) return null;
  return (
    <p class="quiet">
      {node !== null && (
        <>
          By <NodeLink name={node} />
        </>
      )}
      {ageSeconds !== null && `${node === null ? 'Read' : ', read'} ${lengthWords(1_000 * ageSeconds)} ago`}
      {finding !== null && (
        <>
          {node === null && ageSeconds === null ? 'The finding ' : '; the finding '}
          <a href={`/findings/${finding.fingerprint}`}>{finding.check}</a> says the same
        </>
      )}
      .
    </p>
  );
}
