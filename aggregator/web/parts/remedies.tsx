/** What on-call is to do: who is woken wants to know that at once. */
import { useEffect } from 'preact/hooks';
import type { FindingJson } from '../../http/schemas/finding.ts';
import { copyText } from '../copy.ts';
import { remedyOf } from '../finding-rows.ts';
import { onCopyKey } from '../keys.ts';
import { Code } from './code.tsx';

/** Commands in the order in which they are run; the key for copying takes the one that mends. */
export function Remedies({ of }: { readonly of: Pick<FindingJson, 'remediation'> }) {
  const mending = remedyOf(of)?.command;
  useEffect(
    () =>
      onCopyKey(() => {
        if (mending !== undefined) void copyText(mending);
      }),
    [mending],
  );
  if (of.remediation.length === 0) return null;
  return (
    <section aria-labelledby="remedy">
      <h2 id="remedy">What do I do?</h2>
      <ol class="remedies">
        {of.remediation.map(({ command, effect }, at) => (
          <li key={at}>
            <Code text={command} what="the command" />
            <p>{effect}</p>
          </li>
        ))}
      </ol>
    </section>
  );
}
