/** Whether what was kept of certificates still belongs together: anybody who may write the Secret may have changed it. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { DatedPair, IssuedState } from './issued-state.ts';

/** What cannot be used: `leaf` can be made anew, without the authority nothing can. */
export type Unsound = 'leaf' | 'authority';

/** Null where all of it can be used. An authority that agents are told must be one, whether it is in use or not. */
export function unsoundPart({ authority, leaf, next, former }: IssuedState): Unsound | null {
  const issuer = certificateOf(authority);
  if (issuer === null || (next !== null && certificateOf(next.authority) === null)) return 'authority';
  if (former !== null && readCertificate(former.certificate) === null) return 'authority';
  const own = certificateOf(leaf);
  return own?.checkIssued(issuer) && own.verify(issuer.publicKey) ? null : 'leaf';
}

/** Null where it cannot be read, the key is another's, or its times are not those that were kept with it. */
function certificateOf({ certificate, key, notBefore, notAfter }: DatedPair): X509Certificate | null {
  const read = readCertificate(certificate);
  if (read === null || Date.parse(read.validFrom) !== notBefore || Date.parse(read.validTo) !== notAfter) return null;
  try {
    return read.checkPrivateKey(createPrivateKey(key)) ? read : null;
  } catch {
    return null;
  }
}

function readCertificate(pem: string): X509Certificate | null {
  try {
    return new X509Certificate(pem);
  } catch {
    return null;
  }
}
