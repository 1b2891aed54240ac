/** Where the API server is and what lets us in, as a kubeconfig file or a pod's service account say. */

export interface ApiAccess {
  /** `https://192.0.2.10:6443`, with a path where the API lies below one. */
  readonly server: string;
  /** What lets a request in that is made now: tokens and certificates change while we run. */
  current(): Promise<Credentials | NoCredentials>;
  /** The server refused them: read all anew next time. */
  renew(): void;
}

export interface Credentials {
  readonly ok: true;
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsMaterial;
  /** A proxy to go through; null for none. */
  readonly proxy: string | null;
}

export interface NoCredentials {
  readonly ok: false;
  readonly message: string;
}

/** As node:tls takes it; what is left out has Node's own default. */
export interface TlsMaterial {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

/** Access that was found, or what stands in the way. */
export type FoundAccess =
  | { readonly ok: true; readonly access: ApiAccess }
  /** `isNowhere`: nothing was said of a cluster, which differs from something wrong. */
  | { readonly ok: false; readonly message: string; readonly isNowhere?: true };

/** What was thrown, as one sentence; several addresses tried fail with one reason each. */
export function causeText(cause: unknown): string {
  if (cause instanceof AggregateError && cause.errors.length > 0) return causeText(cause.errors[0]);
  if (!(cause instanceof Error)) return String(cause);
  return cause.message === '' && 'code' in cause ? String(cause.code) : cause.message;
}
