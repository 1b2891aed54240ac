/**
 * The server's certificate and key, from two files that somebody renews: cert-manager, kubelet, an administrator. The
 * last good pair stays in use while what lies there is none: half written, of two renewals, expired, or gone.
 */
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { Figure } from '../model/record.ts';
import type { CertificatePair, ServerCertificates } from '../model/server-certificates.ts';
import type { IngestLog } from './ingest-log.ts';

export interface CertificateFilesOptions {
  readonly certificateFile: string;
  readonly keyFile: string;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly log: IngestLog;
  /** Milliseconds between two looks at the files; 10,000 unless said. */
  readonly pollMs?: number;
}

type Reading =
  | { readonly ok: true; readonly pair: CertificatePair }
  | { readonly ok: false; readonly reason: string; readonly message: string };

const mostBytes = 1024 * 1024;

export class CertificateFiles implements ServerCertificates {
  readonly #options: CertificateFilesOptions;
  readonly #listeners = new Set<(pair: CertificatePair) => void>();
  #pair: CertificatePair | null = null;
  #problem: string | null = null;
  #renewals = 0;
  #timer: NodeJS.Timeout | null = null;
  #isLooking = false;

  constructor(options: CertificateFilesOptions) {
    this.#options = options;
  }

  /**
   * The pair in use; at first reads it and begins to watch.
   * @throws when there is no good pair: a server without one can only refuse everybody.
   */
  async start(): Promise<CertificatePair> {
    if (this.#pair !== null) return this.#pair;
    const reading = await this.#read();
    if (!reading.ok) throw new Error(`cannot serve TLS: ${reading.message}; give a certificate and its own key`);
    this.#pair = reading.pair;
    this.#timer = setInterval(() => void this.look(), this.#options.pollMs ?? 10_000);
    this.#timer.unref();
    return reading.pair;
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#listeners.clear();
  }

  /** Called with each further good pair. */
  subscribe(listener: (pair: CertificatePair) => void): void {
    this.#listeners.add(listener);
  }

  /** Looks at the files now, and publishes what is new and good. */
  async look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    const reading = await this.#read();
    this.#isLooking = false;
    if (!reading.ok) return this.#keepLast(reading);
    this.#problem = null;
    const { certificate, key } = reading.pair;
    if (certificate === this.#pair?.certificate && key === this.#pair.key) return;
    this.#pair = reading.pair;
    this.#renewals++;
    const notAfter = new Date(reading.pair.notAfter).toISOString();
    this.#options.log.info({ certificateFile: this.#options.certificateFile, notAfter }, 'a new certificate is in use');
    for (const listener of this.#listeners) listener(reading.pair);
  }

  figures(): readonly Figure[] {
    return [
      {
        name: 'plumbline_tls_cert_not_after_seconds',
        help: 'When the certificate that agents see expires, Unix seconds.',
        kind: 'gauge',
        value: (this.#pair?.notAfter ?? 0) / 1000,
      },
      {
        name: 'plumbline_tls_cert_renewals_total',
        help: 'Certificates that came into use since the start.',
        kind: 'counter',
        value: this.#renewals,
      },
      {
        name: 'plumbline_tls_cert_files_good',
        help: '0 while the files hold no good pair, and the last good one is in use.',
        kind: 'gauge',
        value: this.#problem === null ? 1 : 0,
      },
    ];
  }

  #keepLast({ reason, message }: Extract<Reading, { readonly ok: false }>): void {
    if (this.#problem !== reason) this.#options.log.warn({ reason }, `the last good certificate stays: ${message}`);
    this.#problem = reason;
  }

  async #read(): Promise<Reading> {
    const { certificateFile, keyFile, now } = this.#options;
    let certificate: string;
    let key: string;
    try {
      certificate = await readSmall(certificateFile);
      key = await readSmall(keyFile);
    } catch (cause) {
      return bad('missing', cause instanceof Error ? cause.message : String(cause));
    }
    return pairOf(certificate, key, { now: now(), names: `${certificateFile} and ${keyFile}` });
  }
}

async function readSmall(path: string): Promise<string> {
  const bytes = await readFile(path);
  if (bytes.length > mostBytes) throw new Error(`${path} has ${bytes.length} bytes, more than a certificate has`);
  return bytes.toString('utf8');
}

function pairOf(certificate: string, key: string, about: { readonly now: number; readonly names: string }): Reading {
  const { now, names } = about;
  let own: X509Certificate;
  try {
    own = new X509Certificate(certificate);
    if (!own.checkPrivateKey(createPrivateKey(key))) return bad('mismatch', `${names} are not of one pair`);
    // Takes the whole chain, where the lines above read its first certificate only.
    createSecureContext({ cert: certificate, key });
  } catch (cause) {
    const told = cause instanceof Error ? cause.message : String(cause);
    return bad('unreadable', `${names} cannot be read as PEM: ${told}`);
  }
  const notAfter = Date.parse(own.validTo);
  if (notAfter <= now) return bad('expired', `${names} expired at ${new Date(notAfter).toISOString()}`);
  const notBefore = Date.parse(own.validFrom);
  if (notBefore > now) return bad('not-yet', `${names} are not valid before ${new Date(notBefore).toISOString()}`);
  return { ok: true, pair: { certificate, key, notAfter } };
}

function bad(reason: string, message: string): Reading {
  return { ok: false, reason, message };
}
