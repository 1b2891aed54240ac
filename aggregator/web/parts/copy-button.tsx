/** Puts a text into the clipboard, and says that it is there. */
import { useEffect, useState } from 'preact/hooks';
import { copyText } from '../copy.ts';

const saidMs = 2_000;

export function CopyButton({ text, what }: { readonly text: string; readonly what: string }) {
  const [said, setSaid] = useState<'copied' | 'not copied' | null>(null);
  useEffect(() => {
    if (said === null) return;
    const timer = setTimeout(() => setSaid(null), saidMs);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = async () => setSaid((await copyText(text)) ? 'copied' : 'not copied');
  return (
    <button type="button" class="copy" aria-label={`Copy ${what}`} onClick={() => void copy()}>
      {said ?? 'copy'}
    </button>
  );
}
