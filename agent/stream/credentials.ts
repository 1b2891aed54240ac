/** How the agent shows who it is, and tells who it talks to. Files are read anew for each dial: they are rotated. */
import { readFileSync } from 'node:fs';
import { type ChannelCredentials, credentials, Metadata } from '@grpc/grpc-js';
import { isSocket } from './address.ts';

export interface StreamCredentials {
  /** The agent's own token; null: none is sent. */
  readonly tokenFile: string | null;
  /** Certificates that the aggregator's must come from; null: plain text, which only this machine may hear. */
  readonly caFile: string | null;
  /** The name in the aggregator's certificate, whatever address is dialed; null: the address. */
  readonly serverName: string | null;
}

/** What one dial needs; or why it cannot be had, in words for the log. */
export type Readied<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string };

/** The certificates of the CA file; null where the channel is plain text. */
export function readCa(address: string, { caFile }: StreamCredentials): Readied<Buffer | null> {
  if (isSocket(address) || caFile === null) return { ok: true, value: null };
  const read = readSmallFile(caFile);
  if (!read.ok) return read;
  return read.value.includes('-----BEGIN CERTIFICATE-----')
    ? read
    : { ok: false, reason: `CA file ${caFile}: holds no certificate in PEM form` };
}

/** The channel's credentials: TLS by these certificates, or plain text without. */
export function channelCredentials(ca: Buffer | null): ChannelCredentials {
  return ca === null ? credentials.createInsecure() : credentials.createSsl(ca);
}

const longestToken = 16 * 1024;

/** The bearer token as metadata; empty for a unix socket, whose path says who is there. */
export function readToken(address: string, { tokenFile }: StreamCredentials): Readied<Metadata> {
  const metadata = new Metadata();
  if (isSocket(address) || tokenFile === null) return { ok: true, value: metadata };
  const read = readSmallFile(tokenFile);
  if (!read.ok) return read;
  const token = read.value.toString('latin1').trim();
  // Never the text itself in a message: a damaged token is still most of a token.
  if (!/^[!-~]+$/.test(token) || token.length > longestToken) {
    return { ok: false, reason: `token file ${tokenFile}: holds no token (${read.value.length} bytes)` };
  }
  metadata.set('authorization', `Bearer ${token}`);
  return { ok: true, value: metadata };
}

/** A file that is no larger than it takes to read it at once; or why it cannot be read. */
export function readSmallFile(path: string): Readied<Buffer> {
  try {
    return { ok: true, value: readFileSync(path) };
  } catch (cause) {
    return { ok: false, reason: `read ${path}: ${cause instanceof Error ? cause.message : String(cause)}` };
  }
}
