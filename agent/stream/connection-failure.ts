/**
 * Why a connection did not come about, out of what Node or grpc-js say of it:
 *
 *     connect ECONNREFUSED 10.96.3.7:8443
 *     Name resolution failed for target dns:plumbline-aggregator.plumbline.svc:8443
 *     No connection established. Last error: Error: self-signed certificate; if the root CA is installed locally, try ...
 */
import type { WayFailure } from '../../proto/ways.ts';

const signs: readonly (readonly [WayFailure, RegExp])[] = [
  ['refused', /ECONNREFUSED/],
  ['timeout', /ETIMEDOUT|timed out|deadline exceeded/i],
  ['name-unknown', /ENOTFOUND|EAI_|Name resolution failed/],
  // OpenSSL's codes, Node's own for names that do not match, and what is no TLS at all.
  ['tls', /certificate|ERR_TLS|ERR_SSL|CERT_|SSL routines|altnames/i],
  ['unreachable', /EHOSTUNREACH|ENETUNREACH|ECONNRESET|EPIPE|ENOENT|EACCES|EADDRNOTAVAIL|No connection established/],
];

/** Null where the text tells of no connection. */
export function connectionFailure(text: string): WayFailure | null {
  return signs.find(([, sign]) => sign.test(text))?.[0] ?? null;
}
