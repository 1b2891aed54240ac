/**
 * Whether one name may be a slip of the pen for another. Names that are told apart on purpose (`shard-1` and `shard-2`,
 * `db-a` and `db-b`) must not pass for slips, however alike they are. Asked for thousands of names: most are told to be
 * far away by their letters and lengths.
 */

/** Words that go for one another only by changed places: too many are one letter apart. */
const shortest = 3;
/** From this length on two slips are one too many to be chance. */
const longWord = 8;

export interface SpelledName {
  readonly text: string;
  /** Without case and separators: `front-end` is `frontend`. */
  readonly plain: string;
  /** One bit for each letter that occurs in it. */
  readonly letters: number;
}

export function spelled(text: string): SpelledName {
  const plain = text.toLowerCase().replaceAll(/[-_.]/g, '');
  let letters = 0;
  for (let index = 0; index < plain.length; index++) letters |= 1 << (plain.charCodeAt(index) & 31);
  return { text, plain, letters };
}

/** How many slips make one name of the other; null when it takes too many, or they are two names on purpose. */
export function slipsBetween(one: SpelledName, other: SpelledName): number | null {
  const shorter = Math.min(one.plain.length, other.plain.length);
  const most = shorter < longWord ? 1 : 2;
  if (Math.max(one.plain.length, other.plain.length) - shorter > most) return null;
  // A slip puts in one letter and leaves out another, at most.
  if (bitsIn(one.letters ^ other.letters) > 2 * most) return null;
  const slips = slipsUpTo(most, one.plain, other.plain);
  if (slips === null) return null;
  if (slips === 0) return 1;
  if (shorter < shortest || (shorter === shortest && one.letters !== other.letters)) return null;
  return isToldApart(one.text, other.text) ? null : slips;
}

/** By a number, or by one short word among others that are the same. */
function isToldApart(a: string, b: string): boolean {
  if (a.replaceAll(/\d/g, '') === b.replaceAll(/\d/g, '')) return true;
  const [wordsA, wordsB] = [a.split(/[-_.]/), b.split(/[-_.]/)];
  if (wordsA.length !== wordsB.length || wordsA.length < 2) return false;
  return wordsA.every((word, index) => {
    const other = wordsB[index] ?? '';
    return word === other || (word.length <= 2 && other.length <= 2);
  });
}

function bitsIn(number: number): number {
  let bits = 0;
  for (let rest = number; rest !== 0; rest &= rest - 1) bits++;
  return bits;
}

/** The distance of two texts; null where it is more than `most`. What both begin and end with is not looked at. */
function slipsUpTo(most: number, a: string, b: string): number | null {
  let from = 0;
  let [endA, endB] = [a.length, b.length];
  while (from < endA && from < endB && a.charCodeAt(from) === b.charCodeAt(from)) from++;
  while (endA > from && endB > from && a.charCodeAt(endA - 1) === b.charCodeAt(endB - 1)) {
    endA--;
    endB--;
  }
  const longer = Math.max(endA, endB) - from;
  if (longer <= 1) return longer;
  // One slip alone is what remains: one letter, or two that changed places.
  if (most === 1 && longer > 2) return null;
  const slips = distance(a.slice(from, endA), b.slice(from, endB));
  return slips <= most ? slips : null;
}

/**
 * The optimal string alignment distance: letters that were put in, left out, mistaken, or changed places with their
 * neighbour.
 */
function distance(a: string, b: string): number {
  let beforeLast: readonly number[] = [];
  let last: readonly number[] = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const isSame = a[row - 1] === b[column - 1];
      let least = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (isSame ? 0 : 1),
      );
      const swaps = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swaps) least = Math.min(least, (beforeLast[column - 2] ?? 0) + 1);
      current.push(least);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length] ?? 0;
}
