/**
 * The routing policy database: `ip -j -4 rule` and the same with -6, see ip-rule(8).
 *
 *     [{"priority":0,"src":"all","table":"local"},
 *      {"priority":100,"src":"10.2.7.9","table":"2"},
 *      {"priority":9,"src":"all","fwmark":"0x200","fwmask":"0xf00","table":"2004"},
 *      {"priority":512,"src":"all","dst":"10.244.0.0","dstlen":16,"action":"blackhole"},
 *      {"priority":32765,"not":null,"src":"all","fwmark":"0xca6c","table":"51820"}]
 */
import { type Family, familyOf, type Prefix } from '../../../proto/address.ts';
import type { LongExcerpt, RoutingRule } from '../../../proto/parts.ts';
import { parsePrefix } from '../../../proto/prefixes.ts';
import type { Host } from '../../host.ts';
import { fieldOf, isEmptyObject, notAList, readIpList } from '../ip-list.ts';

const families = [
  { family: 'ipv4', args: ['-j', '-4', 'rule'] },
  { family: 'ipv6', args: ['-j', '-6', 'rule'] },
] as const;
const most = 2000;
/** What a rule is told by; whatever else ip prints of it narrows it. */
const told = [
  'priority',
  'src',
  'srclen',
  'dst',
  'dstlen',
  'fwmark',
  'fwmask',
  'table',
  'action',
  'goto',
  'nop',
  'protocol',
];
/** The kernel's word where IPv6 is off, or where it has no rules at all: `Operation not supported`. */
const unsupported = /Address family not supported|Operation not supported/;

export type RulesRead =
  | { readonly state: 'ok'; readonly value: LongExcerpt<RoutingRule> }
  | { readonly state: 'failed'; readonly reason: string }
  | { readonly state: 'absent' };

/**
 * Reads the rules of both families, by priority; `absent` where those of IPv4 were not recorded or the kernel has no rules.
 */
export async function collectRules(host: Host): Promise<RulesRead> {
  const rules: RoutingRule[] = [];
  for (const { family, args } of families) {
    const read = await readIpList(host, args);
    const hasNone = read.state === 'absent' || (read.state === 'failed' && unsupported.test(read.reason));
    if (hasNone && family === 'ipv6') continue;
    if (hasNone) return { state: 'absent' };
    if (read.state !== 'ok') return read;
    for (const entry of read.list) {
      if (isEmptyObject(entry)) continue;
      const rule = readRule(family, entry);
      if (rule === null) return { state: 'failed', reason: notAList(args) };
      rules.push(rule);
    }
  }
  return { state: 'ok', value: { total: rules.length, first: rules.slice(0, most) } };
}

function readRule(family: Family, entry: unknown): RoutingRule | null {
  const priority = fieldOf(entry, 'priority');
  const from = prefixOf(family, entry, 'src');
  const to = prefixOf(family, entry, 'dst');
  const link = fieldOf(entry, 'iif') ?? fieldOf(entry, 'oif') ?? null;
  const table = fieldOf(entry, 'table') ?? null;
  const action = fieldOf(entry, 'action') ?? actionOf(entry);
  if (typeof priority !== 'number' || !Number.isSafeInteger(priority) || priority < 0) return null;
  if (from === undefined || to === undefined || typeof action !== 'string') return null;
  if ((link !== null && typeof link !== 'string') || (table !== null && typeof table === 'object')) return null;
  const name = table === null ? null : String(table);
  return { family, priority, from, to, mark: markOf(entry), link, table: name, action, further: furtherOf(entry) };
}

function actionOf(entry: unknown): string {
  if (fieldOf(entry, 'goto') !== undefined) return 'goto';
  return fieldOf(entry, 'table') === undefined ? 'nop' : 'lookup';
}

/** Of two links that are asked for, the one that packets come by is told as the rule's. */
function furtherOf(entry: unknown): string | null {
  const link = fieldOf(entry, 'iif') === undefined ? 'oif' : 'iif';
  const names = Object.keys(Object(entry)).filter((name) => name !== link && !told.includes(name));
  return names.length === 0 ? null : names.sort().join(' ').slice(0, 64);
}

/** `all` and nothing are every address. @returns undefined when it is no prefix. */
function prefixOf(family: Family, entry: unknown, name: 'src' | 'dst'): Prefix | null | undefined {
  const text = fieldOf(entry, name);
  if (text === undefined || text === 'all') return null;
  const length = fieldOf(entry, `${name}len`);
  if (typeof text !== 'string' || (length !== undefined && typeof length !== 'number')) return undefined;
  const prefix = parsePrefix(length === undefined ? text : `${text}/${length}`);
  return prefix !== null && familyOf(prefix) === family ? prefix : undefined;
}

function markOf(entry: unknown): string | null {
  const mark = fieldOf(entry, 'fwmark');
  if (mark === undefined) return null;
  const mask = fieldOf(entry, 'fwmask');
  return mask === undefined ? String(mark).slice(0, 64) : `${mark}/${mask}`.slice(0, 64);
}
