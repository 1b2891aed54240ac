/** Where the reader is: the path says which view, the query its filters. Every place is a URL that can be sent on. */
import { computed, signal } from '@preact/signals';
import { placeOf } from './places.ts';

/** What the header leads to; the key is pressed after `g`. */
export const entrances = [
  { path: '/', label: 'Overview', key: 'o' },
  { path: '/findings', label: 'Findings', key: 'f' },
  { path: '/nodes', label: 'Nodes', key: 'n' },
  { path: '/services', label: 'Services', key: 's' },
  { path: '/checks', label: 'Checks', key: 'c' },
] as const;

const location = signal({ path: window.location.pathname, query: window.location.search });

export const path = computed(() => location.value.path);
export const query = computed(() => new URLSearchParams(location.value.query));
export const place = computed(() => placeOf(location.value.path));

/** Goes to a place of the page. */
export function go(href: string): void {
  window.history.pushState(null, '', href);
  arrive();
  window.scrollTo(0, 0);
}

/** Puts filters into the URL of the view that is shown. */
export function setQuery(next: URLSearchParams): void {
  const text = next.toString();
  window.history.replaceState(null, '', path.value + (text === '' ? '' : `?${text}`));
  arrive();
}

/** Follows the links of the page without loading it anew, and the browser's own back and forward. */
export function followLinks(): void {
  window.addEventListener('popstate', arrive);
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
