/** A certificate for an aggregator of a test. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { testAuthority } from '../certificates.ts';

export interface CertificateFiles {
  /** Settings of the aggregator. */
  readonly options: readonly string[];
  /** The file of the authority that signed it. */
  readonly authority: string;
  /** The name in it. */
  readonly serverName: string;
}

/** Writes one of 30 days into the folder. */
export function certificateFiles(folder: string): CertificateFiles {
  const authority = testAuthority();
  const issued = authority.issue({ days: 30 });
  authority.remove();
  const written = (name: string, text: string) => {
    const path = join(folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  return {
    options: [
      ...['--tls-cert-file', written('tls.crt', issued.certificate)],
      ...['--tls-key-file', written('tls.key', issued.key)],
    ],
    authority: written('ca.crt', authority.certificate),
    serverName: 'aggregator.test',
  };
}
