/** Words of which those are marked that differ from what they are compared with. */
import type { Word } from '../evidence-words.ts';

export function MarkedWords({ words }: { readonly words: readonly Word[] }) {
  return <>{words.map((word, at) => (word.differs ? <Marked key={at} text={word.text} /> : word.text))}</>;
}

/** What separates it from the next word is no part of the mark. */
function Marked({ text }: { readonly text: string }) {
  const word = text.trimEnd().replace(/[,;]$/, '');
  return (
    <>
      <mark>{word}</mark>
      {text.slice(word.length)}
    </>
  );
}
