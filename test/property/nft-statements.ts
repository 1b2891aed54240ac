/** The rules of kube-proxy's nftables mode as statements for a simulation; throws on a rule it does not know in full. */
import { parsePrefix, type PrefixSet, prefixSet } from '../../proto/prefixes.ts';

export type Side = 'saddr' | 'daddr';

/** A match; `negated` = it holds where this does not. */
export type Condition = { readonly negated: boolean } & (
  | { readonly of: 'always' | 'translated' }
  | { readonly of: 'mark'; readonly mask: number; readonly value: number }
  | { readonly of: 'protocol'; readonly protocol: string }
  | { readonly of: 'port'; readonly port: number }
  | { readonly of: 'interface'; readonly pattern: string }
  | { readonly of: 'local'; readonly side: Side }
  | { readonly of: 'within'; readonly side: Side; readonly prefixes: PrefixSet }
  | { readonly of: 'in set'; readonly set: string; readonly fields: readonly string[] }
);

export type NftStatement =
  | { readonly kind: 'match'; readonly condition: Condition }
  /** The mark becomes (mark & ~clears) ^ flips. */
  | { readonly kind: 'mark'; readonly clears: number; readonly flips: number }
  /** A client is put down in a set. */
  | { readonly kind: 'note'; readonly set: string }
  | { readonly kind: 'look-up'; readonly fields: readonly string[]; readonly map: string }
  /** Each outcome stands for one number; other numbers below `mod` for none. */
  | { readonly kind: 'draw'; readonly mod: number; readonly outcomes: readonly string[] }
  /** `goto x`, `drop`, `to 10.244.1.2:80`, `masquerade` */
  | { readonly kind: 'act'; readonly verdict: string };

const known = new Map<string, readonly NftStatement[]>();

export function readStatements(rule: string): readonly NftStatement[] {
  const held = known.get(rule);
  if (held !== undefined) return held;
  const statements: NftStatement[] = [];
  let rest = rule.replace(/ comment "[^"]*"$/, '');
  while (rest !== '') {
    const read = forms.flatMap(({ form, becomes }) => {
      const match = form.exec(rest);
      return match === null ? [] : [{ length: match[0].length, statement: becomes(match) }];
    });
    const [first] = read;
    if (first === undefined) throw new Error(`a statement that this simulation does not know: ${rest}`);
    statements.push(...first.statement);
    rest = rest.slice(first.length).trimStart();
  }
  if (known.size > 50_000) known.clear();
  known.set(rule, statements);
  return statements;
}

interface Form {
  readonly form: RegExp;
  readonly becomes: (match: RegExpExecArray) => readonly NftStatement[];
}

/** `ip daddr . meta l4proto . th dport`, then what is asked. */
const key = String.raw`((?:(?:ip6?|meta|th) (?:saddr|daddr|l4proto|dport)(?: \. )?)+)`;

const forms: readonly Form[] = [
  { form: /^ct state new\b/, becomes: () => [match({ of: 'always', negated: false })] },
  { form: /^ct status dnat\b/, becomes: () => [match({ of: 'translated', negated: false })] },
  {
    form: new RegExp(`^${key} vmap @(\\S+)`),
    becomes: ([, fields, map = '']) => [{ kind: 'look-up', fields: fieldsOf(fields), map }],
  },
  {
    form: new RegExp(`^${key} (!= )?@(\\S+)`),
    becomes: ([, fields, not, set = '']) => [
      match({ of: 'in set', set, fields: fieldsOf(fields), negated: not !== undefined }),
    ],
  },
  {
    form: /^meta l4proto (tcp|udp|sctp)\b/,
    becomes: ([, protocol = '']) => [match({ of: 'protocol', protocol, negated: false })],
  },
  {
    form: /^(tcp|udp|sctp) dport (\d+)/,
    becomes: ([, protocol = '', port]) => [
      match({ of: 'protocol', protocol, negated: false }),
      match({ of: 'port', port: Number(port), negated: false }),
    ],
  },
  {
    form: /^fib (saddr|daddr) type (!= )?local/,
    becomes: ([, side, not]) => [match({ of: 'local', side: sideOf(side), negated: not !== undefined })],
  },
  {
    form: /^ip6? (saddr|daddr) (!= )?(\{[^}]*\}|[\da-f:][\da-f.:/]*)/,
    becomes: ([, side, not, listed = '']) => {
      const prefixes = prefixSet(listed.split(/[{}, ]+/).flatMap((one) => parsePrefix(one) ?? []));
      return [match({ of: 'within', side: sideOf(side), prefixes, negated: not !== undefined })];
    },
  },
  {
    form: /^iifname (!= )?"([^"]+)"/,
    becomes: ([, not, pattern = '']) => [match({ of: 'interface', pattern, negated: not !== undefined })],
  },
  {
    form: /^meta mark & (0x[\da-f]+) (==|!=) 0x00000000/,
    becomes: ([, mask, sign]) => [match({ of: 'mark', mask: Number(mask), value: 0, negated: sign === '!=' })],
  },
  {
    form: /^meta mark set meta mark ([|^]) (0x[\da-f]+)/,
    becomes: ([, operation, bits]) => [
      { kind: 'mark', clears: operation === '|' ? Number(bits) : 0, flips: Number(bits) },
    ],
  },
  { form: /^update @(\S+) \{ ip6? saddr \}/, becomes: ([, set = '']) => [{ kind: 'note', set }] },
  {
    form: /^(?:dnat ip6? to )?numgen random mod (\d+) v?map \{ (.*?) \}/,
    becomes: ([whole, mod, listed = '']) => [
      { kind: 'draw', mod: Number(mod), outcomes: outcomesOf(listed, whole.startsWith('dnat')) },
    ],
  },
  { form: /^dnat to (\S+)/, becomes: ([, backend]) => [{ kind: 'act', verdict: `to ${backend}` }] },
  { form: /^masquerade fully-random/, becomes: () => [{ kind: 'act', verdict: 'masquerade' }] },
  {
    form: /^(?:(?:goto|jump) \S+|drop|reject|accept|return)$/,
    becomes: ([verdict]) => [{ kind: 'act', verdict }],
  },
];

function match(condition: Condition): NftStatement {
  return { kind: 'match', condition };
}

function sideOf(text: string | undefined): Side {
  return text === 'saddr' ? 'saddr' : 'daddr';
}

function fieldsOf(text: string | undefined): readonly string[] {
  return (text ?? '').split(' . ').map((field) => field.trim().split(' ')[1] ?? '');
}

function outcomesOf(listed: string, isDnat: boolean): readonly string[] {
  return listed.split(', ').map((one) => {
    const outcome = one.slice(one.indexOf(' : ') + 3);
    if (!isDnat) return outcome;
    const [host = '', port = ''] = outcome.split(' . ');
    return `to ${host.includes(':') ? `[${host}]` : host}:${port}`;
  });
}
