/** The first sentence of a text is its headline. */

/** The sentences of a text; a point within a name or an address ends none. */
export function sentencesOf(text: string): readonly string[] {
  return text.split(/(?<=\.)\s+(?=[A-Z0-9])/);
}
