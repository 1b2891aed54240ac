/**
 * JSON of the aggregator, with what cannot be seen written out. Names, rules and reasons in it come from nodes: marks
 * that turn the direction of text would show another sentence than the one that stands there.
 */
import { isHostile, visibleText } from '../http/visible-text.ts';

/** The value of the text; in its strings only line breaks stay as they are. */
export function parseVisibly(text: string): unknown {
  // Controls stand in JSON as escapes alone. Nearly all answers have neither these nor the others.
  const isPlain = !/\\u[0-9a-f]{4}/i.test(text) && !isHostile(text.replaceAll('\n', ''));
  return isPlain ? JSON.parse(text) : JSON.parse(text, visible);
}

function visible(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? value.split('\n').map(visibleText).join('\n') : value;
}
