/** The certificate that the servers show to agents and people, whoever makes and renews it. */
import type { Figure } from './record.ts';

export interface CertificatePair {
  /** PEM: the server's own first, then those up to its authority. */
  readonly certificate: string;
  readonly key: string;
  /** Unix milliseconds. */
  readonly notAfter: number;
}

export interface ServerCertificates {
  /**
   * The pair that is good now; the first call begins to look for others. Each server that shows it calls.
   * @throws when there is none and none can be had: a server without one can only refuse everybody.
   */
  start(): Promise<CertificatePair>;
  /** Called with each further good pair. */
  subscribe(listener: (pair: CertificatePair) => void): void;
  /** Looks no more. */
  stop(): void;
  figures(): readonly Figure[];
}
