/**
 * The node's routes of all tables: `ip -j -4 route show table all` and the same with -6, see ip-route(8).
 *
 *     [{"dst":"10.244.2.0/24","gateway":"192.0.2.12","dev":"eth0","flags":[]},
 *      {"dst":"198.51.100.0/24","nexthops":[{"gateway":"192.0.2.2","dev":"eth0","weight":1,"flags":[]}]},
 *      {"type":"blackhole","dst":"10.244.7.0/24","table":"100","protocol":"bird","metric":5,"flags":[]}]
 *
 * ip leaves out what is usual: type unicast, table main, protocol boot, and of IPv4 metric 0.
 */
import { type Address, type Family, familyOf, parseAddress } from '../../proto/address.ts';
import type { NodeRoute, Part, RoutesReport } from '../../proto/parts.ts';
import { parsePrefix } from '../../proto/prefixes.ts';
import type { Host } from '../host.ts';
import { collectRules } from './network/routing-rules.ts';
import { fieldOf, isEmptyObject, notAList, readIpList } from './ip-list.ts';

const families = [
  { family: 'ipv4', args: ['-j', '-4', 'route', 'show', 'table', 'all'] },
  { family: 'ipv6', args: ['-j', '-6', 'route', 'show', 'table', 'all'] },
] as const;
const everywhere = { ipv4: '0.0.0.0/0', ipv6: '::/0' } as const;
const most = 2000;

/**
 * Reads the routes of both families, those of table main before the others: a cut loses what matters least. A route
 * over several next hops is listed, and counted, once for each.
 */
export async function collectRoutes(host: Host, now: () => Date): Promise<Part<RoutesReport>> {
  const routes: NodeRoute[] = [];
  for (const { family, args } of families) {
    const read = await readIpList(host, args);
    if (read.state !== 'ok') return read;
    for (const entry of read.list) {
      const found = readRoute(family, entry);
      if (found === null) return { state: 'failed', reason: notAList(args) };
      routes.push(...found);
    }
  }
  const isMain = ({ table }: NodeRoute) => table === 'main';
  const ordered = [...routes.filter(isMain), ...routes.filter((route) => !isMain(route))];
  const rules = await collectRules(host);
  if (rules.state === 'failed') return rules;
  const value = {
    routes: { total: ordered.length, first: ordered.slice(0, most) },
    rules: rules.state === 'ok' ? rules.value : null,
  };
  return { state: 'ok', value, collectedAt: now().toISOString() };
}

/** @returns one route for each next hop; null when the entry is none. */
function readRoute(family: Family, entry: unknown): readonly NodeRoute[] | null {
  if (isEmptyObject(entry)) return [];
  const destination = readDestination(family, fieldOf(entry, 'dst'));
  const kind = wordOf(fieldOf(entry, 'type'), 'unicast');
  const table = wordOf(fieldOf(entry, 'table'), 'main');
  const protocol = wordOf(fieldOf(entry, 'protocol'), 'boot');
  const metric = fieldOf(entry, 'metric') ?? 0;
  const source = addressOf(fieldOf(entry, 'prefsrc'));
  if (destination === null || kind === null || table === null || protocol === null || source === undefined) return null;
  if (typeof metric !== 'number' || !Number.isSafeInteger(metric) || metric < 0) return null;
  const mtu = mtuOf(entry);
  const nextHops = fieldOf(entry, 'nexthops') ?? [entry];
  if (!Array.isArray(nextHops)) return null;
  const routes: NodeRoute[] = [];
  for (const nextHop of nextHops) {
    const link = fieldOf(nextHop, 'dev') ?? null;
    // A gateway of the other family stands under another name.
    const gateway = addressOf(fieldOf(nextHop, 'gateway') ?? fieldOf(fieldOf(nextHop, 'via'), 'host'));
    if (gateway === undefined || (link !== null && typeof link !== 'string')) return null;
    const flags = [fieldOf(entry, 'flags'), fieldOf(nextHop, 'flags')].flat();
    const onlink = flags.includes('onlink');
    const isDead = flags.includes('dead') || flags.includes('linkdown');
    routes.push({ family, table, kind, destination, link, gateway, source, protocol, metric, onlink, mtu, isDead });
  }
  return routes;
}

/** `"metrics":[{"mtu":1400}]`. */
function mtuOf(entry: unknown): number | null {
  const metrics = fieldOf(entry, 'metrics');
  const mtu = Array.isArray(metrics) ? fieldOf(metrics[0], 'mtu') : null;
  return typeof mtu === 'number' && Number.isSafeInteger(mtu) && mtu > 0 ? mtu : null;
}

function readDestination(family: Family, text: unknown): NodeRoute['destination'] | null {
  if (typeof text !== 'string') return null;
  const prefix = parsePrefix(text === 'default' ? everywhere[family] : text);
  return prefix !== null && familyOf(prefix) === family ? prefix : null;
}

/** Names from /etc/iproute2 or, where there is none, numbers. */
function wordOf(value: unknown, usual: string): string | null {
  if (value === undefined) return usual;
  return typeof value === 'string' || typeof value === 'number' ? String(value) : null;
}

/** @returns null where there is none; undefined when it is no address. */
function addressOf(value: unknown): Address | null | undefined {
  if (value === undefined) return null;
  return typeof value === 'string' ? (parseAddress(value) ?? undefined) : undefined;
}
