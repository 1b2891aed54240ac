/**
 * Files of a recording that hold many: one JSON object, from paths to what the files held. A thousand of them are asked
 * for one by one, so each object is read once for as long as its file stays the same.
 */
import { readFileSync, statSync } from 'node:fs';

export type RecordedTexts = ReadonlyMap<string, string>;

interface Kept {
  readonly stamp: string;
  readonly texts: RecordedTexts;
}

const mostKept = 8;
const kept = new Map<string, Kept>();

/** The texts in a file; none where it is not there or is no such object. */
export function recordedTexts(path: string | null): RecordedTexts {
  if (path === null) return new Map();
  const { mtimeMs, size, ino } = statSync(path);
  const stamp = `${mtimeMs} ${size} ${ino}`;
  const known = kept.get(path);
  if (known?.stamp === stamp) return known.texts;
  const texts = textsIn(readFileSync(path, 'utf8'));
  if (kept.size >= mostKept) kept.clear();
  kept.set(path, { stamp, texts });
  return texts;
}

function textsIn(text: string): RecordedTexts {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    return new Map();
  }
  if (typeof content !== 'object' || content === null) return new Map();
  return new Map(Object.entries(content).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}
