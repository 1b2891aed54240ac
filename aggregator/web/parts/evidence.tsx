/** What a finding rests on: wanted beside real, backends, the very rules, facts. Every string is text of a node's. */
import type { FindingJson } from '../../http/schemas/finding.ts';
import { sideBySide, type Word } from '../evidence-words.ts';
import { Code } from './code.tsx';

type Piece = FindingJson['evidence'][number];
type Kind<K extends Piece['kind']> = Piece & { readonly kind: K };

export function Evidence({ evidence }: { readonly evidence: readonly Piece[] }) {
  const of = <K extends Piece['kind']>(kind: K) => evidence.filter((piece): piece is Kind<K> => piece.kind === kind);
  return (
    <>
      {of('forwarding').map((piece, at) => (
        <Forwarding key={at} piece={piece} />
      ))}
      <Backends pieces={of('backend')} />
      <Rules pieces={of('rule')} />
      <Facts pieces={of('fact')} />
    </>
  );
}

function Forwarding({ piece: { frontend, wanted, real } }: { readonly piece: Kind<'forwarding'> }) {
  const sides = sideBySide(wanted, real);
  return (
    <figure class="sides">
      <figcaption>{frontend}</figcaption>
      <dl>
        <div>
          <dt>wanted</dt>
          <dd>
            <Words words={sides.wanted} />
          </dd>
        </div>
        <div>
          <dt>real</dt>
          <dd>
            <Words words={sides.real} />
          </dd>
        </div>
      </dl>
    </figure>
  );
}

function Words({ words }: { readonly words: readonly Word[] }) {
  return <>{words.map(({ text, differs }, at) => (differs ? <mark key={at}>{text}</mark> : text))}</>;
}

function Backends({ pieces }: { readonly pieces: readonly Kind<'backend'>[] }) {
  if (pieces.length === 0) return null;
  return (
    <ul class="backends">
      {pieces.map(({ frontend, backend, state }, at) => (
        <li key={at}>
          <b>{backend}</b> is {state === 'stale' ? 'used, and should not be' : 'missing'}{' '}
          <span class="quiet">at {frontend}</span>
        </li>
      ))}
    </ul>
  );
}

function Rules({ pieces }: { readonly pieces: readonly Kind<'rule'>[] }) {
  if (pieces.length === 0) return null;
  const text = pieces.map(({ rule }) => rule).join('\n');
  return (
    <figure class="rules">
      <figcaption>
        The rules that do it
        {pieces[0] === undefined ? '' : `, ${[...new Set(pieces.map(({ table }) => table))].join(', ')}`}
      </figcaption>
      <Code text={text} what="the rules" />
      <ul class="notes">
        {pieces
          .filter(({ note }) => note !== '')
          .map(({ rule, note }, at) => (
            <li key={at}>
              <code>{rule}</code> {note}
            </li>
          ))}
      </ul>
    </figure>
  );
}

function Facts({ pieces }: { readonly pieces: readonly Kind<'fact'>[] }) {
  if (pieces.length === 0) return null;
  return (
    <dl class="facts">
      {pieces.map(({ name, value }, at) => (
        <div key={at}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
