/** Certificates for tests, made by openssl(1) in a folder of their own. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TestCertificate {
  readonly certificate: string;
  readonly key: string;
}

export interface TestAuthority extends TestCertificate {
  /** A server certificate for `aggregator.test`, valid for a week unless said. */
  issue(sketch?: { readonly algorithm?: 'ec' | 'rsa'; readonly days?: number }): TestCertificate;
  /** Removes what was made. */
  remove(): void;
}

const algorithms = {
  ec: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
  rsa: ['-newkey', 'rsa:2048'],
};

/**
 * A certificate authority.
 * @throws when there is no openssl.
 */
export function testAuthority(): TestAuthority {
  const folder = mkdtempSync(join(tmpdir(), 'plumbline-certificates-'));
  const file = (name: string) => join(folder, name);
  const openssl = (...args: readonly string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const read = (name: string): TestCertificate => ({
    certificate: readFileSync(file(`${name}.crt`), 'utf8'),
    key: readFileSync(file(`${name}.key`), 'utf8'),
  });
  const out = (name: string) => ['-nodes', '-keyout', file(`${name}.key`)];
  openssl(
    'req',
    '-x509',
    ...algorithms.ec,
    ...out('ca'),
    '-out',
    file('ca.crt'),
    '-days',
    '30',
    '-subj',
    '/CN=test CA',
  );
  let issued = 0;
  return {
    ...read('ca'),
    issue({ algorithm = 'ec', days = 7 } = {}) {
      const name = `server-${++issued}`;
      const subject = ['-subj', '/CN=aggregator.test', '-addext', 'subjectAltName=DNS:aggregator.test'];
      openssl('req', '-new', ...algorithms[algorithm], ...out(name), '-out', file(`${name}.csr`), ...subject);
      const signed = ['-CA', file('ca.crt'), '-CAkey', file('ca.key'), '-CAcreateserial', '-copy_extensions', 'copy'];
      openssl(
        'x509',
        '-req',
        '-in',
        file(`${name}.csr`),
        '-out',
        file(`${name}.crt`),
        ...signed,
        '-days',
        String(days),
      );
      return read(name);
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
