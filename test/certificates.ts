/** Certificates for tests, made and verified by openssl(1) in folders of their own. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

export interface Shown {
  /** What a client trusts, PEM. */
  readonly bundle: string;
  /** What a server shows, PEM: its own certificate first. */
  readonly chain: string;
  /** The name that the client asks for. */
  readonly name: string;
  /** Unix milliseconds. */
  readonly at: number;
}

/** `OK`, or why a client must not take it. */
export function opensslVerdict({ bundle, chain, name, at }: Shown): string {
  const folder = mkdtempSync(join(tmpdir(), 'plumbline-shown-'));
  writeFileSync(join(folder, 'ca.crt'), bundle);
  writeFileSync(join(folder, 'tls.crt'), chain);
  const strict = ['-x509_strict', '-purpose', 'sslserver', '-verify_hostname', name];
  const when = ['-attime', String(Math.floor(at / 1000))];
  const verify = ['verify', ...strict, ...when, '-CAfile', 'ca.crt', 'tls.crt'];
  const { status, stderr } = spawnSync('openssl', verify, { cwd: folder, encoding: 'utf8' });
  rmSync(folder, { recursive: true });
  return status === 0 ? 'OK' : (/error \d+ at .*: (.+)/.exec(stderr)?.[1] ?? stderr);
}
