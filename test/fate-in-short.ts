/** Fates in few words, for tests. */
import { dressText, routeText } from '../proto/canonical.ts';
import type { Fate } from '../proto/forwarding.ts';

/** `10.244.1.2:8080 masquerade=always`; what every case has in common is left out. */
export function fateInShort({ route, dress }: Fate): string {
  if (dress === null) return routeText(route);
  return `${routeText(route)} ${dressText(dress)}`
    .replace('forward ', '')
    .replace(' affinity=0', '')
    .replace(' sources=any', '')
    .replace(' shares=even', '')
    .replace(' hairpin=all', '');
}
