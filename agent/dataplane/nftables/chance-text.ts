/**
 * Statements that send packets on by a drawn number, and where DNAT sends them.
 *
 *     numgen random mod 2 vmap { 0 : goto endpoint-x, 1 : goto endpoint-y }
 *     dnat ip to numgen random mod 2 map { 0 : 10.244.1.2 . 8080, 1 : 10.244.2.2 . 8080 }
 *     dnat to [fd00:10:244:1::2]:8080
 */
import { parseAddress, parseHostPort, parseWhole } from '../../../proto/address.ts';
import { readElements, verdictOf } from './elements.ts';
import { type Chance, type Destination, type Step, unreadable, unreadableTarget } from './rule.ts';
import type { WordReader } from './words.ts';

/** `numgen random mod 4 [offset 1] vmap { 1 : jump x, 2-3 : goto y }` */
export function readChance(words: WordReader): Step {
  const choices = readChoices(words, 'vmap', verdictOf);
  return choices === null ? unreadable : { kind: 'chance', choices };
}

/** @param kind `vmap` or `map`, which stands before the elements. */
function readChoices<T>(
  words: WordReader,
  kind: 'vmap' | 'map',
  meaningOf: (written: readonly string[]) => T | null,
): readonly Chance<T>[] | null {
  words.take();
  // Numbers in turn are as even as those by chance.
  if (!words.takes('random') && !words.takes('inc')) return null;
  const mod = words.takes('mod') ? parseWhole(words.take() ?? '', 2 ** 32 - 1) : null;
  const offset = words.takes('offset') ? parseWhole(words.take() ?? '', 2 ** 32 - 1) : 0;
  if (mod === null || mod === 0 || offset === null || !words.takes(kind) || !words.takes('{')) return null;
  const choices: Chance<T>[] = [];
  let whole = true;
  const isRead = readElements(words, ({ key, value }) => {
    const count = key.length === 1 ? numbersWithin(key[0] ?? '', offset, offset + mod - 1) : null;
    const meaning = value === null ? null : meaningOf(value);
    if (count === null || meaning === null) whole = false;
    else if (count > 0) choices.push({ part: count / mod, value: meaning });
  });
  return isRead && whole ? choices : null;
}

/** How many numbers of `2` or `2-3` lie between two others; null when the text is neither. */
function numbersWithin(text: string, least: number, most: number): number | null {
  const dash = text.indexOf('-');
  const first = parseWhole(dash < 0 ? text : text.slice(0, dash), 2 ** 32 - 1);
  const last = dash < 0 ? first : parseWhole(text.slice(dash + 1), 2 ** 32 - 1);
  if (first === null || last === null) return null;
  return Math.max(0, Math.min(last, most) - Math.max(first, least) + 1);
}

/** `dnat to 10.0.0.1:80` or `dnat ip to numgen random mod 2 map { 0 : 10.0.0.1 . 80 }` */
export function readDnat(words: WordReader): Step {
  words.take();
  for (const word of ['ip', 'ip6', 'addr', '.', 'port']) words.takes(word);
  if (!words.takes('to')) return unreadableTarget;
  if (words.peek() === 'numgen') {
    const choices = readChoices(words, 'map', destinationOf);
    return choices === null ? unreadableTarget : readFlags(words, { kind: 'dnat', choices });
  }
  const text = words.take() ?? '';
  const parsed = parseHostPort(text);
  const bare = parsed === null ? parseAddress(text.replace(/^\[(.*)\]$/, '$1')) : null;
  const destination = parsed ?? (bare === null ? null : { address: bare, port: null });
  if (destination === null) return unreadableTarget;
  return readFlags(words, { kind: 'dnat', choices: [{ part: 1, value: destination }] });
}

/** Flags of DNAT say how ports are chosen among several: of one there is nothing to choose. */
function readFlags(words: WordReader, step: Step): Step {
  while (words.peek() !== null && words.peek() !== 'comment') {
    const word = words.take() ?? '';
    if (![',', 'random', 'fully-random', 'persistent'].includes(word)) return unreadableTarget;
  }
  return step;
}

function destinationOf(written: readonly string[]): Destination | null {
  const [host, port] = written;
  const address = parseAddress(host ?? '');
  if (address === null || written.length > 2) return null;
  if (port === undefined) return { address, port: null };
  const number = parseWhole(port, 65535);
  return number === null ? null : { address, port: number };
}
