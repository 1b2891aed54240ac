/**
 * The cookie of a session: https://www.rfc-editor.org/rfc/rfc6265. Scripts cannot read it, other sites cannot have it sent;
 * over TLS its name alone keeps browsers from taking one that was set without TLS, or for another host.
 */

/** Its name, on a connection with TLS or without. */
function cookieName(isTls: boolean): string {
  return isTls ? '__Host-plumbline-session' : 'plumbline-session';
}

/** Its value in a `cookie` header; null without one, and where there are two: one of them is somebody else's. */
export function readCookie(header: string | undefined, isTls: boolean): string | null {
  const start = `${cookieName(isTls)}=`;
  const values = (header ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(start));
  return values.length === 1 ? (values[0]?.slice(start.length) ?? null) : null;
}

/** The `set-cookie` header that gives it for so many seconds; 0 takes it away. */
export function cookieText(
  id: string,
  { seconds, isTls }: { readonly seconds: number; readonly isTls: boolean },
): string {
  const common = `${cookieName(isTls)}=${id}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict`;
  return isTls ? `${common}; Secure` : common;
}
