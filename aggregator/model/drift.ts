/** The difference between what a node should do and what it does, per frontend. */
import type { Backend, Prefix } from '../../proto/address.ts';
import type { Dress, Forwarding, Frontend, FrontendKey, Origin, Route, UnknownReason } from '../../proto/forwarding.ts';

/** Which sources of one origin are forwarded, and what becomes of the others; see Route. */
export interface SourceRule {
  readonly sources: 'any' | readonly Prefix[];
  readonly otherwise: 'reject' | 'drop' | 'none';
}

/** One aspect in which one origin's fate differs. Where the actions differ, no other aspect of that origin is told. */
export type Difference =
  /** The actions differ: forward, reject, drop, none. */
  | {
      readonly aspect: 'action';
      readonly origin: Origin;
      readonly wanted: Route['action'];
      readonly real: Route['action'];
    }
  | {
      readonly aspect: 'backends';
      readonly origin: Origin;
      readonly missing: readonly Backend[];
      readonly stale: readonly Backend[];
    }
  | {
      readonly aspect: 'affinity';
      readonly origin: Origin;
      readonly wanted: number | 'partial';
      readonly real: number | 'partial';
    }
  | {
      readonly aspect: 'sources';
      readonly origin: Origin;
      readonly wanted: SourceRule;
      readonly real: SourceRule;
    }
  | {
      readonly aspect: 'shares';
      readonly origin: Origin;
      readonly wanted: Dress['shares'];
      readonly real: Dress['shares'];
    }
  | {
      readonly aspect: 'masquerade';
      readonly origin: Origin;
      readonly wanted: Dress['masquerade'];
      readonly real: Dress['masquerade'];
    }
  | {
      readonly aspect: 'hairpin';
      readonly origin: Origin;
      readonly wanted: Dress['hairpin'];
      readonly real: Dress['hairpin'];
    };

export type Drift =
  /** The node should have this frontend and nothing takes its packets, from any origin. */
  | { readonly kind: 'missing'; readonly key: FrontendKey; readonly frontend: Frontend; readonly wanted: Forwarding }
  /** The node has a frontend that no Service asks for. */
  | { readonly kind: 'stale'; readonly key: FrontendKey; readonly frontend: Frontend; readonly real: Forwarding }
  | {
      readonly kind: 'different';
      readonly key: FrontendKey;
      readonly frontend: Frontend;
      readonly wanted: Forwarding;
      readonly real: Forwarding;
      /** Never empty. */
      readonly differences: readonly Difference[];
    }
  /** Some origin's fate could not be read; nothing is claimed of the frontend. */
  | {
      readonly kind: 'unknown';
      readonly key: FrontendKey;
      readonly frontend: Frontend;
      readonly reason: UnknownReason;
    };
