/**
 * Server-sent events out of the text of a stream, https://html.spec.whatwg.org/multipage/server-sent-events.html. The
 * browser's own EventSource shows no comments, which are the signs of life here, and no status codes.
 *
 *     event: finding
 *     data: {"transition": ...}
 *
 *     : still here
 */

export interface StreamEvent {
  readonly name: string;
  readonly data: string;
}

/** A reader of pieces as they come, cut anywhere. It returns the events that the piece completes. */
export function eventReader(): (piece: string) => readonly StreamEvent[] {
  let rest = '';
  return (piece) => {
    const blocks = (rest + piece).split('\n\n');
    rest = blocks.pop() ?? '';
    return blocks.flatMap((block) => eventOf(block) ?? []);
  };
}

/** Null for a block without data: a comment, or the time after which to come again. */
function eventOf(block: string): StreamEvent | null {
  const lines = block.split('\n');
  const valuesOf = (field: string) =>
    lines.filter((line) => line.startsWith(`${field}:`)).map((line) => line.slice(field.length + 1).replace(/^ /, ''));
  const data = valuesOf('data');
  return data.length === 0 ? null : { name: valuesOf('event').at(-1) ?? 'message', data: data.join('\n') };
}
