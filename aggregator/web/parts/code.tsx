/** Lines that are typed or that a kernel printed: as they are, to be copied. */
import { CopyButton } from './copy-button.tsx';

export function Code({ text, what }: { readonly text: string; readonly what: string }) {
  return (
    <div class="code">
      <pre tabIndex={0}>{text}</pre>
      <CopyButton text={text} what={what} />
    </div>
  );
}
