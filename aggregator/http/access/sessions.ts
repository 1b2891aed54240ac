/**
 * Sessions of the page. A browser gets a random name for the token instead of the token, which stays in memory here and
 * is reviewed again like any other. What is kept of the name is its hash: who reads this memory learns no cookie.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Person } from '../../model/access.ts';

export interface Session {
  /** Hash of the name that the browser has. */
  readonly key: string;
  readonly token: string;
  /** As the API server knew them at the log-in: for the log. What they may is asked anew. */
  readonly person: Person;
  /** Unix milliseconds. */
  readonly until: number;
}

export interface NewSession {
  readonly token: string;
  readonly person: Person;
  /** When the token ends, Unix milliseconds; null where it does not say. */
  readonly expiresAt: number | null;
}

const longestMs = 3_600_000;
const mostSessions = 1_000;
/** Of one person; a further one ends the oldest, so that nobody can fill the room of all others. */
const mostOfOne = 20;
const idForm = /^[A-Za-z0-9_-]{43}$/;

export class Sessions {
  readonly #now: () => number;
  /** Oldest first. */
  readonly #open = new Map<string, Session>();

  /** @param now Unix milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** How many are open. */
  get size(): number {
    this.#sweep();
    return this.#open.size;
  }

  /** Opens one. @returns it with its name for the browser; `full` when there is no room. */
  begin({ token, person, expiresAt }: NewSession): { readonly id: string; readonly session: Session } | 'full' {
    this.#sweep();
    const own = [...this.#open.values()].filter((session) => session.person.username === person.username);
    const [oldest] = own;
    if (oldest !== undefined && own.length >= mostOfOne) this.end(oldest);
    if (this.#open.size >= mostSessions) return 'full';
    const latest = this.#now() + longestMs;
    const id = randomBytes(32).toString('base64url');
    const session: Session = { key: keyOf(id), token, person, until: Math.min(latest, expiresAt ?? latest) };
    this.#open.set(session.key, session);
    return { id, session };
  }

  /** The open session of this name; null when there is none, or not any more. */
  find(id: string): Session | null {
    if (!idForm.test(id)) return null;
    const session = this.#open.get(keyOf(id));
    return session !== undefined && this.isOpen(session) ? session : null;
  }

  isOpen(session: Session): boolean {
    return session.until > this.#now() && this.#open.has(session.key);
  }

  end(session: Session): void {
    this.#open.delete(session.key);
  }

  #sweep(): void {
    for (const session of this.#open.values()) if (session.until <= this.#now()) this.end(session);
  }
}

function keyOf(id: string): string {
  return createHash('sha256').update(id).digest('base64');
}
