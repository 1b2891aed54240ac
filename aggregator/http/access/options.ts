/** How the HTTP side finds out who asks and whether they may. */
import type { AccessOutcome, AccessQuestion } from '../../model/access.ts';
import type { ReviewOutcome } from '../../model/token-review.ts';

export type AccessOptions =
  /** Nobody is asked who they are. For loopback addresses alone, and requests must name one of those. */
  | { readonly mode: 'none' }
  | {
      readonly mode: 'kubernetes';
      /** Of tokens that were made for us; any other is held against the API server's own audiences. */
      readonly audience: string;
      readonly reviewToken: (token: string, audiences: readonly string[]) => Promise<ReviewOutcome>;
      readonly reviewAccess: (question: AccessQuestion) => Promise<AccessOutcome>;
    };
