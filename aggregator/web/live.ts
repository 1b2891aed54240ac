/** What happens, as it happens: the aggregator's stream of events. What was missed is read anew from the lists. */
import { signal } from '@preact/signals';
import type { FindingJson, TransitionJson } from '../http/schemas/finding.ts';
import type { NodeJson } from '../http/schemas/node.ts';
import { detailOf, isLoginNeeded, waitSeconds } from './api.ts';
import { eventReader, type StreamEvent } from './event-stream.ts';
import { parseVisibly } from './visible-json.ts';

export type LiveEvent =
  | { readonly kind: 'finding'; readonly transition: TransitionJson; readonly finding: FindingJson | null }
  | { readonly kind: 'node'; readonly node: NodeJson }
  /** Whatever was read before may be old. */
  | { readonly kind: 'snapshot' };

/** Since when nothing is heard any more, Unix milliseconds of this machine, and why; null while events come. */
export const stopped = signal<{ readonly at: number; readonly because: string | null } | null>(null);

const listeners = new Set<(event: LiveEvent) => void>();
/** The aggregator gives a sign of life every 15 s. */
const silenceMs = 40_000;
const againMs = 3_000;
/** A connection that is back so soon was nothing to speak of. */
const unnoticedMs = 2_000;

let following: AbortController | null = null;
let heardAt = Date.now();
let wasHeard = false;

/** @returns what ends it. */
export function onEvent(listener: (event: LiveEvent) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Begins to listen; again after a log-in. */
export function listen(): void {
  following?.abort();
  following = new AbortController();
  void follow(following.signal);
}

async function follow(ending: AbortSignal): Promise<void> {
  while (!ending.aborted) {
    const { because, waitMs } = await readStream(ending);
    if (ending.aborted || isLoginNeeded.value) return;
    const at = heardAt;
    setTimeout(() => {
      if (!ending.aborted && heardAt === at) stopped.value = { at, because };
    }, unnoticedMs);
    await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
}

interface Ended {
  readonly because: string | null;
  readonly waitMs: number;
}

/** Reads until the stream ends, for whatever reason. */
async function readStream(ending: AbortSignal): Promise<Ended> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), silenceMs);
  try {
    const signal = AbortSignal.any([ending, silence.signal]);
    const response = await fetch('/api/v1/events', { signal, credentials: 'same-origin' });
    if (response.status === 401) isLoginNeeded.value = true;
    if (!response.ok || response.body === null) {
      return { because: await detailOf(response), waitMs: 1_000 * (waitSeconds(response) ?? againMs / 1_000) };
    }
    const read = eventReader();
    const decoder = new TextDecoder();
    const reader = response.body.getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return { because: null, waitMs: againMs / 3 };
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), silenceMs);
      heardAt = Date.now();
      for (const event of read(decoder.decode(value, { stream: true }))) take(event);
    }
  } catch {
    return { because: silence.signal.aborted ? 'no sign of life came any more' : null, waitMs: againMs };
  } finally {
    clearTimeout(timer);
  }
}

function take({ name, data }: StreamEvent): void {
  const value = Object(parseVisibly(data));
  switch (name) {
    case 'snapshot':
      stopped.value = null;
      // The first one comes with the page itself, whose lists are being read already.
      if (wasHeard) tell({ kind: 'snapshot' });
      wasHeard = true;
      return;
    case 'finding':
      tell({ kind: 'finding', ...value });
      return;
    case 'node':
      tell({ kind: 'node', node: value });
  }
}

function tell(event: LiveEvent): void {
  for (const listener of listeners) listener(event);
}
