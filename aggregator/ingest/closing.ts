/** Why a stream is refused or ended, in words that name no transport. */

export type ClosingCode =
  /** It broke the protocol. */
  | 'invalid-argument'
  /** No token, or none that the API server takes. */
  | 'unauthenticated'
  /** The token is somebody else's, or another stream speaks for the node. */
  | 'permission-denied'
  /** Nothing is wrong with the stream: it is worth dialling again. */
  | 'unavailable'
  /** It took more than its share. */
  | 'resource-exhausted';

export interface Closing {
  readonly code: ClosingCode;
  /** A label for counting: few, fixed words. */
  readonly reason: string;
  /** For the agent's log. */
  readonly message: string;
  /** When it is worth dialling again. */
  readonly retryAfterMs?: number;
}

/** A stream that broke the protocol. */
export function brokenProtocol(reason: string, message: string): Closing {
  return { code: 'invalid-argument', reason, message };
}
