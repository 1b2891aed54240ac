/**
 * What is kept of the authority and the certificates that the aggregator made itself: in the Secret that is its own, as
 * JSON under one key. The ConfigMap beside it has what agents trust.
 */

/** PEM both. */
export interface Pair {
  readonly certificate: string;
  readonly key: string;
}

/** A certificate with the times that it says of itself, Unix milliseconds. */
export interface DatedPair extends Pair {
  readonly notBefore: number;
  readonly notAfter: number;
}

export interface IssuedState {
  readonly authority: DatedPair;
  /** Signed by `authority`. */
  readonly leaf: DatedPair;
  /** The names that the leaf is for. */
  readonly names: readonly string[];
  /** The authority that comes next; agents must have it for a day before anything is signed by it. */
  readonly next: {
    readonly authority: DatedPair;
    /** Since when agents can know it, Unix milliseconds; null = not yet. */
    readonly publishedAt: number | null;
  } | null;
  /** The authority before this one: leaves of its time may still be in use by whoever did not hear of the change. */
  readonly former: { readonly certificate: string; readonly until: number } | null;
}

/** Every authority that agents are to trust now, PEM. */
export function trustedBy({ authority, next, former }: IssuedState): string {
  return [authority.certificate, next?.authority.certificate, former?.certificate]
    .filter((certificate) => certificate !== undefined)
    .map((certificate) => `${certificate.trimEnd()}\n`)
    .join('');
}

export function stateText(state: IssuedState): string {
  return JSON.stringify({ version, ...state });
}

const version = 1;

/** Null where it is none that this program wrote. */
export function readState(text: string): IssuedState | null {
  try {
    const value: unknown = JSON.parse(text);
    return isState(value) ? value : null;
  } catch {
    return null;
  }
}

function isState(value: unknown): value is IssuedState & { readonly version: number } {
  if (!isRecord(value) || value.version !== version) return false;
  const { authority, leaf, names, next, former } = value;
  return (
    isPair(authority) &&
    isPair(leaf) &&
    Array.isArray(names) &&
    names.every((name) => typeof name === 'string') &&
    (next === null || (isRecord(next) && isPair(next.authority) && isTimeOrNull(next.publishedAt))) &&
    (former === null ||
      (isRecord(former) && typeof former.certificate === 'string' && typeof former.until === 'number'))
  );
}

function isPair(value: unknown): value is DatedPair {
  return (
    isRecord(value) &&
    typeof value.certificate === 'string' &&
    typeof value.key === 'string' &&
    typeof value.notBefore === 'number' &&
    typeof value.notAfter === 'number'
  );
}

function isTimeOrNull(value: unknown): boolean {
  return value === null || typeof value === 'number';
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
