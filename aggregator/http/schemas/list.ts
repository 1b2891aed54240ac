/** What all documents and lists have in common. Response schemas are also filters: what they do not name is not sent. */
import Type, { type Static, type TSchema } from 'typebox';

export const apiVersion = 'plumbline.dev/v1';

/** A string, or null for the reason that the description gives. */
export function nullableString(description: string) {
  return Type.Unsafe<string | null>({ type: ['string', 'null'], description });
}

/** A number, or null for the reason that the description gives. */
export function nullableNumber(description: string) {
  return Type.Unsafe<number | null>({ type: ['number', 'null'], description });
}

/** A named schema in the place where it is used: OpenAPI then has it once, under its name. */
export function reference<S extends TSchema>(schema: S & { readonly $id?: string }) {
  return Type.Unsafe<Static<S>>({ $ref: `${schema.$id}#` });
}

/** A list of these things. */
export function listOf<S extends TSchema>(kind: string, items: S) {
  return Type.Object(
    {
      apiVersion: Type.Literal(apiVersion),
      kind: Type.Literal(kind),
      items: Type.Array(items),
      total: nullableNumber('How many there are on all pages; null where nobody has counted: findings that ended.'),
      next: nullableString('The cursor of the next page; null on the last.'),
    },
    { $id: kind },
  );
}

/** The answer of a list. */
export function list<T>(kind: string, items: readonly T[], total: number | null, next: string | null) {
  return { apiVersion: version(), kind, items: [...items], total, next };
}

/** One thing as a document of its own. */
export function document<K extends string, T extends object>(kind: K, fields: T) {
  return { apiVersion: version(), kind, ...fields };
}

function version(): typeof apiVersion {
  return apiVersion;
}
