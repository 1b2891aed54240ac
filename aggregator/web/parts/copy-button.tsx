/** Puts a text into the clipboard, and says that it is there. */
import { useEffect, useState } from 'preact/hooks';

const saidMs = 2_000;

export function CopyButton({ text, what }: { readonly text: string; readonly what: string }) {
  const [said, setSaid] = useState<'copied' | 'not copied' | null>(null);
  useEffect(() => {
    if (said === null) return;
    const timer = setTimeout(() => setSaid(null), saidMs);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = () =>
    copyText(text).then(
      () => setSaid('copied'),
      () => setSaid('not copied'),
    );
  return (
    <button type="button" class="copy" aria-label={`Copy ${what}`} onClick={() => void copy()}>
      <span aria-live="polite">{said ?? 'copy'}</span>
    </button>
  );
}

/** Browsers give the clipboard to pages of https and localhost only; elsewhere a selection is what can be had. */
async function copyText(text: string): Promise<void> {
  if (navigator.clipboard === undefined) throw new Error('no clipboard');
  await navigator.clipboard.writeText(text);
}
