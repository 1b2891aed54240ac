/** Tokens of ServiceAccounts by TokenRequest. Forms and words are the real server's; the signature signs nothing. */
import { randomUUID } from 'node:crypto';
import { type Asked, answerFailure, answerJson, type Reply } from './exchange.ts';
import type { KnownToken } from './reviews.ts';

export interface AccountPlace {
  readonly namespace: string;
  readonly name: string;
}

const leastSeconds = 600;
const usualSeconds = 3600;

/** The ServiceAccount that a token is asked of; null where the path is another. */
export function accountOf({ path }: Pick<Asked, 'path'>): AccountPlace | null {
  const match = /^\/api\/v1\/namespaces\/([^/]+)\/serviceaccounts\/([^/]+)\/token$/.exec(path);
  return match === null ? null : { namespace: String(match[1]), name: String(match[2]) };
}

/**
 * Answers with a token that counts for the audiences asked for.
 * @param now Unix milliseconds.
 * @returns the token, for those who review it; null when it was refused.
 */
export function answerTokenRequest(
  asked: Asked,
  { account, isThere, now }: { readonly account: AccountPlace; readonly isThere: boolean; readonly now: number },
  reply: Reply,
): KnownToken | null {
  const { namespace, name } = account;
  if (!isThere) {
    const message = `serviceaccounts "${name}" not found`;
    answerFailure(reply, { code: 404, reason: 'NotFound', message, details: { name, kind: 'serviceaccounts' } });
    return null;
  }
  const spec = specOf(asked.body);
  const { audiences = [], expirationSeconds = usualSeconds } = spec ?? {};
  if (spec === null || expirationSeconds < leastSeconds) {
    const message =
      spec === null
        ? 'the object provided is unrecognized (must be of type TokenRequest)'
        : `TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: ${expirationSeconds}: may not specify a duration less than 10 minutes`;
    answerFailure(
      reply,
      spec === null ? { code: 400, reason: 'BadRequest', message } : { code: 422, reason: 'Invalid', message },
    );
    return null;
  }
  const expires = Math.floor(now / 1000) + expirationSeconds;
  const token = tokenText(account, audiences, expires);
  const kind = { kind: 'TokenRequest', apiVersion: 'authentication.k8s.io/v1' };
  answerJson(reply, 201, {
    ...kind,
    metadata: { name, namespace, creationTimestamp: timeText(now) },
    spec: { audiences, expirationSeconds, boundObjectRef: null },
    status: { token, expirationTimestamp: timeText(expires * 1000) },
  });
  return knownToken(account, token, audiences);
}

function knownToken({ namespace, name }: AccountPlace, token: string, audiences: readonly string[]): KnownToken {
  return {
    token,
    username: `system:serviceaccount:${namespace}:${name}`,
    uid: `uid-of-${name}`,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
    extra: {},
    audiences,
    pod: null,
  };
}

interface TokenSpec {
  readonly audiences?: readonly string[];
  readonly expirationSeconds?: number;
}

function specOf(body: string): TokenSpec | null {
  try {
    const { kind, spec } = JSON.parse(body);
    return kind === 'TokenRequest' && typeof spec === 'object' ? spec : null;
  } catch {
    return null;
  }
}

/** A JWT, as far as one reads it without checking it. https://www.rfc-editor.org/rfc/rfc7519 */
function tokenText({ namespace, name }: AccountPlace, audiences: readonly string[], expires: number): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = {
    aud: audiences,
    exp: expires,
    iss: 'https://kubernetes.default.svc',
    jti: randomUUID(),
    sub: `system:serviceaccount:${namespace}:${name}`,
  };
  return [part({ alg: 'RS256', kid: 'stand-in' }), part(claims), part('of the stand-in')].join('.');
}

function timeText(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
