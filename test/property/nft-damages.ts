/** Damage to kube-proxy's tables of nftables mode: all that hand edits, lost updates and other programs do to one object. */
import type { WrittenChain, WrittenElement, WrittenNft, WrittenSet } from './nft-written.ts';

/** One set, map or chain, as it is after the damage. */
export interface NftDamage {
  readonly name: string;
  readonly what: string;
  /** `ns/name` of the Service that what is damaged belongs to; null = it serves all. */
  readonly service: string | null;
  readonly damaged: WrittenSet | WrittenChain;
}

export function damagesOf(table: WrittenNft): readonly NftDamage[] {
  return [
    ...[...table.sets].flatMap(([name, set]) => damagesOfSet(table, name, set)),
    ...[...table.chains].flatMap(([name, chain]) => damagesOfChain(table, name, chain)),
  ];
}

export function damagedTable(table: WrittenNft, { name, damaged }: NftDamage): WrittenNft {
  return 'rules' in damaged
    ? { ...table, chains: new Map([...table.chains, [name, damaged]]) }
    : { ...table, sets: new Map([...table.sets, [name, damaged]]) };
}

function damagesOfSet(table: WrittenNft, name: string, set: WrittenSet): readonly NftDamage[] {
  const { elements, head } = set;
  const of = (what: string, service: string | null, damaged: Partial<WrittenSet>): NftDamage => {
    return { name, what: `${name}: ${what}`, service, damaged: { ...set, ...damaged } };
  };
  const replaced = (at: number, by: readonly WrittenElement[]) => ({ elements: elements.toSpliced(at, 1, ...by) });
  const changes = elements.flatMap((element, at) => [
    of(`${element.text} removed`, element.service, replaced(at, [])),
    ...changedElements(table, set, element).map((text) =>
      of(`${element.text} changed to ${text}`, element.service, replaced(at, [{ ...element, text }])),
    ),
    of(
      `${otherKey(element.text)} added`,
      element.service,
      replaced(at, [element, { ...element, text: otherKey(element.text) }]),
    ),
  ]);
  const timeout = head.find((line) => line.startsWith('timeout '));
  const longer = head.map((line) => (line === timeout ? 'timeout 7m' : line));
  return timeout === undefined ? changes : [...changes, of('other timeout', set.service, { head: longer })];
}

/** The key of nothing else, then every other verdict. */
function changedElements(table: WrittenNft, { kind }: WrittenSet, { text }: WrittenElement): readonly string[] {
  if (kind === 'set') return [otherKey(text)];
  const [key = '', verdict = ''] = splitElement(text);
  return [otherKey(text), ...otherVerdicts(table, verdict).map((other) => `${key} : ${other}`)];
}

/** A key in which the last part, a port or an address, is one that no other key has. */
function otherKey(text: string): string {
  const [key = '', verdict] = splitElement(text);
  const [bare = '', comment] = key.split(' comment ');
  const parts = bare.split(' . ');
  const last = parts.at(-1) ?? '';
  const other = /^\d+$/.test(last) ? String(Number(last) + 20_000) : otherAddress(last);
  const changed = [...parts.slice(0, -1), other].join(' . ') + (comment === undefined ? '' : ` comment ${comment}`);
  return verdict === undefined ? changed : `${changed} : ${verdict}`;
}

function otherVerdicts(table: WrittenNft, verdict: string): readonly string[] {
  const refusals = ['drop', 'goto reject-chain'].filter((other) => other !== verdict);
  return [...refusals.slice(0, 1), ...otherChains(table, verdict.split(' ')[1] ?? '').map((chain) => `goto ${chain}`)];
}

/** The next chain of the same kind. */
function otherChains({ chains }: WrittenNft, chain: string): readonly string[] {
  const alike = [...chains.keys()].filter((other) => kindOf(other) === kindOf(chain) && other.includes('/'));
  const other = alike[(alike.indexOf(chain) + 1) % alike.length];
  return other === undefined || other === chain || !chain.includes('/') ? [] : [other];
}

function kindOf(chain: string): string {
  return chain.split('-', 1)[0] ?? '';
}

function damagesOfChain(table: WrittenNft, name: string, chain: WrittenChain): readonly NftDamage[] {
  const { rules, service } = chain;
  const of = (what: string, damaged: readonly string[]): NftDamage => {
    return { name, what: `${name}: ${what}`, service, damaged: { ...chain, rules: damaged } };
  };
  return [
    ...(rules.length > 1 ? [of('emptied', [])] : []),
    ...rules.flatMap((rule, at) => [
      of(`removed: ${rule}`, rules.toSpliced(at, 1)),
      of(`twice: ${rule}`, rules.toSpliced(at, 0, rule)),
      ...changedRules(table, rule).map((other) => of(`${rule} changed to ${other}`, rules.toSpliced(at, 1, other))),
    ]),
  ];
}

/** Everything in a rule that may read otherwise, one at a time. */
function changedRules(table: WrittenNft, written: string): readonly string[] {
  const [rule = '', comment] = written.split(' comment ');
  const changed = changes.flatMap(({ form, becomes }) =>
    [...rule.matchAll(form)].flatMap((match) =>
      becomes(match, table).map(
        (other) => rule.slice(0, match.index) + other + rule.slice(match.index + match[0].length),
      ),
    ),
  );
  const tail = comment === undefined ? '' : ` comment ${comment}`;
  return [...new Set(changed)].filter((other) => other !== rule).map((other) => other.trim() + tail);
}

interface Change {
  readonly form: RegExp;
  readonly becomes: (match: RegExpExecArray, table: WrittenNft) => readonly string[];
}

const changes: readonly Change[] = [
  // A match the other way round.
  { form: / != (?!0x|local)/g, becomes: () => [' '] },
  { form: /(saddr|daddr|iifname) (?=@|"|[\da-f]|:)/g, becomes: ([, what]) => [`${what} != `] },
  { form: /type local/g, becomes: () => ['type != local'] },
  { form: /(==|!=) 0x00000000/g, becomes: ([, sign]) => [`${sign === '==' ? '!=' : '=='} 0x00000000`] },
  // Another mark, prefix, protocol, port.
  { form: /set meta mark [|^] 0x[\da-f]+/g, becomes: () => ['set meta mark | 0x00010000'] },
  { form: /(saddr|daddr) ((?:!= )?)([\da-f:][\da-f:.]+)(\/\d+)? /g, becomes: otherPrefix },
  { form: /meta l4proto (tcp|udp|sctp)/g, becomes: ([, proto]) => [`meta l4proto ${proto === 'udp' ? 'tcp' : 'udp'}`] },
  { form: /(tcp|udp|sctp) dport (\d+)/g, becomes: ([, proto, port]) => [`${proto} dport ${Number(port) + 20_000}`] },
  // Where packets are sent, and how they are shared out.
  {
    form: /dnat to (\S+):(\d+)$/g,
    becomes: ([, host, port]) => [`dnat to ${host}:1`, `dnat to ${otherHost(host)}:${port}`],
  },
  {
    form: /(\d+ : )(\S+) \. (\d+)/g,
    becomes: ([, at, host, port]) => [`${at}${host} . 1`, `${at}${otherAddress(host)} . ${port}`],
  },
  { form: /mod (\d+)/g, becomes: ([, count]) => [`mod ${Number(count) + 1}`] },
  { form: /, \d+ : [^,}]+(?= \})/g, becomes: () => [''] },
  { form: /, [\da-f:.]+\/\d+(?= \})/g, becomes: () => [''] },
  // Another chain, set or map.
  {
    form: /(goto|jump) (\S+?)(?=,? |$)/g,
    becomes: ([, verb, chain], table) => otherChains(table, chain ?? '').map((one) => `${verb} ${one}`),
  },
  { form: /^(goto|jump) (\S+)$/g, becomes: () => ['return', 'accept', 'drop'] },
  { form: /@service-ips/g, becomes: () => ['@firewall-ips'] },
  { form: /@no-endpoint-services/g, becomes: () => ['@firewall-ips'] },
  { form: /@cluster-ips/g, becomes: (_, { sets }) => (sets.has('nodeport-ips') ? ['@nodeport-ips'] : []) },
  { form: / (drop|reject|return)$/g, becomes: () => [' accept'] },
  { form: /^(drop|reject)$/g, becomes: ([, verdict]) => [verdict === 'drop' ? 'reject' : 'drop'] },
  { form: / ?masquerade fully-random$/g, becomes: () => [' accept'] },
];

/** Prefixes too short for that would not begin where they begin. */
function otherPrefix([, side, sign, host = '', length]: RegExpExecArray): readonly string[] {
  if (length === undefined) return [`${side} ${sign}${otherAddress(host)} `];
  const bits = Number(length.slice(1));
  const isSix = host.includes(':');
  const narrower = `${side} ${sign}${host}/${bits + (isSix ? 16 : 8)} `;
  if (bits < (isSix ? 32 : 8)) return [narrower];
  return [`${side} ${sign}${isSix ? '2001:db8::' : otherAddress(host)}${length} `, narrower];
}

function otherAddress(address: string | undefined): string {
  if (!address?.includes(':')) return `11${(address ?? '').slice((address ?? '').indexOf('.'))}`;
  return address.startsWith('::') ? '::9' : `2001:db8:9${address.slice(address.indexOf(':', 1))}`;
}

function otherHost(host: string | undefined): string {
  return host?.startsWith('[') ? '[2001:db8:9::9]' : '192.0.2.9';
}

/** Key and verdict; a set's element is a key. */
function splitElement(text: string): readonly string[] {
  const at = text.lastIndexOf(' : ');
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 3)];
}
