/** What texts of others may hold, and a snapshot or a finding must not: passwords, keys, tokens. */

/** Instead of a line that may hold one. */
export const leftOut = '(left out)';

/** `etcd` has `credentials USER PASSWORD`, `route53` has `aws_access_key ID SECRET`, `tsig` has `secret NAME KEY`. */
const telling =
  /pass|pwd|\bdsn\b|secret|token|credential|api[-_]?key|access[-_]?key|account[-_]?key|\bauth|\bbearer\b|\btsig/i;
/** `user:password@tcp(host)`, as databases are named. */
const withPassword = /\S:\S+@/;
/** `password=x`, `"auth":"x"`. */
const named = /\b(passw\w*|pwd|token|secret|auth)("?\s*[:=]\s*"?)[^\s",}]+/gi;
/** `https://user:password@host` */
const inUrl = /(:\/\/)[^/\s@]+@/g;
/** A JSON web token: three parts in base64url, of which the first two begin as JSON does. */
const jsonWebToken = /\beyJ[A-Za-z0-9_-]{5,}\.eyJ[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*)?/g;
const authorization = /\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}/gi;

/** The text of a configuration without the lines that may hold a secret; a line too many is no harm. Blocks stay whole. */
export function withoutSecretLines(text: string): string {
  const lines = text.split('\n').map((line) => {
    const indent = /^\s*/.exec(line)?.[0] ?? '';
    return telling.test(line) || withPassword.test(line) || line.search(inUrl) >= 0 || line.search(jsonWebToken) >= 0
      ? `${indent}${leftOut}${/\{\s*(?:#.*)?$/.test(line) ? ' {' : ''}`
      : line;
  });
  return lines.join('\n');
}

/** The text of a message, which is kept as far as it can be, without what is certainly a secret. */
export function withoutTokens(text: string): string {
  return text
    .replace(inUrl, `$1${leftOut}@`)
    .replace(jsonWebToken, leftOut)
    .replace(named, `$1$2${leftOut}`)
    .replace(authorization, (_whole, scheme: string) => `${scheme} ${leftOut}`);
}
