/** What the aggregator keeps in objects of the API: a Secret of its own, and a ConfigMap. */

/** An object of the API with text in it, and the version that a change of it is of. */
export interface KeptObject {
  readonly version: string;
  readonly data: Readonly<Record<string, string>>;
}

export type KeptAnswer<T> =
  | { readonly ok: true; readonly value: T }
  /** `conflict`: somebody changed it meanwhile. `refused`: it will not be otherwise. `unreachable`: it may be later. */
  | { readonly ok: false; readonly kind: 'conflict' | 'refused' | 'unreachable'; readonly message: string };

/** One Secret or ConfigMap. */
export interface Keeper {
  /** `Secret plumbline/plumbline-tls`. */
  readonly name: string;
  read(): Promise<KeptAnswer<KeptObject>>;
  /** Keys that are not in `data` stay as they are. */
  write(version: string, data: Readonly<Record<string, string>>): Promise<KeptAnswer<null>>;
}
