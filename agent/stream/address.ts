/** Addresses of the aggregator, as they are written in settings and files. */
import { longestAddress } from '../../proto/ways.ts';

/** Where `HOST:PORT` or `[ADDRESS]:PORT` leads. */
export interface HostPort {
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
}

/** Null for what is neither. */
export function hostPort(text: string): HostPort | null {
  const [, bracketed, plain, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host === undefined || port < 1 || port > 65_535 || text.length > longestAddress) return null;
  return { host, port };
}

/** Whether an address names a unix socket: `unix:/run/plumbline/node-a.sock`. */
export function isSocket(address: string): boolean {
  return address.startsWith('unix:');
}

/** Whether what is sent to an address stays on this machine. */
export function staysHere(address: string): boolean {
  if (isSocket(address)) return true;
  const host = address.replace(/:\d+$/, '').replace(/^\[(?<inner>.*)\]$/, '$<inner>');
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}
