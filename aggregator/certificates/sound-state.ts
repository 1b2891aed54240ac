/** Whether what was kept of certificates still belongs together: anybody who may write the Secret may have changed it. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { IssuedState, Pair } from './issued-state.ts';

/** What cannot be used: `leaf` can be made anew, without the authority nothing can. */
export type Unsound = 'leaf' | 'authority';

/** Null where all of it can be used. */
export function unsoundPart({ authority, leaf }: IssuedState): Unsound | null {
  const issuer = certificateOf(authority);
  if (issuer === null) return 'authority';
  const own = certificateOf(leaf);
  return own?.checkIssued(issuer) && own.verify(issuer.publicKey) ? null : 'leaf';
}

/** Null where it cannot be read, or the key is another's. */
function certificateOf({ certificate, key }: Pair): X509Certificate | null {
  try {
    const read = new X509Certificate(certificate);
    return read.checkPrivateKey(createPrivateKey(key)) ? read : null;
  } catch {
    return null;
  }
}
