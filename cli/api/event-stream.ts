/** Reads the aggregator's stream of events. https://html.spec.whatwg.org/multipage/server-sent-events.html */
import { done, type Outcome } from '../refusal.ts';
import { connectionRefusal, notRead, statusRefusal } from './client.ts';
import type { Connection } from './connection.ts';

/** The aggregator gives a sign of life every 15 seconds. */
const silenceMs = 45_000;
const longestEvent = 8 * 1024 * 1024;

export interface ServerEvent {
  /** `sign of life` where nothing happened. */
  readonly kind: string;
  readonly value: unknown;
}

/**
 * Opens the stream.
 * @returns events until the stream ends, is silent for too long, or cannot be read; leaving the loop closes it.
 */
export async function openEvents(connection: Connection, url: URL): Promise<Outcome<AsyncIterable<ServerEvent>>> {
  const leaving = new AbortController();
  const watchdog = setTimeout(() => leaving.abort(), silenceMs);
  try {
    const response = await connection.request(url, {
      signal: leaving.signal,
      headers: { accept: 'text/event-stream' },
    });
    const { body } = response;
    if (
      response.status === 200 &&
      body !== null &&
      response.headers.get('content-type')?.startsWith('text/event-stream')
    ) {
      return done(events(body, watchdog, leaving));
    }
    clearTimeout(watchdog);
    if (response.status === 200) return notRead(url, 'no stream of events');
    return { ok: false, refusal: statusRefusal(url, response, (await response.text()).slice(0, longestEvent)) };
  } catch (cause) {
    clearTimeout(watchdog);
    return { ok: false, refusal: connectionRefusal(url, cause) };
  }
}

async function* events(
  body: ReadableStream<Uint8Array>,
  watchdog: NodeJS.Timeout,
  leaving: AbortController,
): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder();
  let text = '';
  try {
    for await (const piece of body) {
      watchdog.refresh();
      text += decoder.decode(piece, { stream: true });
      const messages = text.split('\n\n');
      text = messages.pop() ?? '';
      if (text.length > longestEvent) return;
      for (const message of messages) yield eventOf(message);
    }
  } catch {
    // The connection is gone: to the reader the stream has ended, and the next one begins with all there is.
  } finally {
    clearTimeout(watchdog);
    leaving.abort();
  }
}

function eventOf(message: string): ServerEvent {
  const fields = new Map<string, string>();
  for (const line of message.split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1).replace(/^ /, ''));
  }
  const kind = fields.get('event');
  if (kind === undefined) return { kind: 'sign of life', value: null };
  try {
    return { kind, value: JSON.parse(fields.get('data') ?? 'null') };
  } catch {
    return { kind, value: null };
  }
}
