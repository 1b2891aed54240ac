/**
 * Who may have what. Every request passes here before its route is asked, and what its route is asked for is letter for
 * letter what the API server is asked about (plain-path.ts).
 */
import { isToken } from '../../doors/bearer-token.ts';
import { AccessReviews } from '../../doors/access-reviews.ts';
import type { Person } from '../../model/access.ts';
import type { Figure } from '../../model/record.ts';
import { problem } from '../errors.ts';
import { limits } from '../limits.ts';
import { Authentication, type Recognition } from './authentication.ts';
import { gateFigures } from './gate-figures.ts';
import { isLoopbackHost } from './loopback-host.ts';
import { healthPaths, isOpen } from './open-paths.ts';
import type { AccessOptions } from './options.ts';
import { Paces } from './paces.ts';
import { noReview, notAllowed, plainRefusal, type Refusal, tooOften, unknownPerson } from './refusal.ts';
import { reviewedPath } from './reviewed-path.ts';
import { type Session, Sessions } from './sessions.ts';
import type { Visit } from './visit.ts';

/** What of a request decides. */
export interface Knock {
  /** As fastify writes routes. */
  readonly route: string;
  /** Plain, and without its query. */
  readonly path: string;
  /** `get` for HEAD too. */
  readonly verb: string;
  /** The address that it comes from. */
  readonly source: string;
  readonly host: string;
  readonly authorization: string | null;
  /** The name of a session, out of its cookie. */
  readonly sessionId: string | null;
}

export type Admission =
  | { readonly ok: true; readonly visit: Visit; readonly recognised: Person | null }
  | { readonly ok: false; readonly refusal: Refusal; readonly recognised: Person | null };

export interface GateOptions {
  readonly access: AccessOptions;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Milliseconds. */
  readonly monotonic: () => number;
}

interface Shown {
  readonly token: string;
  readonly session: Session | null;
}

type Kubernetes = Extract<AccessOptions, { readonly mode: 'kubernetes' }>;

export class Gate {
  readonly sessions: Sessions;
  readonly mode: AccessOptions['mode'];
  readonly #monotonic: () => number;
  readonly #authentication: Authentication | null;
  readonly #accessReviews: AccessReviews | null;
  readonly #people = new Paces(limits.person);
  readonly #sources = new Paces(limits.source);
  readonly #logIns = new Paces(limits.logIns);

  constructor({ access, now, monotonic }: GateOptions) {
    const kubernetes: Kubernetes | null = access.mode === 'kubernetes' ? access : null;
    this.mode = access.mode;
    this.#monotonic = monotonic;
    this.sessions = new Sessions(now);
    this.#authentication = kubernetes === null ? null : new Authentication({ ...kubernetes, now });
    this.#accessReviews = kubernetes === null ? null : new AccessReviews({ ...kubernetes, now });
  }

  /** Whether this request is answered, and for whom. */
  async admit(knock: Knock): Promise<Admission> {
    if (this.mode === 'none') return admitUnasked(knock);
    if (isOpen(knock.route)) return this.#admitOpen(knock);
    const shown = this.#shownBy(knock);
    const isFree = 'token' in shown && this.#authentication?.isKnownGood(shown.token) === true;
    if (!isFree && !this.#sources.admits(knock.source, this.#monotonic())) return refused(tooManyStrangers());
    if ('problem' in shown) return refused(shown);
    const recognition = await this.recognise(shown.token);
    if (recognition.kind !== 'known') return refused(unrecognised(recognition));
    const { person, expiresAt } = recognition;
    if (!this.#people.admits(`${person.uid} ${person.username}`, this.#monotonic())) {
      return refused(tooOften(`A person is answered ${limits.person.perSecond} times a second.`, 1), person);
    }
    const objection = await this.#objection(person, knock);
    if (objection !== null) return refused(objection, person);
    return { ok: true, visit: visitOf(shown, person, expiresAt), recognised: person };
  }

  /** Whose a token is. */
  async recognise(token: string): Promise<Recognition> {
    return this.#authentication?.recognise(token) ?? { kind: 'refused' };
  }

  /** Whether one more log-in may be tried from here. */
  admitsLogIn(source: string): boolean {
    return this.#logIns.admits(source, this.#monotonic());
  }

  /** Whether a visit that goes on may go on: false when its token or right is gone, not while nobody can say. */
  async mayStay(visit: Visit, path: string): Promise<boolean> {
    if (!('person' in visit)) return true;
    const recognition = await this.recognise(visit.how === 'token' ? visit.token : visit.session.token);
    if (recognition.kind !== 'known') return recognition.kind === 'unavailable';
    const reviewed = await this.#accessReviews?.review({
      person: recognition.person,
      path: reviewedPath(path),
      verb: 'get',
    });
    return reviewed === undefined || reviewed === 'busy' || !reviewed.ok || reviewed.allowed;
  }

  figures(): readonly Figure[] {
    const [tokens, access] = [this.#authentication?.outcomes, this.#accessReviews?.outcomes];
    return gateFigures({
      tokenReviews: tokens?.entries() ?? [],
      accessReviews: access?.entries() ?? [],
      sessions: this.sessions.size,
    });
  }

  #admitOpen({ route, source }: Knock): Admission {
    const isHealth = healthPaths.some((path) => path === route);
    if (isHealth || this.#sources.admits(source, this.#monotonic())) {
      return { ok: true, visit: { how: 'open' }, recognised: null };
    }
    return refused(tooManyStrangers());
  }

  /** A header counts before a cookie: a program says on purpose who it is. */
  #shownBy({ authorization, sessionId }: Knock): Shown | Refusal {
    if (authorization !== null) {
      const [, token = ''] = /^Bearer (.*)$/.exec(authorization) ?? [];
      return isToken(token) ? { token, session: null } : unknownPerson('The header authorization has no bearer token.');
    }
    if (sessionId === null) return unknownPerson('Nothing says who asks.');
    const session = this.sessions.find(sessionId);
    return session === null ? unknownPerson('The session has ended.') : { token: session.token, session };
  }

  async #objection(person: Person, { path, verb }: Knock): Promise<Refusal | null> {
    const reviewed = await this.#accessReviews?.review({ person, path: reviewedPath(path), verb });
    if (reviewed === undefined || reviewed === 'busy') return noReview('too many requests are under review');
    if (!reviewed.ok) return noReview('the API server did not review the access');
    return reviewed.allowed ? null : notAllowed(person.username, verb, path);
  }
}

/** A page of another site could have its own name lead to this machine, and read along. */
function admitUnasked({ host }: Knock): Admission {
  if (isLoopbackHost(host)) return { ok: true, visit: { how: 'unasked' }, recognised: null };
  const detail = `Nobody is asked who they are here, so only requests to localhost are answered, not to ${JSON.stringify(host)}.`;
  return refused(plainRefusal(problem('wrong-host', detail)));
}

/** The refusal of a token that gave no person. */
export function unrecognised(recognition: Exclude<Recognition, { readonly kind: 'known' }>): Refusal {
  switch (recognition.kind) {
    case 'refused':
      return unknownPerson('The API server does not take the token: it expired, or was made for somebody else.');
    case 'unavailable':
      return noReview(recognition.because);
  }
}

function tooManyStrangers(): Refusal {
  return tooOften(
    `From one address ${limits.source.perSecond} requests a second are answered before somebody is known.`,
    1,
  );
}

function visitOf({ token, session }: Shown, person: Person, expiresAt: number | null): Visit {
  if (session === null) return { how: 'token', person, token, until: expiresAt };
  return { how: 'session', person, session, until: session.until };
}

function refused(refusal: Refusal, recognised: Person | null = null): Admission {
  return { ok: false, refusal, recognised };
}
