/** The life of a finding: as a line of stretches, and each step with its reason. */
import type { FindingJson, TransitionJson } from '../../http/schemas/finding.ts';
import { now } from '../clock.ts';
import { shareOf, type Stretch, stretchesOf } from '../life-line.ts';
import type { LiveEvent } from '../live.ts';
import { useDocument } from '../state/use-document.ts';
import { exactWords, lengthWords } from '../time-words.ts';
import { Time } from './time.tsx';

const mostSteps = 50;

export function Life({ finding: { fingerprint } }: { readonly finding: FindingJson }) {
  const touches = (event: LiveEvent) => event.kind === 'finding' && event.transition.fingerprint === fingerprint;
  const { value } = useDocument<{ readonly items: readonly TransitionJson[] }>(
    `/api/v1/findings/${fingerprint}/history?limit=${mostSteps}`,
    touches,
  );
  if (value === null || value.items.length === 0) return null;
  return (
    <section aria-labelledby="history">
      <h2 id="history">Its life</h2>
      <ol class="life" aria-label="What it was, and for how long">
        {stretchesOf(value.items, now.value).map((stretch) => (
          <StretchBar key={stretch.from} stretch={stretch} />
        ))}
      </ol>
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

function StretchBar({ stretch }: { readonly stretch: Stretch }) {
  const { state, from, to } = stretch;
  const length = lengthWords(to - from);
  const exact = `${exactWords(new Date(from).toISOString())} to ${exactWords(new Date(to).toISOString())}`;
  return (
    <li class={state} style={{ flexGrow: String(shareOf(stretch)) }} title={exact}>
      {state} <span>{length}</span>
    </li>
  );
}
