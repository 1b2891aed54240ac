/** What a step of a trace came to: by shape and word, and by colour last. */
import type { DiagnosisDocument } from '../../http/schemas/diagnosis.ts';

type Verdict = DiagnosisDocument['steps'][number]['verdict'];

const shapes: Readonly<Record<Verdict, string>> = { pass: '✓', fail: '✗', unknown: '?', 'not-looked-at': '·' };

const verdictWords: Readonly<Record<Verdict, string>> = {
  pass: 'holds',
  fail: 'broken',
  unknown: 'not known',
  'not-looked-at': 'not looked at',
};

export function VerdictMark({ verdict }: { readonly verdict: Verdict }) {
  const words = verdictWords[verdict];
  return (
    <span class={`verdict ${verdict}`} role="img" aria-label={words} title={words}>
      {shapes[verdict]}
    </span>
  );
}
