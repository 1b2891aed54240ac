/** What the API server says of a token. Made by aggregator/cluster/token-review.ts, judged by aggregator/ingest and aggregator/http. */

/** The status of a TokenReview; what the API left out is empty. */
export interface TokenReviewStatus {
  readonly authenticated: boolean;
  /** `system:serviceaccount:NAMESPACE:NAME`. */
  readonly username: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  /** `authentication.kubernetes.io/pod-uid` and others, each with its values. */
  readonly extra: Readonly<Record<string, readonly string[]>>;
  /** Those of the audiences asked for that the token has; empty from an authenticator that knows no audiences. */
  readonly audiences: readonly string[];
  /** Why it is not authenticated; null without a word. */
  readonly error: string | null;
}

/** An answer of the API server, or why there is none: it is down, refuses to review, or answered something else. */
export type ReviewOutcome =
  | { readonly ok: true; readonly status: TokenReviewStatus }
  | { readonly ok: false; readonly message: string };
