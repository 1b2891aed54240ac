/** The row that `j` and `k` move to: it keeps the choice wherever it moves, and its link has the focus. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { copyText } from '../copy.ts';
import { onCopyKey, onListKey } from '../keys.ts';

export interface Choosable {
  readonly body: { readonly current: HTMLElement | null };
  readonly order: readonly string[];
  readonly rowHeight: number;
  readonly open: (key: string) => void;
  readonly remedyOf: (key: string) => string | null;
}

/** @returns the key of the row that is chosen. */
export function useChosenRow(list: Choosable): string | null {
  const latest = useRef(list);
  latest.current = list;
  const [chosen, setChosen] = useState<string | null>(null);
  const wantsFocus = useRef(false);
  const key = useRef(chosen);
  key.current = chosen;
  useEffect(
    () =>
      onListKey((pressed) => {
        const { order, open, body, rowHeight } = latest.current;
        if (pressed === 'open') {
          if (key.current !== null) open(key.current);
          return;
        }
        const before = key.current === null ? -1 : order.indexOf(key.current);
        const at = Math.max(0, Math.min(order.length - 1, before + (pressed === 'down' ? 1 : -1)));
        wantsFocus.current = true;
        setChosen(order[at] ?? null);
        showRow(body.current, at, rowHeight);
      }),
    [],
  );
  useEffect(
    () =>
      onCopyKey(() => {
        const remedy = key.current === null ? null : latest.current.remedyOf(key.current);
        if (remedy !== null) void copyText(remedy);
      }),
    [],
  );
  // The row may be drawn only after the window has been scrolled to it.
  useLayoutEffect(() => {
    const link = wantsFocus.current ? list.body.current?.querySelector('tr.chosen :is(a, button)') : null;
    if (!(link instanceof HTMLElement)) return;
    wantsFocus.current = false;
    link.focus({ preventScroll: true });
  });
  return chosen;
}

function showRow(body: HTMLElement | null, at: number, rowHeight: number): void {
  if (body === null) return;
  const top = body.getBoundingClientRect().top + at * rowHeight;
  const margin = rowHeight * 2;
  if (top < margin) window.scrollBy(0, top - margin);
  else if (top + margin > window.innerHeight) window.scrollBy(0, top + margin - window.innerHeight);
}
