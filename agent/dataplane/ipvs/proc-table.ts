/**
 * `/proc/net/ip_vs` (net/netfilter/ipvs/ip_vs_ctl.c, ip_vs_info_seq_show): all numbers hexadecimal but weights and counts.
 *
 *     IP Virtual Server version 1.2.1 (size=4096)
 *     Prot LocalAddress:Port Scheduler Flags
 *       -> RemoteAddress:Port Forward Weight ActiveConn InActConn
 *     TCP  0A606D04:18EB rr  persistent 150000 FFFFFFFF
 *       -> 0AF40204:18EB      Masq    1      0          0
 *     TCP  [fd00:0010:0096:0000:0000:0000:0000:9b5e]:0050 rr
 *
 * The kernel makes the text piece by piece while servers come and go, so a server may be missing or doubled in one
 * reading of a table that is being changed. The next reading has it right, and no finding comes of one reading.
 */
import { type Address, backendOf, parseAddress } from '../../../proto/address.ts';
import type { Protocol } from '../../../proto/forwarding.ts';
import {
  type ForwardMethod,
  type ReadText,
  type RealServer,
  type ServerKey,
  serverKey,
  type VirtualService,
} from './server.ts';

/** In what order they were listed. */
export type VirtualServices = ReadonlyMap<ServerKey, VirtualService>;

const headLines = 3;
const place = String.raw`([0-9A-F]{8}|\[[0-9a-f:]{39}\]):([0-9A-F]{4})`;
const serviceLine = new RegExp(
  String.raw`^(TCP|UDP|SCTP) +${place} ([a-z0-9_-]+) (?:ops )?(?: ?persistent ([0-9]+) [0-9A-F]{1,8})?\s*$`,
);
/** Services of packets with a firewall mark: they have no address, and kube-proxy makes none. */
const markedLine = /^FWM +[0-9A-F]{8} /;
const realLine = new RegExp(String.raw`^ +-> ${place} +(Masq|Local|Route|Tunnel|Bypass) +(\d+) +(\d+) +(\d+)\s*$`);

const protocols: ReadonlyMap<string, Protocol> = new Map([
  ['TCP', 'tcp'],
  ['UDP', 'udp'],
  ['SCTP', 'sctp'],
]);

const methods: ReadonlyMap<string, ForwardMethod> = new Map([
  ['Masq', 'masq'],
  ['Local', 'local'],
  ['Route', 'route'],
  ['Tunnel', 'tunnel'],
  ['Bypass', 'route'],
]);

/** Reads the whole file. A line that the kernel does not print, or a text that ends within one, fails all of it. */
export function readProcTable(text: string): ReadText<VirtualServices> {
  const lines = text.split('\n');
  if (lines.pop() !== '') return failed(lines.length + 1, 'it ends within a line: it was cut');
  if (!(lines[0] ?? '').startsWith('IP Virtual Server version ') || lines.length < headLines) {
    return failed(1, 'it does not begin with its head');
  }
  const services = new Map<ServerKey, VirtualService>();
  /** Null below a service that is passed over. */
  let servers: RealServer[] | null = null;
  for (let index = headLines; index < lines.length; index++) {
    const line = lines[index] ?? '';
    if (markedLine.test(line)) {
      servers = null;
      continue;
    }
    const service = readService(line);
    if (service !== null) {
      servers = [];
      services.set(serverKey(service.protocol, service.address, service.port), { ...service, servers });
      continue;
    }
    const server = index === headLines ? null : readServer(line);
    if (server === null) return failed(index + 1, `neither a virtual nor a real server: ${line.slice(0, 80)}`);
    servers?.push(server);
  }
  return { ok: true, value: services };
}

function failed(line: number, problem: string): ReadText<never> {
  return { ok: false, line, problem };
}

function readService(line: string): Omit<VirtualService, 'servers'> | null {
  const [, name = '', host = '', port = '', scheduler = '', ticks] = serviceLine.exec(line) ?? [];
  const protocol = protocols.get(name);
  const address = readHost(host);
  if (protocol === undefined || address === null) return null;
  const persistentTicks = ticks === undefined ? null : Number(ticks);
  return { protocol, address, port: Number.parseInt(port, 16), scheduler, persistentTicks };
}

function readServer(line: string): RealServer | null {
  const [, host = '', port = '', forward = '', weight, active, inactive] = realLine.exec(line) ?? [];
  const method = methods.get(forward);
  const address = readHost(host);
  if (method === undefined || address === null) return null;
  return {
    backend: backendOf(address, Number.parseInt(port, 16)),
    method,
    weight: Number(weight),
    activeConnections: Number(active),
    inactiveConnections: Number(inactive),
  };
}

/** `0A60D528`, or `[fd00:0010:...]` with all its zeros. */
function readHost(text: string): Address | null {
  if (text.startsWith('[')) return parseAddress(text.slice(1, -1));
  if (text.length !== 8) return null;
  const number = Number.parseInt(text, 16);
  return parseAddress([24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join('.'));
}
