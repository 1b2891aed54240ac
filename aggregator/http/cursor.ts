/** Where a page of a list ended. Opaque to clients: base64url of a JSON array. */

/** A place in a list. It names the last row shown, so that rows which come or go move nothing. */
export type Place =
  /** Behind the open finding of this position, see finding-order.ts. */
  | { readonly in: 'open'; readonly position: string }
  /** Behind this finding of those that ended; null = before the first. */
  | { readonly in: 'ended'; readonly before: { readonly endedAt: string; readonly fingerprint: string } | null }
  /** Behind the row of this name. */
  | { readonly in: 'names'; readonly name: string };

/** The cursor of a place. */
export function cursorOf(place: Place): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

/** The place of a cursor; null when it is none. */
export function placeOf(cursor: string): Place | null {
  let read: unknown;
  try {
    read = JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    return null;
  }
  return isPlace(read) && cursorOf(read) === cursor ? read : null;
}

function isPlace(read: unknown): read is Place {
  if (!isObject(read)) return false;
  switch (read.in) {
    case 'open':
      return typeof read.position === 'string';
    case 'names':
      return typeof read.name === 'string';
    case 'ended': {
      const { before } = read;
      return before === null || (isObject(before) && isTime(before.endedAt) && typeof before.fingerprint === 'string');
    }
    default:
      return false;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function isTime(value: unknown): boolean {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value));
}
