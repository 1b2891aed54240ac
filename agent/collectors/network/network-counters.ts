/**
 * Packets that were lost, by the counts of the protocols and of links (proc_pid_net(5)):
 *
 *     /proc/net/snmp       Ip: Forwarding DefaultTTL ... OutNoRoutes ...     and a line of numbers with the same name
 *     /proc/net/netstat    TcpExt: ... IPReversePathFilter ...
 *     /proc/net/dev        eth0: bytes packets errs drop fifo frame compressed multicast  bytes packets errs drop ...
 */
import type { Counter, LinkCounters, NetworkCountersReport, NodeLink, NodeParts, Part } from '../../../proto/parts.ts';
import type { Clock } from '../../clock.ts';
import type { Host } from '../../host.ts';
import { RisingCounters } from '../rising-counters.ts';

const files = ['/proc/net/snmp', '/proc/net/netstat', '/proc/net/dev'] as const;
const fileBytes = 4 * 1024 * 1024;
const mostLinks = 50;
const roundedToMs = 10_000;
/** Kinds of links that most often lead to a pod. */
const pairs = ['veth', 'netkit'];

/** The parts that say what leads out of the node. */
export type Wiring = Pick<NodeParts, 'links' | 'routes'>;

/** Of a protocol: the member of the report, and where it stands. */
const counts = {
  reversePathDrops: 'TcpExt IPReversePathFilter',
  noRoute: 'Ip OutNoRoutes',
  udpChecksumErrors: 'Udp InCsumErrors',
  fragmentationFailures: 'Ip FragFails',
  reassemblyFailures: 'Ip ReasmFails',
} as const;

/** Columns of /proc/net/dev. */
const ofLink = { receiveErrors: 2, receiveDrops: 3, transmitErrors: 10, transmitDrops: 11 } as const;

/** Reads again and again, and tells what each count rose by. */
export class NetworkCountersReader {
  readonly #host: Host;
  readonly #clock: Pick<Clock, 'now' | 'monotonicMs'>;
  readonly #rising = new RisingCounters();

  constructor(host: Host, clock: Pick<Clock, 'now' | 'monotonicMs'>) {
    this.#host = host;
    this.#clock = clock;
  }

  /**
   * Reads once; `absent` where none of the files is there (a recording without them).
   * @param wiring tells which links are watched.
   */
  async read(wiring: Wiring): Promise<Part<NetworkCountersReport>> {
    const texts: string[] = [];
    for (const path of files) {
      const file = await this.#host.read(path, fileBytes);
      if (!file.ok && file.kind !== 'absent') return { state: 'failed', reason: file.message };
      texts.push(file.ok ? file.bytes.toString('latin1') : '');
    }
    if (texts.every((text) => text === '')) return { state: 'absent' };
    const [snmp = '', netstat = '', devices = ''] = texts;
    const totals = new Map([...protocolCounts(snmp), ...protocolCounts(netstat)]);
    const told = linkCounts(devices, watchedLinks(wiring));
    const all = new Map([...totals, ...told.flatMap(({ totals: own }) => own)]);
    // A second more or less would be a change of every counter, and is sent.
    const atMs = Math.round(this.#clock.monotonicMs() / roundedToMs) * roundedToMs;
    const counters = this.#rising.advance(all, atMs);
    const named = (name: string) => counters.get(name) ?? null;
    const value: NetworkCountersReport = {
      reversePathDrops: named(counts.reversePathDrops),
      noRoute: named(counts.noRoute),
      udpChecksumErrors: named(counts.udpChecksumErrors),
      fragmentationFailures: named(counts.fragmentationFailures),
      reassemblyFailures: named(counts.reassemblyFailures),
      links: told.map(({ link }) => countersOf(link, counters)),
    };
    return { state: 'ok', value, collectedAt: this.#clock.now().toISOString() };
  }
}

/** Those that are told, out of pairs of lines: names, then numbers. */
function protocolCounts(text: string): readonly (readonly [string, number])[] {
  const wanted = new Set<string>(Object.values(counts));
  const lines = text.split('\n');
  return lines.flatMap((line, at) => {
    const [protocol = '', ...names] = line.split(' ');
    const [again, ...numbers] = (lines[at + 1] ?? '').split(' ');
    if (protocol === '' || protocol !== again) return [];
    return names.flatMap((name, column) => {
      const key = `${protocol.slice(0, -1)} ${name}`;
      const number = Number(numbers[column]);
      return wanted.has(key) && Number.isSafeInteger(number) && number >= 0 ? [[key, number] as const] : [];
    });
  });
}

/** Uplinks, tunnels and bridges: a pod's own link is the pod's matter. A node in a container has a pair as its uplink. */
function watchedLinks({ links, routes }: Wiring): readonly NodeLink[] {
  const all = links.state === 'ok' ? links.value.links.first : [];
  const ways = routes.state === 'ok' ? routes.value.routes.first : [];
  const uplinks = new Set(ways.filter(({ gateway }) => gateway !== null).map(({ link }) => link));
  const isWatched = ({ name, kind, master }: NodeLink) =>
    name !== 'lo' && master === null && (!pairs.includes(kind) || uplinks.has(name));
  return all.filter(isWatched).slice(0, mostLinks);
}

function linkCounts(text: string, watched: readonly NodeLink[]) {
  const rows = new Map(
    text.split('\n').flatMap((line) => {
      const [, name, numbers] = /^\s*([^\s:]+):\s*(.*)$/.exec(line) ?? [];
      return name === undefined || numbers === undefined ? [] : [[name, numbers.trim().split(/\s+/)] as const];
    }),
  );
  return watched.flatMap(({ name: link }) => {
    const row = rows.get(link);
    if (row === undefined) return [];
    const totals = Object.entries(ofLink).map(([what, column]) => [`${link} ${what}`, Number(row[column])] as const);
    return totals.every(([, total]) => Number.isSafeInteger(total) && total >= 0) ? [{ link, totals }] : [];
  });
}

const never: Counter = { total: 0, increase: 0, windowSeconds: 0, reset: false };

function countersOf(link: string, counters: ReadonlyMap<string, Counter>): LinkCounters {
  const of = (what: keyof typeof ofLink) => counters.get(`${link} ${what}`) ?? never;
  return {
    link,
    receiveErrors: of('receiveErrors'),
    receiveDrops: of('receiveDrops'),
    transmitErrors: of('transmitErrors'),
    transmitDrops: of('transmitDrops'),
  };
}
