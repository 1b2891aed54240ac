/** One document of the API, read anew when events say that it changed. */
import { useEffect } from 'preact/hooks';
import type { LiveEvent } from '../live.ts';
import { SharedDocument, type Shown } from './shared-document.ts';

/** Bursts of events are one reason to look. */
const gatherMs = 500;

/** Those that something shows now; a path always has documents of one form. */
const open = new Map<string, { readonly document: SharedDocument<unknown>; readers: number }>();

/**
 * @param touches whether an event may have changed it.
 * @param gather for so many milliseconds events are gathered; long where a document is large and many events touch it.
 */
export function useDocument<T>(path: string, touches: (event: LiveEvent) => boolean, gather = gatherMs): Shown<T> {
  const document = documentAt(path);
  useEffect(() => {
    const shared = open.get(path) ?? { document, readers: 0 };
    open.set(path, shared);
    shared.readers++;
    const end = shared.document.use({ touches, gatherMs: gather });
    return () => {
      end();
      if (--shared.readers === 0) open.delete(path);
    };
  }, [path]);
  return document.shown.value as Shown<T>;
}

function documentAt(path: string): SharedDocument<unknown> {
  const known = open.get(path);
  if (known !== undefined) return known.document;
  const document = new SharedDocument<unknown>(path);
  open.set(path, { document, readers: 0 });
  return document;
}
