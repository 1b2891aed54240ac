/**
 * One packet followed through the text of one of kube-proxy's nftables tables, rule by rule, for the few statements that
 * kube-proxy v1.36 writes: an independent reading of recorded rules, that knows nothing of sets of sources, of Services
 * or of the agent.
 */
import type { Address } from '../proto/address.ts';
import { contains, parsePrefix, prefixSet } from '../proto/prefixes.ts';
import type { Flow } from './answer-flow.ts';
import type { Followed } from './packet-by-hand.ts';

/** Comments are left out. */
export interface NftText {
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /** Of sets and maps: each element as it is written, `key` or `key : verdict`. */
  readonly elements: ReadonlyMap<string, readonly string[]>;
  /** Of sets that forget, in seconds. */
  readonly timeouts: ReadonlyMap<string, number>;
}

/** @param table `ip kube-proxy` or `ip6 kube-proxy`. */
export function readNftText(text: string, table: string): NftText {
  const [, body = ''] = text.split(`table ${table} {\n`);
  const chains = new Map<string, readonly string[]>();
  const elements = new Map<string, readonly string[]>();
  const timeouts = new Map<string, number>();
  const plain = (body.split('\n}')[0] ?? '').replace(/ ?comment "[^"]*"/g, '');
  for (const [, kind, name = '', inside = ''] of plain.matchAll(/\t(chain|set|map) (\S+) \{\n((?:\t\t.*\n)*)\t\}/g)) {
    if (kind === 'chain') {
      const lines = inside.split('\n').map((line) => line.trim());
      chains.set(
        name,
        lines.filter((line) => line !== '' && !line.startsWith('type ')),
      );
      continue;
    }
    const [, listed = ''] = /elements = \{ (.*?) \}/s.exec(inside) ?? [];
    elements.set(name, listed === '' ? [] : listed.split(',').map((one) => one.trim()));
    const [, timeout] = /timeout (\w+)/.exec(inside) ?? [];
    if (timeout !== undefined) timeouts.set(name, secondsOf(timeout));
  }
  return { chains, elements, timeouts };
}

/** Every address and port that a map of kube-proxy names: `tcp 10.96.0.1:443`, `tcp node:30080`. */
export function nftServicePorts({ elements }: NftText): ReadonlySet<string> {
  const found = new Set<string>();
  for (const map of ['service-ips', 'no-endpoint-services']) {
    for (const element of elements.get(map) ?? []) {
      const [address, protocol, port] = keyOf(element);
      found.add(`${protocol} ${address}:${port}`);
    }
  }
  for (const map of ['service-nodeports', 'no-endpoint-nodeports']) {
    for (const element of elements.get(map) ?? []) found.add(`${keyOf(element)[0]} node:${keyOf(element)[1]}`);
  }
  return found;
}

/** The endpoints that are masqueraded when they reach themselves: `10.244.3.2:8080/tcp`, `[fd00::2]:80/tcp`. */
export function nftHairpins({ elements }: NftText): ReadonlySet<string> {
  return new Set(
    (elements.get('hairpin-connections') ?? []).map((element) => {
      const [address = '', , protocol = '', port = ''] = keyOf(element);
      return `${backendText(address, port)}/${protocol}`;
    }),
  );
}

/** @param local the node's own addresses. */
export function followNftPacket(table: NftText, flow: Flow, local: readonly Address[]): Followed {
  const packet: Packet = { table, flow, isOwn: (address) => local.includes(address), affinity: { seconds: 0 } };
  const isMade = packet.isOwn(flow.from) || flow.from === flow.to;
  const hooks = isMade ? ['filter-output-pre-dnat', 'nat-output'] : ['filter-prerouting-pre-dnat', 'nat-prerouting'];
  let ends: readonly End[] = [{ kind: 'passed', mark: 0 }];
  for (const hook of hooks)
    ends = ends.flatMap((end) => (end.kind === 'passed' ? walk(packet, hook, end.mark) : [end]));
  const sent = ends.flatMap((end) => (end.kind === 'sent' ? [end] : []));
  if (sent.length > 0) {
    if (sent.length < ends.length) throw new Error('some packets are translated, some not');
    const masquerades = new Set(
      sent.map(({ mark }) => walk(packet, 'nat-postrouting', mark).some(({ kind }) => kind === 'masqueraded')),
    );
    if (masquerades.size > 1) throw new Error('some packets are masqueraded, some not');
    const output = [...new Set(sent.map(({ backend }) => backend))].sort();
    return { answer: { output, masquerade: masquerades.has(true) }, affinitySeconds: packet.affinity.seconds };
  }
  const filters = [
    isMade ? 'filter-output' : [],
    packet.isOwn(flow.to) ? 'filter-input' : isMade ? [] : 'filter-forward',
  ];
  for (const hook of filters.flat()) {
    ends = ends.flatMap((end) => (end.kind === 'passed' ? walk(packet, hook, end.mark) : [end]));
  }
  const verdict = ends[0]?.kind === 'dropped' ? 'DROP' : ends[0]?.kind === 'rejected' ? 'REJECT' : 'NONE';
  return { answer: { output: [verdict], masquerade: false }, affinitySeconds: 0 };
}

interface Packet {
  readonly table: NftText;
  readonly flow: Flow;
  readonly isOwn: (address: Address) => boolean;
  readonly affinity: { seconds: number };
}

type End =
  | { readonly kind: 'passed' | 'returned' | 'dropped' | 'rejected' | 'masqueraded'; readonly mark: number }
  | { readonly kind: 'sent'; readonly mark: number; readonly backend: string };

/** A whole base chain: `returned` is its end. */
function walk(packet: Packet, chain: string, mark: number): readonly End[] {
  return walkChain(packet, chain, mark).map((end) =>
    end.kind === 'returned' ? { kind: 'passed', mark: end.mark } : end,
  );
}

/** Every way that chance leaves open. `returned`: the end of the chain was reached. */
function walkChain(packet: Packet, chain: string, entryMark: number): readonly End[] {
  let mark = entryMark;
  for (const rule of packet.table.chains.get(chain) ?? []) {
    const step = readRule(packet, rule, mark);
    if (step.ends !== null) {
      // A jump comes back, and goes on with the next rule.
      const back = step.isJump ? step.ends.filter(({ kind }) => kind === 'returned') : [];
      if (back.length === 0) return step.ends;
      if (back.length < step.ends.length) throw new Error(`some packets come back: ${rule}`);
      mark = back[0]?.mark ?? mark;
    } else mark = step.mark;
  }
  return [{ kind: 'returned', mark }];
}

interface Step {
  readonly mark: number;
  /** Null: the packet goes on behind this rule. */
  readonly ends: readonly End[] | null;
  readonly isJump: boolean;
}

/** The statements of a rule, one after the other: matches, then what is done. */
function readRule(packet: Packet, rule: string, entryMark: number): Step {
  let mark = entryMark;
  let rest = rule;
  const passedOn = (): Step => ({ mark, ends: null, isJump: false });
  while (rest !== '') {
    const found = statements
      .map(({ form, does }) => ({ match: form.exec(rest), does }))
      .find(({ match }) => match !== null);
    if (found === undefined || found.match === null)
      throw new Error(`a statement that this reading does not know: ${rest}`);
    const outcome = found.does(packet, mark, found.match);
    if (outcome === false) return passedOn();
    if (typeof outcome === 'number') mark = outcome;
    if (typeof outcome === 'object') return { mark, ends: outcome, isJump: found.match[0].startsWith('jump') };
    rest = rest.slice(found.match[0].length).trim();
  }
  return passedOn();
}

/** True and false: whether it matches; a number: the new mark; a list: how the packet ends. */
type Outcome = boolean | number | readonly End[];

interface Statement {
  readonly form: RegExp;
  readonly does: (packet: Packet, mark: number, match: RegExpExecArray) => Outcome;
}

const statements: readonly Statement[] = [
  { form: /^ct state new\b/, does: () => true },
  { form: /^ct status dnat\b/, does: () => true },
  // No packet of these tests comes from an endpoint.
  { form: /^ip6? saddr \. ip6? daddr \. meta l4proto \. th dport @hairpin-connections/, does: () => false },
  {
    form: /^ip6? daddr \. meta l4proto \. th dport vmap @(\S+)/,
    does: (packet, mark, [, map = '']) => {
      const { to, protocol, port } = packet.flow;
      return verdictIn(packet, mark, [map, `${to} . ${protocol} . ${port}`]);
    },
  },
  {
    form: /^meta l4proto \. th dport vmap @(\S+)/,
    does: (packet, mark, [, map = '']) =>
      verdictIn(packet, mark, [map, `${packet.flow.protocol} . ${packet.flow.port}`]),
  },
  { form: /^meta l4proto (\w+)/, does: ({ flow }, _, [, protocol]) => flow.protocol === protocol },
  {
    form: /^ip6? saddr @(affinity-\S+)/,
    does: ({ table, affinity }, _, [, set = '']) => {
      affinity.seconds = table.timeouts.get(set) ?? 0;
      return false;
    },
  },
  {
    form: /^ip6? (saddr|daddr) (!= )?(@\S+|\{[^}]*\}|[\da-f.:/]+)/,
    does: ({ table, flow }, _, [, side, negated, range = '']) => {
      const text = range.startsWith('@') ? (table.elements.get(range.slice(1)) ?? []) : range.split(/[{}, ]+/);
      const set = prefixSet(text.flatMap((one) => parsePrefix(one) ?? []));
      return contains(set, side === 'saddr' ? flow.from : flow.to) === (negated === undefined);
    },
  },
  { form: /^fib saddr type local/, does: ({ flow, isOwn }) => isOwn(flow.from) || flow.from === flow.to },
  { form: /^meta mark & (\w+) != 0x0+/, does: (_, mark, [, mask]) => (mark & Number(mask)) !== 0 },
  { form: /^meta mark set meta mark \| (\w+)/, does: (_, mark, [, bits]) => mark | Number(bits) },
  { form: /^meta mark set meta mark \^ (\w+)/, does: (_, mark, [, bits]) => mark ^ Number(bits) },
  { form: /^masquerade fully-random/, does: (_, mark) => [{ kind: 'masqueraded', mark }] },
  { form: /^update @\S+ \{ ip6? saddr \}/, does: () => true },
  {
    form: /^dnat ip6? to numgen random mod \d+ map \{ (.*) \}/,
    does: (_, mark, [, listed = '']) =>
      listed.split(', ').map((one) => {
        const [address = '', port = ''] = (one.split(' : ')[1] ?? '').split(' . ');
        return { kind: 'sent', mark, backend: backendText(address, port) };
      }),
  },
  { form: /^dnat to (\S+)/, does: (_, mark, [, backend = '']) => [{ kind: 'sent', mark, backend }] },
  {
    form: /^numgen random mod \d+ vmap \{ (.*) \}/,
    does: (packet, mark, [, listed = '']) =>
      listed.split(', ').flatMap((one) => acted(packet, mark, one.split(' : ')[1] ?? '')),
  },
  { form: /^(?:(?:goto|jump) \S+|drop|reject)/, does: (packet, mark, [verdict]) => acted(packet, mark, verdict) },
];

function verdictIn(packet: Packet, mark: number, [map, key]: readonly [string, string]): Outcome {
  const found = packet.table.elements.get(map)?.find((element) => element.split(/ ?: /)[0]?.trim() === key);
  return found === undefined ? false : acted(packet, mark, found.split(' : ')[1] ?? '');
}

function acted(packet: Packet, mark: number, verdict: string): readonly End[] {
  if (verdict === 'drop') return [{ kind: 'dropped', mark }];
  if (verdict === 'reject') return [{ kind: 'rejected', mark }];
  const [, chain = ''] = verdict.split(' ');
  return walkChain(packet, chain, mark);
}

function keyOf(element: string): readonly string[] {
  return (element.split(/ +: /)[0] ?? '').split(' . ').map((part) => part.trim());
}

function backendText(address: string, port: string): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** As nft prints it: `10m`, `3h`, `1h30m`. */
function secondsOf(text: string): number {
  const units: Readonly<Record<string, number>> = { d: 86_400, h: 3600, m: 60, s: 1 };
  return [...text.matchAll(/(\d+)([dhms])/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * (units[unit ?? ''] ?? 0),
    0,
  );
}
