/** The texts of checks: paragraphs, `code`, *stress* and **strength**, as elements. Anything else stays text. */
import type { ComponentChild } from 'preact';
import { type Piece, paragraphsOf } from '../markdown-pieces.ts';

export function Markdown({ text }: { readonly text: string }) {
  return (
    <>
      {paragraphsOf(text).map((pieces, at) => (
        <p key={at}>{pieces.map(element)}</p>
      ))}
    </>
  );
}

function element({ kind, text }: Piece, at: number): ComponentChild {
  switch (kind) {
    case 'text':
      return text;
    case 'code':
      return <code key={at}>{text}</code>;
    case 'stress':
      return <em key={at}>{text}</em>;
    case 'strength':
      return <strong key={at}>{text}</strong>;
  }
}
