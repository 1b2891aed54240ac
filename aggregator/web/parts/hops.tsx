/** The places that packets pass, as a line of boxes and as a list: node, interface, what happens there, the rule. */
import type { DiagnosisDocument } from '../../http/schemas/diagnosis.ts';
import { NodeLink } from './links.tsx';

type Hop = DiagnosisDocument['hops'][number];

export function Hops({ diagnosis }: { readonly diagnosis: DiagnosisDocument }) {
  const { hops, from, to } = diagnosis;
  const ways = [
    { direction: 'there', title: `From ${from.text} to ${to.text}` },
    { direction: 'back', title: `Back from ${to.text} to ${from.text}` },
  ] as const;
  if (hops.length === 0) return null;
  return (
    <section aria-labelledby="hops">
      <h2 id="hops">The way</h2>
      {ways.map(({ direction, title }) => (
        <Way key={direction} title={title} hops={hops.filter((hop) => hop.direction === direction)} />
      ))}
    </section>
  );
}

function Way({ title, hops }: { readonly title: string; readonly hops: readonly Hop[] }) {
  if (hops.length === 0) return null;
  return (
    <figure class="way">
      <figcaption>{title}</figcaption>
      <ol>
        {hops.map(({ node, link, does, rule }, at) => (
          <li key={at}>
            <p class="quiet">
              {node === null ? 'between nodes' : <NodeLink name={node} />}
              {link !== null && (
                <>
                  {' '}
                  · <bdi>{link}</bdi>
                </>
              )}
            </p>
            <p>{does}</p>
            {rule !== null && <code>{rule}</code>}
          </li>
        ))}
      </ol>
    </figure>
  );
}
