/** Who asks, and whether they may. Answered by aggregator/cluster, asked by aggregator/http. */

/** A user as the API server knows it: all of this decides what it may. */
export interface Person {
  readonly username: string;
  /** Null where the API server gave none. */
  readonly uid: string | null;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

/** May this person do this to this path? */
export interface AccessQuestion {
  readonly person: Person;
  /** A non-resource URL, as rules of ClusterRoles name it. */
  readonly path: string;
  /** The method in lower case; HEAD is `get`. */
  readonly verb: string;
}

/** An answer of the API server, or why there is none. Only an answer that says so allows. */
export type AccessOutcome =
  | { readonly ok: true; readonly allowed: boolean }
  | { readonly ok: false; readonly message: string };
