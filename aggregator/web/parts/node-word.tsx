/** What kube-proxy says of itself, beside what was read; and the parts of a node's report with their ages. */
import type { NodeDocument } from '../../http/schemas/node.ts';
import { Fact } from './fact.tsx';
import { Time } from './time.tsx';

/** It never reads its rules back: its word is no proof. */
export function OwnWord({ word }: { readonly word: NodeDocument['kubeProxy'] }) {
  if (word === null) return null;
  const { healthz, lastSyncAt, lastQueuedAt, believedRules, problems } = word;
  return (
    <section aria-labelledby="word">
      <h2 id="word">What kube-proxy says of itself</h2>
      <dl class="facts">
        <Fact name="its health">{healthz}</Fact>
        <Fact name="wrote its rules">{lastSyncAt === null ? 'not told' : <Time at={lastSyncAt} />}</Fact>
        <Fact name="heard of a change">{lastQueuedAt === null ? 'not told' : <Time at={lastQueuedAt} />}</Fact>
        {believedRules !== null && (
          <Fact name="believes in">{believedRules.toLocaleString('en')} rules, which it never reads back</Fact>
        )}
        {problems.map((problem) => (
          <Fact key={problem} name="did not answer">
            {problem}
          </Fact>
        ))}
      </dl>
    </section>
  );
}

export function Parts({ parts }: { readonly parts: NodeDocument['parts'] }) {
  if (parts.length === 0) return null;
  const failed = parts.filter(({ state }) => state === 'failed').length;
  return (
    <details>
      <summary>
        {parts.length} parts of its report{failed > 0 ? `, ${failed} failed` : ''}
      </summary>
      <dl class="facts">
        {parts.map((part) => (
          <Fact key={part.name} name={part.name}>
            <PartWords part={part} />
          </Fact>
        ))}
      </dl>
    </details>
  );
}

function PartWords({ part: { collectedAt, reason } }: { readonly part: NodeDocument['parts'][number] }) {
  if (reason !== null) return <>failed: {reason}</>;
  if (collectedAt === null) return <span class="quiet">not on this node</span>;
  return (
    <>
      read <Time at={collectedAt} />
    </>
  );
}
