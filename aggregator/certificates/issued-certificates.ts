/**
 * Certificates that the aggregator makes for itself, and renews: kept in a Secret, with what agents trust in a
 * ConfigMap beside it. Both must be there, for it may change them and not make them.
 */
import type { KeptAnswer, KeptObject, Keeper } from '../model/kept-object.ts';
import type { Figure } from '../model/record.ts';
import type { CertificatePair, ServerCertificates } from '../model/server-certificates.ts';
import { type IssuedState, readState, stateText, trustedBy } from './issued-state.ts';
import { afterStep } from './make-certificates.ts';
import { stepDue } from './rotation.ts';
import { unsoundPart } from './sound-state.ts';

interface CertificateLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface IssuedCertificatesOptions {
  readonly secret: Keeper;
  readonly trust: Keeper;
  /** DNS names of the leaf. */
  readonly names: readonly string[];
  /** `HOST:PORT` where agents may come too, told beside what they trust; null = none. */
  readonly advertise: string | null;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly log: CertificateLog;
  /** Milliseconds between two looks; an hour unless said. */
  readonly everyMs?: number;
  /** Milliseconds after which a look that failed is tried again; 5,000 unless said. */
  readonly againMs?: number;
}

const stateKey = 'plumbline.json';
const warnBeforeMs = 14 * 86_400_000;
/** Two aggregators that change the same object meet each other a few times at most. */
const mostTries = 10;

export class IssuedCertificates implements ServerCertificates {
  readonly #options: IssuedCertificatesOptions;
  readonly #listeners = new Set<(pair: CertificatePair) => void>();
  #starting: Promise<CertificatePair> | null = null;
  #state: IssuedState | null = null;
  #renewals = 0;
  #isGood = true;
  #timer: NodeJS.Timeout | null = null;
  #isStopped = false;
  #looking: Promise<unknown> = Promise.resolve();

  constructor(options: IssuedCertificatesOptions) {
    this.#options = options;
  }

  start(): Promise<CertificatePair> {
    this.#starting ??= this.#first();
    return this.#starting;
  }

  subscribe(listener: (pair: CertificatePair) => void): void {
    this.#listeners.add(listener);
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#listeners.clear();
  }

  /** Does what is due now, one look at a time. @throws where it can never succeed as things are. */
  look(): Promise<void> {
    const looking = this.#looking
      .catch(() => undefined)
      .then(() => this.#advance())
      .finally(() => this.#warnOfEnd());
    this.#looking = looking;
    return looking;
  }

  figures(): readonly Figure[] {
    const gauge = (name: string, help: string, value: number): Figure => ({ name, help, kind: 'gauge', value });
    const { leaf, authority } = this.#state ?? { leaf: null, authority: null };
    return [
      gauge(
        'plumbline_tls_cert_not_after_seconds',
        'When the certificate that agents see expires, Unix seconds.',
        (leaf?.notAfter ?? 0) / 1000,
      ),
      gauge(
        'plumbline_tls_authority_not_after_seconds',
        'When the authority expires that signed it, Unix seconds.',
        (authority?.notAfter ?? 0) / 1000,
      ),
      {
        name: 'plumbline_tls_cert_renewals_total',
        help: 'Certificates that came into use since the start.',
        kind: 'counter',
        value: this.#renewals,
      },
      gauge(
        'plumbline_tls_cert_files_good',
        '0 while no good pair can be had, and the last good one is in use.',
        Number(this.#isGood),
      ),
    ];
  }

  async #first(): Promise<CertificatePair> {
    while (this.#state === null && !this.#isStopped) {
      await this.look();
      if (this.#state === null) await this.#pause();
    }
    if (this.#state === null) throw new Error('it was stopped before there was a certificate');
    this.#lookLater();
    return pairOf(this.#state);
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#timer = setTimeout(resolve, this.#options.againMs ?? 5_000);
    });
  }

  #lookLater(): void {
    if (this.#isStopped) return;
    const { everyMs = 3_600_000, againMs = 5_000, log } = this.#options;
    const look = () =>
      this.look().then(
        () => this.#lookLater(),
        (cause: unknown) => {
          this.#isGood = false;
          log.error({ error: messageOf(cause) }, 'the certificates cannot be kept; the last good one stays in use');
          this.#lookLater();
        },
      );
    this.#timer = setTimeout(look, this.#isGood ? everyMs : Math.max(againMs, 60_000));
    this.#timer.unref();
  }

  /** Steps until nothing is due, and what agents trust is what is in use. */
  async #advance(): Promise<void> {
    for (let tries = 0; tries < mostTries; tries++) {
      const done = await this.#try();
      if (done.ok) {
        this.#isGood = true;
        return;
      }
      if (done.kind === 'refused') throw new Error(done.message);
      if (done.kind === 'unreachable') {
        this.#isGood = false;
        this.#options.log.warn({ error: done.message }, 'certificates could not be looked at; it is tried again');
        return;
      }
    }
    this.#options.log.warn({ tries: mostTries }, 'somebody else changes the certificates all the time');
  }

  /** One whole pass over fresh objects; `conflict` = somebody was faster, and what they wrote holds. */
  async #try(): Promise<KeptAnswer<null>> {
    const { secret, names, now } = this.#options;
    const kept = await secret.read();
    if (!kept.ok) return kept;
    const known = stateOf(kept.value, secret.name);
    if (!known.ok) return known;
    const { version } = kept.value;
    const state = known.value;
    if (state === null && this.#state !== null) {
      // Somebody emptied it meanwhile: what agents know is what is in use.
      const written = await this.#keep(version, this.#state);
      return written.ok ? lookAgain : written;
    }
    if (state !== null) {
      const told = await this.#tell(version, state);
      if (!told.ok) return told;
    }
    const step = isLeafUnsound(state) ? 'renew-leaf' : stepDue(state, names, now());
    if (step !== null) {
      const next = await afterStep(state, step, { names, now: now() });
      const written = await this.#keep(version, next);
      if (!written.ok) return written;
      // One step at a time, each from what is really kept.
      this.#options.log.info(
        { step, notAfter: new Date(next.leaf.notAfter).toISOString() },
        'certificates were renewed',
      );
      return lookAgain;
    }
    if (state !== null) this.#use(state);
    return { ok: true, value: null };
  }

  #keep(version: string, state: IssuedState): Promise<KeptAnswer<null>> {
    return this.#options.secret.write(version, { [stateKey]: stateText(state) });
  }

  /**
   * Tells agents what they are to trust and where they may come, and notes since when they can know the authority that
   * comes next. Where somebody took it away again, that time begins anew, and is noted as not begun before it is told.
   */
  async #tell(version: string, state: IssuedState): Promise<KeptAnswer<null>> {
    const { trust, advertise, now } = this.#options;
    const kept = await trust.read();
    if (!kept.ok) return kept;
    const bundle = trustedBy(state);
    const wanted = { 'ca.crt': bundle, ...(advertise === null ? {} : { addresses: `${advertise}\n` }) };
    if (kept.value.data['ca.crt'] !== bundle && state.next !== null && state.next.publishedAt !== null) {
      return this.#datePublished(version, state, null);
    }
    if (Object.entries(wanted).some(([key, text]) => kept.value.data[key] !== text)) {
      const written = await trust.write(kept.value.version, wanted);
      if (!written.ok) return written;
    }
    if (state.next === null || isDated(state.next.publishedAt, now())) return { ok: true, value: null };
    return this.#datePublished(version, state, now());
  }

  async #datePublished(version: string, state: IssuedState, publishedAt: number | null): Promise<KeptAnswer<null>> {
    if (state.next === null) return lookAgain;
    const written = await this.#keep(version, { ...state, next: { ...state.next, publishedAt } });
    return written.ok ? lookAgain : written;
  }

  /** Said after each look, above all after one that failed: then nobody renews it. */
  #warnOfEnd(): void {
    const { log, now } = this.#options;
    if (this.#state === null) return;
    const { notAfter } = this.#state.leaf;
    if (notAfter - now() < warnBeforeMs) {
      log.warn({ notAfter: new Date(notAfter).toISOString() }, 'the certificate expires soon');
    }
  }

  #use(state: IssuedState): void {
    const before = this.#state;
    this.#state = state;
    if (before === null || before.leaf.certificate === state.leaf.certificate) return;
    this.#renewals++;
    const pair = pairOf(state);
    for (const listener of this.#listeners) listener(pair);
  }
}

/** Something was written: the next pass begins with what is really kept. */
const lookAgain: KeptAnswer<never> = { ok: false, kind: 'conflict', message: 'something was written' };

/** A time ahead was taken from a clock that was wrong. */
function isDated(publishedAt: number | null, now: number): boolean {
  return publishedAt !== null && publishedAt <= now;
}

/** Null where nobody has written anything yet. What another wrote is not touched. */
function stateOf({ data }: KeptObject, name: string): KeptAnswer<IssuedState | null> {
  const text = data[stateKey];
  if (text === undefined && Object.keys(data).length === 0) return { ok: true, value: null };
  const state = text === undefined ? null : readState(text);
  if (state !== null && unsoundPart(state) !== 'authority') return { ok: true, value: state };
  const held = text === undefined ? `holds ${Object.keys(data).join(', ')}` : `holds a ${stateKey} that cannot be used`;
  const message = `${name} ${held}, which this aggregator did not write. Give it as --tls-cert-file and --tls-key-file, or empty that Secret.`;
  return { ok: false, kind: 'refused', message };
}

function isLeafUnsound(state: IssuedState | null): boolean {
  return state !== null && unsoundPart(state) === 'leaf';
}

function pairOf({ leaf, authority }: IssuedState): CertificatePair {
  return {
    certificate: `${leaf.certificate.trimEnd()}\n${authority.certificate}`,
    key: leaf.key,
    notAfter: leaf.notAfter,
  };
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
