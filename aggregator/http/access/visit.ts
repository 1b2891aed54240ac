/** Who a request is from, once it was let in. */
import type { Person } from '../../model/access.ts';
import type { Session } from './sessions.ts';

export type Visit =
  /** Requests are not asked who they are from: a demo, a test. */
  | { readonly how: 'unasked' }
  /** A path that is open to anybody. */
  | { readonly how: 'open' }
  | { readonly how: 'token'; readonly person: Person; readonly token: string; readonly until: number | null }
  | { readonly how: 'session'; readonly person: Person; readonly session: Session; readonly until: number };

declare module 'fastify' {
  interface FastifyRequest {
    /** Null until it was let in. */
    visit: Visit | null;
    /** Who was recognised, let in or not: for the audit log. */
    recognised: Person | null;
  }
}

/** The person of a visit; null where nobody was asked. */
export function personOf(visit: Visit | null): Person | null {
  return visit !== null && 'person' in visit ? visit.person : null;
}
