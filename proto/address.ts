/**
 * Addresses, prefixes and backends as text in one canonical form (RFC 5952 for IPv6), so that equal things are equal
 * strings. Every one is made by a constructor of this file or of prefixes.ts; nothing else casts to these types.
 */
import ipaddr from 'ipaddr.js';

export type Family = 'ipv4' | 'ipv6';

declare const addressBrand: unique symbol;
declare const prefixBrand: unique symbol;
declare const backendBrand: unique symbol;

/** One IP address in canonical text: `10.0.0.1`, `fd00::1`. */
export type Address = string & { readonly [addressBrand]: true };
/** One CIDR prefix, host bits cleared: `10.0.0.0/8`, `fd00::/64`. */
export type Prefix = string & { readonly [prefixBrand]: true };
/** Where a packet is sent: `10.0.0.1:80` or `[fd00::1]:80`. */
export type Backend = string & { readonly [backendBrand]: true };

/**
 * Reads one IP address; IPv4 mapped into IPv6 (`::ffff:10.0.0.1`) becomes IPv4, as kube-proxy treats it.
 * @returns the canonical address, or null when the text is no IP address (a leading zero in an octet is none).
 */
export function parseAddress(text: string): Address | null {
  if (isCanonicalIpv4(text)) return text as Address;
  if (!text.includes(':') || text.includes('%') || !ipaddr.IPv6.isValid(text)) return null;
  const parsed = ipaddr.IPv6.parse(text);
  if (parsed.isIPv4MappedAddress()) return parsed.toIPv4Address().toString() as Address;
  return parsed.toRFC5952String() as Address;
}

/** The family of a canonical address, prefix or backend. */
export function familyOf(text: Address | Prefix): Family {
  return text.includes(':') ? 'ipv6' : 'ipv4';
}

/** Host and port joined as Go's net.JoinHostPort does, which kube-proxy hashes and compares. */
export function backendOf(address: Address, port: number): Backend {
  return (address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`) as Backend;
}

/**
 * Splits `10.0.0.1:80` or `[fd00::1]:80`.
 * @returns null when the host is no address or the port is outside 1 to 65535.
 */
export function parseHostPort(text: string): { readonly address: Address; readonly port: number } | null {
  const colon = text.lastIndexOf(':');
  if (colon < 0) return null;
  const port = parseWhole(text.slice(colon + 1), 65535);
  let host = text.slice(0, colon);
  if (host.startsWith('[') && host.endsWith(']')) host = host.slice(1, -1);
  else if (host.includes(':')) return null;
  const address = parseAddress(host);
  return address === null || port === null || port === 0 ? null : { address, port };
}

/**
 * `10.0.0.1:80` or `[fd00::1]:80` as one canonical backend.
 * @returns null for ranges, host names, and addresses without a port.
 */
export function parseBackend(text: string): Backend | null {
  // The text nearly always is canonical already: a table may hold a hundred thousand of them.
  const length = ipv4Length(text);
  if (length > 0 && isCanonicalPort(text, length)) return text as Backend;
  const parsed = parseHostPort(text);
  return parsed === null ? null : backendOf(parsed.address, parsed.port);
}

/** Whether `:` and a port without leading zeros make up the rest of a text. */
function isCanonicalPort(text: string, colon: number): boolean {
  if (text.charCodeAt(colon) !== 58 || text.length === colon + 1 || text.length > colon + 6) return false;
  if (text.charCodeAt(colon + 1) === 48) return false;
  let port = 0;
  for (let i = colon + 1; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return false;
    port = port * 10 + digit;
  }
  return port <= 65535;
}

/** A whole number in plain decimal digits without sign, at most `max`; null otherwise. */
export function parseWhole(text: string, max: number): number | null {
  if (text.length === 0 || text.length > 15) return null;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return null;
    value = value * 10 + digit;
  }
  return value <= max ? value : null;
}

function isCanonicalIpv4(text: string): boolean {
  return ipv4Length(text) === text.length && text.length > 0;
}

/** How many characters at the start of a text are an IPv4 address as inet_ntop prints it; 0 when they are none. */
function ipv4Length(text: string): number {
  let octet = 0;
  let digits = 0;
  let dots = 0;
  let i = 0;
  for (; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 46) {
      if (digits === 0 || dots === 3) return 0;
      dots++;
      octet = 0;
      digits = 0;
      continue;
    }
    if (code < 48 || code > 57) break;
    if (digits > 0 && octet === 0) return 0;
    octet = octet * 10 + code - 48;
    digits++;
    if (octet > 255) return 0;
  }
  return dots === 3 && digits > 0 ? i : 0;
}
