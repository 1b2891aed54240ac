/**
 * `ipvsadm -Sn`, ipvsadm-save(8): one line per virtual server (-A) and real server (-a). Only here are times in seconds.
 *
 *     -A -t 10.96.109.4:6379 -s rr -p 600
 *     -a -t 10.96.109.4:6379 -r 10.244.2.4:6379 -m -w 1
 *     -A --sctp-service 10.96.50.225:9999 -s rr
 */
import { backendOf, parseHostPort } from '../../../proto/address.ts';
import type { Protocol } from '../../../proto/forwarding.ts';
import type { RuleLine } from '../../../proto/parts.ts';
import type { BalancedService } from './balancer.ts';
import { type ForwardMethod, type ReadText, type ServerKey, serverKey } from './server.ts';

const protocols: ReadonlyMap<string, Protocol> = new Map([
  ['-t', 'tcp'],
  ['-u', 'udp'],
  ['--sctp-service', 'sctp'],
]);

/** What -p without a number means. */
const defaultSeconds = 300;

/**
 * How long each virtual server keeps a client with its real server.
 * @returns seconds; only servers that keep clients are listed. A line that ipvsadm does not print fails all of it.
 */
export function readPersistence(text: string): ReadText<ReadonlyMap<ServerKey, number>> {
  const lines = text.split('\n');
  if (lines.pop() !== '') return { ok: false, line: lines.length + 1, problem: 'it ends within a line: it was cut' };
  const seconds = new Map<ServerKey, number>();
  for (const [index, line] of lines.entries()) {
    const [command, option = '', place = '', ...rest] = line.trim().split(/ +/);
    // Services of firewall marks (-f) have no address.
    if (command === '-a' || (command === '-A' && option === '-f')) continue;
    const protocol = protocols.get(option);
    const parsed = parseHostPort(place);
    if (command !== '-A' || protocol === undefined || parsed === null) {
      return { ok: false, line: index + 1, problem: `no virtual or real server: ${line.slice(0, 80)}` };
    }
    const at = rest.indexOf('-p');
    if (at < 0) continue;
    const told = Number(rest[at + 1] ?? defaultSeconds);
    seconds.set(serverKey(protocol, parsed.address, parsed.port), Number.isInteger(told) ? told : defaultSeconds);
  }
  return { ok: true, value: seconds };
}

const options: { readonly [protocol in Protocol]: string } = { tcp: '-t', udp: '-u', sctp: '--sctp-service' };
const methodOptions: { readonly [method in ForwardMethod]: string } = {
  masq: '-m',
  local: '-m',
  route: '-g',
  tunnel: '-i',
};

/** One virtual server and its real servers, as ipvsadm prints them. */
export function savedLines({
  protocol,
  address,
  port,
  scheduler,
  affinitySeconds,
  servers,
}: BalancedService): RuleLine[] {
  const place = backendOf(address, port);
  const kept = affinitySeconds === null ? ' -p' : affinitySeconds === 0 ? '' : ` -p ${affinitySeconds}`;
  const line = (rule: string): RuleLine => ({ table: 'ipvs', chain: place, rule });
  return [
    line(`-A ${options[protocol]} ${place} -s ${scheduler}${kept}`),
    ...servers.map(({ backend, method, weight }) =>
      line(`-a ${options[protocol]} ${place} -r ${backend} ${methodOptions[method]} -w ${weight}`),
    ),
  ];
}
