/**
 * Names of servers and zones in a Corefile, by core/dnsserver/address.go and plugin/normalize.go of CoreDNS: a scheme,
 * a zone or a prefix, a port. `.`, `.:53`, `dns://cluster.local:1053`, `tls://example.org`, `10.0.0.0/24`.
 */
import { parseWhole } from '../../../proto/address.ts';

const usualPorts: ReadonlyMap<string, number> = new Map([
  ['dns', 53],
  ['tls', 853],
  ['quic', 853],
  ['https', 443],
  ['https3', 443],
  ['grpc', 443],
]);

/** The zone and port of one word before a server block. */
export function readServerName(word: string): { readonly zone: string; readonly port: number } {
  const scheme = word.indexOf('://');
  const usual = scheme < 0 ? 53 : (usualPorts.get(word.slice(0, scheme).toLowerCase()) ?? 53);
  const name = scheme < 0 ? word : word.slice(scheme + 3);
  const colon = name.lastIndexOf(':');
  const port = colon < 0 ? null : parseWhole(name.slice(colon + 1), 65_535);
  // IPv6 prefixes have colons of their own.
  const hasPort = port !== null && !name.includes('/', colon);
  return { zone: zoneOf(hasPort ? name.slice(0, colon) : name), port: hasPort ? port : usual };
}

/** Lower case, without the dot at the end; the root is `.`. */
export function zoneOf(written: string): string {
  const zone = written.toLowerCase().replace(/\.$/, '');
  return zone === '' ? '.' : zone;
}
