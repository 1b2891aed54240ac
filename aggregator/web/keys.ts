/** The keyboard: everything that can be pressed can be typed. */
import { signal } from '@preact/signals';
import { entrances, go } from './route.ts';

export const keyHelp: readonly (readonly [keys: string, does: string])[] = [
  ['/', 'search'],
  ...entrances.map(({ key, label }) => [`g ${key}`, label] as const),
  ['j  k', 'next, previous row'],
  ['Enter', 'open the row'],
  ['c', 'copy the remedy'],
  ['?', 'this help'],
  ['Esc', 'close, leave'],
];

export const isHelpShown = signal(false);

type ListKey = 'down' | 'up' | 'open';
const listListeners = new Set<(key: ListKey) => void>();
const copyListeners = new Set<() => void>();

/** A table that rows are chosen in. @returns what ends it. */
export function onListKey(listener: (key: ListKey) => void): () => void {
  listListeners.add(listener);
  return () => listListeners.delete(listener);
}

/** A view that has something to copy. @returns what ends it. */
export function onCopyKey(listener: () => void): () => void {
  copyListeners.add(listener);
  return () => copyListeners.delete(listener);
}

/** So long the second key of two may take. */
const secondKeyMs = 1_500;
let goesAt = Number.NEGATIVE_INFINITY;

export function listenToKeys(): void {
  window.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Escape') {
      isHelpShown.value = false;
      if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
      return;
    }
    if (!isTyping(event.target) && press(event)) event.preventDefault();
  });
}

/** Whether the key means anything here. */
function press({ key, timeStamp, target }: KeyboardEvent): boolean {
  if (timeStamp - goesAt < secondKeyMs) {
    goesAt = Number.NEGATIVE_INFINITY;
    const entrance = entrances.find((each) => each.key === key);
    if (entrance !== undefined) go(entrance.path);
    return entrance !== undefined;
  }
  switch (key) {
    case 'g':
      goesAt = timeStamp;
      return true;
    case '/':
      document.querySelector<HTMLInputElement>('#search')?.focus();
      return true;
    case '?':
      isHelpShown.value = !isHelpShown.value;
      return true;
    case 'j':
    case 'k':
      return tellList(key === 'j' ? 'down' : 'up');
    case 'Enter':
      // A link or a button that has the focus knows itself what Enter does.
      return !isPressed(target) && tellList('open');
    case 'c':
      for (const listener of copyListeners) listener();
      return copyListeners.size > 0;
    default:
      return false;
  }
}

function tellList(key: ListKey): boolean {
  for (const listener of listListeners) listener(key);
  return listListeners.size > 0;
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches('input, textarea, select, [contenteditable]');
}

function isPressed(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches('a, button, summary, canvas');
}
