/**
 * The canonical form of table entries and their digests. Two entries that mean the same have the same text; counters,
 * comments, chain names and the order of rules are in none of it.
 */
import { hash } from 'node:crypto';
import type { Family } from './address.ts';
import { parseHostPort, parseWhole } from './address.ts';
import type { Dress, Fate, Forwarding, ForwardingTable, Frontend, FrontendKey, Protocol, Route } from './forwarding.ts';

/** The key of a frontend, see FrontendKey. */
export function frontendKey(frontend: Frontend): FrontendKey {
  const { family, protocol, address, port } = frontend;
  if (address === 'node') return `${protocol} ${family === 'ipv4' ? 'node4' : 'node6'}:${port}` as FrontendKey;
  return (family === 'ipv4' ? `${protocol} ${address}:${port}` : `${protocol} [${address}]:${port}`) as FrontendKey;
}

/** Reads a frontend's key back; null when the text is none. */
export function parseFrontendKey(text: string): Frontend | null {
  const blank = text.indexOf(' ');
  const protocol = text.slice(0, blank);
  if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'sctp') return null;
  const rest = text.slice(blank + 1);
  const node = rest.startsWith('node4:') ? 'ipv4' : rest.startsWith('node6:') ? 'ipv6' : null;
  if (node !== null) {
    const port = parseWhole(rest.slice(6), 65535);
    return port ? { family: node, protocol, address: 'node', port } : null;
  }
  const parsed = parseHostPort(rest);
  if (parsed === null) return null;
  const family: Family = parsed.address.includes(':') ? 'ipv6' : 'ipv4';
  return { family, protocol: protocol satisfies Protocol, ...parsed };
}

/** Canonical text of one route. */
export function routeText(route: Route): string {
  switch (route.action) {
    case 'forward': {
      const sources = route.sources === 'any' ? 'any' : `${route.sources.join(',')} else ${route.otherwise}`;
      return `forward ${route.backends.join(',')} affinity=${route.affinitySeconds} sources=${sources}`;
    }
    case 'unknown':
      return `unknown ${route.reason}`;
    case 'reject':
    case 'drop':
    case 'none':
      return route.action;
  }
}

/** Canonical text of one dress. */
export function dressText(dress: Dress | null): string {
  if (dress === null) return '-';
  const { shares, masquerade, hairpin } = dress;
  const spread = shares === 'even' ? 'even' : `${shares.parts.join(',')} lost=${shares.lost}`;
  const masqueraded = typeof masquerade === 'string' ? masquerade : `some:${masquerade.some.join(',')}`;
  return `shares=${spread} masquerade=${masqueraded} hairpin=${hairpin}`;
}

function perOrigin(forwarding: Forwarding, text: (fate: Fate) => string): string {
  const pod = text(forwarding.pod);
  const node = text(forwarding.node);
  const outside = text(forwarding.outside);
  return pod === node && pod === outside ? pod : `pod ${pod}\nnode ${node}\noutside ${outside}`;
}

/** What a packet to any origin meets, route and dress, as one text. */
export function forwardingText(forwarding: Forwarding): string {
  return perOrigin(forwarding, (fate) => `${routeText(fate.route)} | ${dressText(fate.dress)}`);
}

/** Digest of one entry of a table, 32 hexadecimal digits: which frontend, and all that becomes of its packets. */
export function entryDigest(key: FrontendKey, forwarding: Forwarding): string {
  return digest(`${key}\n${forwardingText(forwarding)}`);
}

/** The first half of a SHA-256, 32 hexadecimal digits: the one kind of digest of the contract. */
export function digest(content: string | Uint8Array): string {
  return hash('sha256', content, 'hex').slice(0, 32);
}

/** Digest of what every dataplane must agree on, 32 hexadecimal digits. */
export function routeDigest(forwarding: Forwarding): string {
  return digest(perOrigin(forwarding, (fate) => routeText(fate.route)));
}

/** Digest of how it is done, 32 hexadecimal digits. */
export function dressDigest(forwarding: Forwarding): string {
  return digest(perOrigin(forwarding, (fate) => dressText(fate.dress)));
}

/** Digest of a whole table: equal exactly when every frontend has the same route and dress. */
export function tableDigest(table: ForwardingTable): string {
  const lines: string[] = [];
  for (const [key, { forwarding }] of table) lines.push(`${key} ${routeDigest(forwarding)} ${dressDigest(forwarding)}`);
  return digest(lines.sort().join('\n'));
}
