/** A time: how long ago, with the exact one on hover and focus. */
import { now } from '../clock.ts';
import { exactWords, relativeWords } from '../time-words.ts';

export function Time({ at }: { readonly at: string }) {
  const exact = exactWords(at);
  return (
    <time dateTime={at} title={exact} data-exact={exact} tabIndex={0}>
      {relativeWords(Date.parse(at), now.value)}
    </time>
  );
}
