/** Bearer tokens: where they come from, and that they are taken anew when the aggregator refuses one. */
import { open } from 'node:fs/promises';
import { done, type Outcome, refused, systemReason } from '../refusal.ts';
import { NotConnected } from './not-connected.ts';

export interface TokenSource {
  /** The token to show now; null where none is shown. */
  current(): Promise<Outcome<string | null>>;
  /** The aggregator refused the last one. @returns whether another may be had. */
  renew(): boolean;
}

type Send = (url: URL, init: RequestInit) => Promise<Response>;

/** Longer than any token, shorter than a file given by mistake. */
const mostBytes = 64 * 1024;

export const noToken: TokenSource = { current: async () => done(null), renew: () => false };

/** The token in a file, read for each request: whoever writes it may replace it. */
export function fileTokens(file: string): TokenSource {
  return { current: () => tokenIn(file), renew: () => true };
}

/**
 * Requests that show a token. One that is refused with 401 is sent a second time, with a token taken anew.
 * @param origin the token is shown to nobody else.
 */
export function showingToken(send: Send, tokens: TokenSource, origin: string) {
  const attempt = async (url: URL, init: RequestInit) => {
    const token = await tokens.current();
    if (!token.ok) throw new NotConnected(token.refusal);
    const headers = new Headers(init.headers);
    if (token.value !== null) headers.set('authorization', `Bearer ${token.value}`);
    return send(url, { ...init, headers, redirect: 'manual' });
  };
  return async (url: URL, init: RequestInit = {}): Promise<Response> => {
    if (url.origin !== origin) throw new Error(`${url} is not asked by the connection to ${origin}`);
    const first = await attempt(url, init);
    if (first.status !== 401 || !tokens.renew()) return first;
    await first.body?.cancel();
    return attempt(url, init);
  };
}

async function tokenIn(file: string): Promise<Outcome<string>> {
  const attempted = `read the token in ${file}`;
  const advice = 'Give a file that holds one token and nothing else with --token-file or PLUMBLINE_TOKEN_FILE.';
  let text: string;
  try {
    text = await beginning(file);
  } catch (cause) {
    return refused(attempted, systemReason(cause), advice);
  }
  const token = text.trim();
  if (token === '') return refused(attempted, 'the file is empty', advice);
  // What is in the file is not quoted: it may be another secret.
  if (text.length > mostBytes || !/^[\x21-\x7e]+$/.test(token)) return refused(attempted, 'it is no token', advice);
  return done(token);
}

async function beginning(file: string): Promise<string> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(mostBytes + 1) });
    return buffer.subarray(0, bytesRead).toString();
  } finally {
    await handle.close();
  }
}
