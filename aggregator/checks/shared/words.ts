/** Routes, origins and lists in the words that findings use. */
import type { Dress, Fate, Forwarding, Masquerade, Origin, Route } from '../../../proto/forwarding.ts';
import { origins, wholeShare } from '../../../proto/forwarding.ts';

const originWords: { readonly [origin in Origin]: string } = {
  pod: 'pods',
  node: 'the node itself',
  outside: 'outside clients',
};

/** `all packets`, or `packets from pods and outside clients`. */
export function packetsFrom(named: ReadonlySet<Origin>): string {
  if (origins.every((origin) => named.has(origin))) return 'all packets';
  return `packets from ${joined(origins.filter((origin) => named.has(origin)).map((origin) => originWords[origin]))}`;
}

/** `a`, `a and b`, `a, b and c`; after `limit` the rest is counted: `a, b and 7 more`. */
export function joined(items: readonly string[], limit = 4): string {
  const shown = items.length > limit + 1 ? [...items.slice(0, limit), `${items.length - limit} more`] : items;
  if (shown.length < 2) return shown.join('');
  return `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`;
}

/** `1 backend`, `3 backends`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** What becomes of packets to a frontend: one text for all origins, or one for each. */
export function forwardingText(forwarding: Forwarding): string {
  const [pod, node, outside] = origins.map((origin) => fateText(forwarding[origin]));
  if (pod === node && pod === outside) return pod ?? '';
  return `pod: ${pod}; node: ${node}; outside: ${outside}`;
}

function fateText({ route, dress }: Fate): string {
  const details = dress === null ? '' : dressText(dress, route);
  return details === '' ? routeText(route) : `${routeText(route)} (${details})`;
}

function routeText(route: Route): string {
  switch (route.action) {
    case 'forward': {
      const affinity = route.affinitySeconds === 0 ? '' : `, affinity ${affinityText(route.affinitySeconds)}`;
      const from = route.sources === 'any' ? '' : `, only from ${joined(route.sources)}, others ${route.otherwise}`;
      return `forward to ${joined(route.backends, 8)}${affinity}${from}`;
    }
    case 'reject':
    case 'drop':
      return route.action;
    case 'none':
      return 'no rule';
    case 'unknown':
      return `unknown: ${route.reason}`;
  }
}

function dressText({ shares, masquerade, hairpin }: Dress, route: Route): string {
  const parts = [`masquerade ${masqueradeText(masquerade)}`];
  if (hairpin !== 'all') parts.push(`hairpin masquerade for ${hairpin} of the backends`);
  if (shares !== 'even' && route.action === 'forward') {
    const percents = route.backends.map((backend, i) => `${backend} ${percent(shares.parts[i] ?? 0)}`);
    parts.push(`shares ${joined(percents, 8)}${shares.lost > 0 ? `, ${percent(shares.lost)} untranslated` : ''}`);
  }
  return parts.join('; ');
}

/** `600 s`, `none`, or that not all backends have it. */
export function affinityText(seconds: number | 'partial'): string {
  if (seconds === 'partial') return 'for some backends only';
  return seconds === 0 ? 'none' : `${seconds} s`;
}

/** `always`, `never`, `for sources that are not local`, or the sources. */
export function masqueradeText(masquerade: Masquerade): string {
  if (typeof masquerade !== 'string') return `from ${joined(masquerade.some)}`;
  return masquerade === 'notLocal' ? 'for sources that are not local' : masquerade;
}

/** A part of 2^31 as a percentage with at most one digit: `33.3 %`. */
export function percent(part: number): string {
  return `${Number(((part / wholeShare) * 100).toFixed(1))} %`;
}
