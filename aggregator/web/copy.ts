/** Puts a text into the clipboard, and says so where everybody hears it. */
import { signal } from '@preact/signals';

/** What was said last; null when it was long enough ago. */
export const said = signal<string | null>(null);
const saidMs = 2_500;
let timer: ReturnType<typeof setTimeout> | undefined;

/** @returns whether it is there. */
export async function copyText(text: string): Promise<boolean> {
  const isThere = await written(text);
  const short = text.length > 60 ? `${text.slice(0, 60)} …` : text;
  clearTimeout(timer);
  said.value = isThere
    ? `In the clipboard: ${short}`
    : 'The browser keeps its clipboard from this page: mark the text.';
  timer = setTimeout(() => {
    said.value = null;
  }, saidMs);
  return isThere;
}

/** Browsers give the clipboard to pages of https and of this machine only; elsewhere they copy what is selected. */
async function written(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return selectedAndCopied(text);
  }
}

function selectedAndCopied(text: string): boolean {
  const field = document.createElement('textarea');
  field.value = text;
  field.className = 'heard';
  const focused = document.activeElement;
  document.body.append(field);
  field.select();
  const isThere = document.execCommand('copy');
  field.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return isThere;
}
