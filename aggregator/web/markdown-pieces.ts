/** The little of Markdown that the texts of checks use. */

export interface Piece {
  readonly kind: 'text' | 'code' | 'stress' | 'strength';
  readonly text: string;
}

const marked = /`([^`\n]+)`|\*\*([^*\n]+)\*\*|\*([^*\n]+)\*/g;

/** Paragraphs as pieces. Lines within a paragraph are one. */
export function paragraphsOf(text: string): readonly (readonly Piece[])[] {
  return text
    .split(/\n{2,}/)
    .map((paragraph) => paragraph.trim().replaceAll('\n', ' '))
    .filter((paragraph) => paragraph !== '')
    .map(piecesOf);
}

function piecesOf(paragraph: string): readonly Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const match of paragraph.matchAll(marked)) {
    if (match.index > end) pieces.push({ kind: 'text', text: paragraph.slice(end, match.index) });
    pieces.push(pieceOf(match));
    end = match.index + match[0].length;
  }
  if (end < paragraph.length) pieces.push({ kind: 'text', text: paragraph.slice(end) });
  return pieces;
}

function pieceOf([, code, strength, stress = '']: RegExpExecArray): Piece {
  if (code !== undefined) return { kind: 'code', text: code };
  return strength === undefined ? { kind: 'stress', text: stress } : { kind: 'strength', text: strength };
}
