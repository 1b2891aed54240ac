/** One document of the API, read anew when events say that it changed. */
import { useEffect, useState } from 'preact/hooks';
import { type Answer, get } from '../api.ts';
import { now } from '../clock.ts';
import { type LiveEvent, onEvent } from '../live.ts';

/** Bursts of events are one reason to look. */
const gatherMs = 500;
/** What no event tells, such as when a thing was seen last, is at most so old while somebody looks. */
const againMs = 15_000;

/** Null until the first answer. An answer that fails later leaves what was shown, with the failure beside it. */
export interface Shown<T> {
  readonly value: T | null;
  /** When it was true, by the aggregator's clock: Unix milliseconds. */
  readonly at: number;
  readonly failure: (Answer<T> & { readonly ok: false }) | null;
}

const nothing = { value: null, at: 0, failure: null };

/**
 * @param path null = there is nothing to ask for.
 * @param touches whether an event may have changed it.
 */
export function useDocument<T>(path: string | null, touches: (event: LiveEvent) => boolean): Shown<T> {
  const [shown, setShown] = useState<Shown<T>>(nothing);
  useEffect(() => {
    const ending = new AbortController();
    let timer: number | undefined;
    setShown(nothing);
    if (path === null) return;
    const read = async () => {
      timer = undefined;
      const answer = await get<T>(path, ending.signal);
      if (ending.signal.aborted) return;
      setShown((before) =>
        answer.ok ? { value: answer.value, at: now.peek(), failure: null } : { ...before, failure: answer },
      );
    };
    void read();
    const end = onEvent((event) => {
      if (event.kind !== 'snapshot' && !touches(event)) return;
      timer ??= window.setTimeout(() => void read(), gatherMs);
    });
    const again = setInterval(() => {
      if (document.visibilityState === 'visible') timer ??= window.setTimeout(() => void read());
    }, againMs);
    return () => {
      end();
      ending.abort();
      clearTimeout(timer);
      clearInterval(again);
    };
  }, [path]);
  return shown;
}
