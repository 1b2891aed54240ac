/** What a finding rests on: wanted beside real, backends, the very rules, facts. Every string is text of a node's. */
import type { FindingJson } from '../../http/schemas/finding.ts';
import { type Side, sideBySide } from '../evidence-words.ts';
import { piecesWith, ruleText } from '../rule-text.ts';
import { CopyButton } from './copy-button.tsx';
import { MarkedWords } from './marked-words.tsx';

type Piece = FindingJson['evidence'][number];
type Kind<K extends Piece['kind']> = Piece & { readonly kind: K };

export function Evidence({ evidence }: { readonly evidence: readonly Piece[] }) {
  const of = <K extends Piece['kind']>(kind: K) => evidence.filter((piece): piece is Kind<K> => piece.kind === kind);
  const backends = of('backend');
  return (
    <>
      {of('forwarding').map((piece, at) => (
        <Forwarding key={at} piece={piece} />
      ))}
      <Backends pieces={backends} />
      <Rules pieces={of('rule')} stale={backends.filter(({ state }) => state === 'stale')} />
      <Facts pieces={of('fact')} />
    </>
  );
}

function Forwarding({ piece: { frontend, wanted, real } }: { readonly piece: Kind<'forwarding'> }) {
  const sides = sideBySide(wanted, real);
  const hasOrigins = sides.some(({ origin }) => origin !== null);
  return (
    <table class="sides">
      <caption>
        Packets to <b>{frontend}</b>
      </caption>
      <thead>
        <tr>
          {hasOrigins && <th scope="col">from</th>}
          <th scope="col">wanted</th>
          <th scope="col">real</th>
        </tr>
      </thead>
      <tbody>
        {sides.map((side) => (
          <SideRow key={side.origin} side={side} />
        ))}
      </tbody>
    </table>
  );
}

const origins: Readonly<Record<string, string>> = { pod: 'pods', node: 'the node', outside: 'outside' };

function SideRow({ side: { origin, wanted, real } }: { readonly side: Side }) {
  return (
    <tr>
      {origin !== null && <th scope="row">{origins[origin] ?? origin}</th>}
      <td data-title="wanted">
        <MarkedWords words={wanted} />
      </td>
      <td data-title="real">
        <MarkedWords words={real} />
      </td>
    </tr>
  );
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

interface RulesOf {
  readonly pieces: readonly Kind<'rule'>[];
  readonly stale: readonly Kind<'backend'>[];
}

function Rules({ pieces, stale }: RulesOf) {
  if (pieces.length === 0) return null;
  const text = ruleText(pieces);
  const backends = stale.map(({ backend }) => backend);
  return (
    <figure class="rules">
      <figcaption>The rules that do it, in the order in which packets meet them</figcaption>
      <div class="code">
        <pre tabIndex={0}>
          {piecesWith(text, backends).map(({ text: piece, isOne }, at) =>
            isOne ? <mark key={at}>{piece}</mark> : piece,
          )}
        </pre>
        <CopyButton text={text} what="the rules" />
      </div>
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
