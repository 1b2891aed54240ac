/** What happens, as it happens: the aggregator's stream of events. What was missed is read anew from the lists. */
import { signal } from '@preact/signals';
import type { FindingJson, TransitionJson } from '../http/schemas/finding.ts';
import type { NodeJson } from '../http/schemas/node.ts';
import { isLoginNeeded } from './api.ts';

export type LiveEvent =
  | { readonly kind: 'finding'; readonly transition: TransitionJson; readonly finding: FindingJson | null }
  | { readonly kind: 'node'; readonly node: NodeJson }
  /** Whatever was read before may be old. */
  | { readonly kind: 'snapshot' };

/** Since when nothing is heard any more, Unix milliseconds; null while events come. */
export const stoppedAt = signal<number | null>(null);

const listeners = new Set<(event: LiveEvent) => void>();
/** The browser gives up where an answer is none of a stream; then this page tries on. */
const againMs = 5_000;
let source: EventSource | null = null;
let wasHeard = false;

/** @returns what ends it. */
export function onEvent(listener: (event: LiveEvent) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Begins to listen; again after a log-in. */
export function listen(): void {
  source?.close();
  const opened = new EventSource('/api/v1/events');
  source = opened;
  opened.addEventListener('snapshot', () => {
    stoppedAt.value = null;
    // The first one comes with the page itself, whose lists are being read already.
    if (wasHeard) tell({ kind: 'snapshot' });
    wasHeard = true;
  });
  opened.addEventListener('finding', ({ data }) => tell({ kind: 'finding', ...JSON.parse(data) }));
  opened.addEventListener('node', ({ data }) => tell({ kind: 'node', node: JSON.parse(data) }));
  opened.addEventListener('error', () => {
    stoppedAt.value ??= Date.now();
    if (opened.readyState !== EventSource.CLOSED || source !== opened) return;
    setTimeout(() => {
      if (source === opened && !isLoginNeeded.value) listen();
    }, againMs);
  });
}

function tell(event: LiveEvent): void {
  for (const listener of listeners) listener(event);
}
