/**
 * POST /login and /logout: how a browser gets a session for a token, and gives it back. Another site must not do either
 * for somebody: its pages cannot set the header, and they come with an `Origin` of their own.
 */
import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify';
import { isToken } from '../../doors/bearer-token.ts';
import { problem } from '../errors.ts';
import { limits } from '../limits.ts';
import { type Gate, unrecognised } from './gate.ts';
import { isTls, refuse } from './gate-hook.ts';
import { loginPath, logoutPath } from './open-paths.ts';
import { plainRefusal, type Refusal, tooOften } from './refusal.ts';
import { cookieText, readCookie } from './session-cookie.ts';
import { whoamiOf } from './whoami.ts';

export interface LogInOptions {
  readonly gate: Gate;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** The routes of log-in and log-out. */
export const logIn: FastifyPluginCallback<LogInOptions> = (app, { gate, now }, done) => {
  const schema = { hide: true };
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, text, parsed) => {
    parsed(null, jsonOr(null, String(text)));
  });
  const onRequest = async (request: FastifyRequest, reply: FastifyReply) => {
    const refusal = strangeOrigin(request) ?? (request.url === loginPath ? tooManyLogIns(gate, request.ip) : null);
    if (refusal !== null) return refuse(reply, refusal);
  };
  app.post(loginPath, { schema, onRequest }, async (request, reply) => {
    if (gate.mode === 'none') return whoamiOf({ how: 'unasked' });
    const token = tokenIn(request.body);
    if (token === null) return refuse(reply, plainRefusal(badBody()));
    const recognition = await gate.recognise(token);
    if (recognition.kind !== 'known') return refuse(reply, unrecognised(recognition));
    const { person, expiresAt } = recognition;
    request.recognised = person;
    const begun = gate.sessions.begin({ token, person, expiresAt });
    if (begun === 'full') return refuse(reply, noRoom());
    const { id, session } = begun;
    const seconds = Math.max(0, Math.floor((session.until - now()) / 1000));
    void reply.header('set-cookie', cookieText(id, { seconds, isTls: isTls(request) }));
    return whoamiOf({ how: 'session', person, session, until: session.until });
  });
  app.post(logoutPath, { schema, onRequest }, async (request, reply) => {
    const id = readCookie(request.headers.cookie, isTls(request));
    const session = id === null ? null : gate.sessions.find(id);
    if (session !== null) gate.sessions.end(session);
    request.recognised = session?.person ?? null;
    void reply.header('set-cookie', cookieText('', { seconds: 0, isTls: isTls(request) }));
    return reply.code(204).send();
  });
  done();
};

function strangeOrigin({ headers }: FastifyRequest): Refusal | null {
  const { host = '', origin = '', 'x-plumbline': mark } = headers;
  const isOurs = mark === '1' && [`http://${host}`, `https://${host}`].includes(origin.toLowerCase());
  if (isOurs) return null;
  const detail = `Send \`x-plumbline: 1\`, and an \`Origin\` of this very host: ${JSON.stringify(host)}.`;
  return plainRefusal(problem('cross-site', detail));
}

function tooManyLogIns(gate: Gate, source: string): Refusal | null {
  if (gate.admitsLogIn(source)) return null;
  return tooOften(`From one address ${limits.logIns.atOnce} log-ins a minute are taken.`, 10);
}

function jsonOr(fallback: unknown, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return fallback;
  }
}

/** People paste tokens with what stands around them. */
function tokenIn(body: unknown): string | null {
  if (typeof body !== 'object' || body === null || !('token' in body) || Object.keys(body).length > 1) return null;
  const token = typeof body.token === 'string' ? body.token.trim() : '';
  return isToken(token) ? token : null;
}

function badBody() {
  return problem('bad-body', 'The body must be {"token": "..."}, with a token as `kubectl create token` prints it.');
}

function noRoom(): Refusal {
  const detail = 'A thousand sessions are open. Send the token as a header, or come again later.';
  return { problem: problem('too-many-sessions', detail), headers: { 'retry-after': '60' } };
}
