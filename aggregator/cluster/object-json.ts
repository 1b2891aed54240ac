/**
 * Objects in the API's own form, written from what is kept of them: what `readList` makes of it is the same again.
 * Nothing else of an object is there to be written: no environment, no argument, no annotation but ours.
 */

/** A member that is undefined is absent, as JSON.stringify has it. */
export type ObjectJson = Readonly<Record<string, unknown>>;

/** What kind of list an object is an item of. */
export interface ListKind {
  readonly apiVersion: string;
  /** `ServiceList`. */
  readonly kind: string;
}

/** A list as the API server answers it, in pieces of at most one object: all of them as one text may be too much. */
export function* listPieces<T>(
  { apiVersion, kind }: ListKind,
  objects: Iterable<T>,
  json: (object: T) => ObjectJson,
): Generator<string> {
  yield `{"kind":${JSON.stringify(kind)},"apiVersion":${JSON.stringify(apiVersion)},"metadata":{},"items":[`;
  let separator = '\n';
  for (const object of objects) {
    yield `${separator}${JSON.stringify(json(object))}`;
    separator = ',\n';
  }
  yield ']}\n';
}

/** `TCP` for `tcp`. */
export function protocolJson(protocol: string): string {
  return protocol.toUpperCase();
}

/** Absent where there is none, as the API has it. */
export function unlessNull<T>(value: T | null): T | undefined {
  return value ?? undefined;
}

/** Absent where it is 0, which in the API is the same. */
export function unlessZero(value: number): number | undefined {
  return value === 0 ? undefined : value;
}
