/** Tokens as they come in a header, and what they say of themselves: never verified here, that is the API server's. */

/** A token of the API server has about 1,200 characters. */
const tokenForm = /^[A-Za-z0-9._~+/=-]{1,16384}$/;

/** The token of an `authorization` header; null where it is none. */
export function bearerOf(authorization: string | null): string | null {
  const token = /^Bearer (.*)$/.exec(authorization ?? '')?.[1];
  return token !== undefined && isToken(token) ? token : null;
}

/** Whether a text can be a token at all. */
export function isToken(text: string): boolean {
  return tokenForm.test(text);
}

/**
 * When a token expires by its own word, Unix milliseconds; null where it says nothing. It may only make a stream, a
 * session or a memory shorter.
 */
export function expiryOf(token: string): number | null {
  const exp = claimsOf(token)?.exp;
  return typeof exp === 'number' && Number.isFinite(exp) && exp > 0 ? exp * 1000 : null;
}

/** For whom a token is by its own word. It may only choose what the API server is asked about it. */
export function audiencesOf(token: string): readonly string[] {
  const aud = claimsOf(token)?.aud;
  return (Array.isArray(aud) ? aud : [aud]).filter((name) => typeof name === 'string');
}

function claimsOf(token: string): Readonly<Record<string, unknown>> | null {
  const [, payload] = token.split('.');
  try {
    const told: unknown = JSON.parse(Buffer.from(payload ?? '', 'base64url').toString('utf8'));
    return typeof told === 'object' && told !== null ? { ...told } : null;
  } catch {
    return null;
  }
}
