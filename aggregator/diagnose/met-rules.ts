/** Of the rules that packets to a frontend can meet, those that packets of one source do: a node shows them of all. */
import { type Address, parseAddress, type Prefix } from '../../proto/address.ts';
import type { Origin } from '../../proto/forwarding.ts';
import type { RuleLine } from '../../proto/parts.ts';
import { contains, parsePrefix, prefixOfAddress, prefixSet } from '../../proto/prefixes.ts';

/** The hooks that packets of an origin do not come by. */
const passedBy: Readonly<Record<Origin, readonly string[]>> = {
  pod: ['OUTPUT'],
  outside: ['OUTPUT'],
  node: ['PREROUTING', 'FORWARD'],
};

/**
 * @param lines by iptables-save or by nft.
 * @param source null = not known: rules for some sources alone stay.
 * @returns without the rules for other sources and the chains that only those lead to, in the order of the walk.
 */
export function rulesMet(
  lines: readonly RuleLine[],
  { origin, source }: { readonly origin: Origin; readonly source: Address | null },
): readonly RuleLine[] {
  const met = lines.filter(
    (line) => !passedBy[origin].includes(line.chain) && isForOrigin(line, origin) && isForSource(line, source),
  );
  const ledTo = new Set(lines.flatMap(targetsOf));
  const byChain = Map.groupBy(met, chainOf);
  const walked = new Set<string>();
  const from = (chain: string): readonly RuleLine[] => {
    if (walked.has(chain)) return [];
    walked.add(chain);
    return (byChain.get(chain) ?? []).flatMap((line) => [line, ...targetsOf(line).flatMap(from)]);
  };
  return [...byChain.keys()].filter((chain) => !ledTo.has(chain)).flatMap(from);
}

function chainOf({ table, chain }: RuleLine): string {
  return `${table} ${chain}`;
}

/** Chains of its own table; targets that are none (`DNAT`, `ACCEPT`) name chains that no line stands in. */
function targetsOf({ table, rule }: RuleLine): readonly string[] {
  return [...rule.matchAll(/(?:-[jg]|\bgoto|\bjump) ([^\s,}]+)/g)].map(([, chain]) => `${table} ${chain}`);
}

/** Whether a rule takes packets of the node's own, or of others, where it asks for that. */
function isForOrigin({ rule }: RuleLine, origin: Origin): boolean {
  const found = /(?<not>! )?--src-type LOCAL\b/.exec(rule) ?? /\bfib saddr type (?<not>!= )?local\b/.exec(rule);
  return found === null || (found.groups?.['not'] === undefined) === (origin === 'node');
}

/** Whether a rule takes packets of that source, as far as it names sources. */
function isForSource({ rule }: RuleLine, source: Address | null): boolean {
  const plain = rule.replace(comments, '');
  const found =
    /(?<not>! )?-s (?<prefix>\S+)/.exec(plain) ?? /\bip6? saddr (?<not>!= )?(?<prefix>[\da-f.:/]+)/.exec(plain);
  const prefix = prefixOf(found?.groups?.['prefix'] ?? '');
  if (source === null || prefix === null) return true;
  return contains(prefixSet([prefix]), source) === (found?.groups?.['not'] === undefined);
}

const comments = /"(?:\\.|[^"\\])*"/g;

function prefixOf(text: string): Prefix | null {
  const address = parseAddress(text);
  return address === null ? parsePrefix(text) : prefixOfAddress(address);
}
