/** Where the reader is: the path says which view, the query its filters. Every place is a URL that can be sent on. */
import { computed, signal } from '@preact/signals';
import { placeOf } from './places.ts';

/** What the header leads to; the key is pressed after `g`. */
export const entrances = [
  { path: '/', label: 'Overview', key: 'o' },
  { path: '/findings', label: 'Findings', key: 'f' },
  { path: '/nodes', label: 'Nodes', key: 'n' },
  { path: '/services', label: 'Services', key: 's' },
  { path: '/trace', label: 'Trace', key: 't' },
  { path: '/matrix', label: 'Matrix', key: 'm' },
  { path: '/checks', label: 'Checks', key: 'c' },
] as const;

const location = signal({ path: window.location.pathname, query: window.location.search });

export const path = computed(() => location.value.path);
export const query = computed(() => new URLSearchParams(location.value.query));
export const place = computed(() => placeOf(location.value.path));

/** How far down each place of the browser's history was read. */
const depths = new Map<number, number>();
let entry = 0;
let entries = 0;
/** Lists grow as they are read: so long it is tried to get back to where the reader was. */
const returnMs = 1_500;

/** Goes to a place of the page. */
export function go(href: string): void {
  depths.set(entry, window.scrollY);
  entry = ++entries;
  window.history.pushState({ entry }, '', href);
  arrive();
  window.scrollTo(0, 0);
  // Who hears the page is told of what is new, and not of where the link was.
  document.querySelector<HTMLElement>('#main')?.focus({ preventScroll: true });
}

/** Puts filters into the URL of the view that is shown. */
export function setQuery(next: URLSearchParams): void {
  const text = next.toString();
  window.history.replaceState(window.history.state, '', path.value + (text === '' ? '' : `?${text}`));
  arrive();
}

/** Follows the links of the page without loading it anew, and the browser's own back and forward. */
export function followLinks(): void {
  window.history.scrollRestoration = 'manual';
  window.addEventListener('popstate', ({ state }) => {
    depths.set(entry, window.scrollY);
    entry = Number(Object(state).entry ?? 0);
    arrive();
    returnTo(depths.get(entry) ?? 0, performance.now() + returnMs);
  });
  document.addEventListener('click', (event) => {
    const link = event.target instanceof Element ? event.target.closest('a[href]') : null;
    if (!(link instanceof HTMLAnchorElement) || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    if (link.origin !== window.location.origin || link.target !== '' || link.hash !== '') return;
    event.preventDefault();
    go(link.pathname + link.search);
  });
}

function arrive(): void {
  location.value = { path: window.location.pathname, query: window.location.search };
}

function returnTo(depth: number, until: number): void {
  const at = entry;
  requestAnimationFrame(() => {
    if (entry !== at) return;
    window.scrollTo(0, depth);
    if (Math.abs(window.scrollY - depth) > 1 && performance.now() < until) returnTo(depth, until);
  });
}
