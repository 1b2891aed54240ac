/** Damage to one rule: everything that hand edits, lost updates and other programs do to a line. */
import type { WrittenRules } from './written-rules.ts';
import { chainOf } from './written-rules.ts';

export interface Alteration {
  readonly table: string;
  readonly line: string;
  readonly what: string;
  /** Null = the rule is gone. */
  readonly altered: string | null;
}

/** Every alteration of every rule. */
export function alterations(rules: WrittenRules): readonly Alteration[] {
  return rules.flatMap(({ name, rules: lines, chains }) => {
    const own = chains.flatMap((chain) => (chain.policy === null ? [chain.name] : []));
    return lines.flatMap((line) => alterationsOf(line, own).map((altered) => ({ table: name, line, ...altered })));
  });
}

export function applyAlteration(rules: WrittenRules, { table, line, altered }: Alteration): WrittenRules {
  return rules.map((one) => {
    if (one.name !== table) return one;
    const at = one.rules.indexOf(line);
    const changed = altered === null ? [] : [altered];
    return { ...one, rules: [...one.rules.slice(0, at), ...changed, ...one.rules.slice(at + 1)] };
  });
}

type Altered = Pick<Alteration, 'what' | 'altered'>;

function alterationsOf(line: string, ownChains: readonly string[]): readonly Altered[] {
  const words = line.split(' ');
  const found: Altered[] = [{ what: 'deleted', altered: null }];
  words.forEach((word, i) => {
    for (const [what, replacement] of replacementsOf(word, words[i + 1] ?? '', ownChains, chainOf(line))) {
      // What stands behind the target are its own options.
      const rest = word === '-j' ? [] : words.slice(i + 2);
      const altered = [...words.slice(0, i), ...replacement, ...rest].join(' ');
      found.push({ what, altered: altered.replaceAll('! ! ', '') });
    }
  });
  return found;
}

/** What an option and its value may turn into; the words that take their place. */
function replacementsOf(
  option: string,
  value: string,
  ownChains: readonly string[],
  chain: string,
): readonly (readonly [string, readonly string[]])[] {
  switch (option) {
    case '-s':
    case '-d':
      return [
        ['other address', [option, otherAddress(value)]],
        ['other prefix length', [option, otherLength(value)]],
        ['negated', ['!', option, value]],
      ];
    case '-i':
      return [
        ['other interface', [option, 'other0']],
        ['negated', ['!', option, value]],
      ];
    case '--dport':
      return [
        ['other port', [option, String(Number(value) + 1)]],
        ['negated', ['!', option, value]],
      ];
    case '--to-destination':
      return [
        ['other backend address', [option, otherBackend(value)]],
        ['other backend port', [option, `${value.slice(0, value.lastIndexOf(':'))}:1`]],
      ];
    case '--probability':
      return [['other probability', [option, value.startsWith('0.9') ? '0.50000000000' : '0.90000000000']]];
    case '--seconds':
      return [['other timeout', [option, String(Number(value) + 1)]]];
    case '--name':
      return [['other list', [option, 'OTHER']]];
    case '--dst-type':
    case '--src-type':
    case '--mark':
    case '--ctstate':
      return [['negated', ['!', option, value]]];
    case '--set-xmark':
      return [['other mark', [option, '0x10000/0x10000']]];
    case '-j':
      return otherTargets(value, ownChains, chain).map((target) => [`-j ${target}`, [option, target]]);
    default:
      return [];
  }
}

/** A verdict, and the next of the table's chains that would not make a loop. */
function otherTargets(target: string, ownChains: readonly string[], chain: string): readonly string[] {
  const at = ownChains.indexOf(target);
  const neighbour = ownChains.find((other, i) => i > at && other !== chain && family(other) === family(target));
  return [...(at >= 0 && neighbour !== undefined ? [neighbour] : []), target === 'RETURN' ? 'ACCEPT' : 'RETURN'];
}

function family(chain: string): string {
  return chain.slice(0, 8);
}

function otherAddress(prefix: string): string {
  const [address = '', length = ''] = prefix.split('/');
  const first = address.includes(':') ? '2001:db8:9' : '11';
  const rest = address.includes(':') ? address.slice(address.indexOf(':', 1)) : address.slice(address.indexOf('.'));
  return `${address.startsWith('::') ? '::9' : `${first}${rest}`}/${length}`;
}

function otherLength(prefix: string): string {
  const [address = '', length = ''] = prefix.split('/');
  const bits = Number(length);
  if (address.includes(':')) {
    return bits === 128 ? `${address.slice(0, address.lastIndexOf(':'))}:0/112` : `${address}/${bits + 16}`;
  }
  return bits === 32 ? `${address.slice(0, address.lastIndexOf('.'))}.0/24` : `${address}/${bits + 8}`;
}

function otherBackend(backend: string): string {
  const port = backend.slice(backend.lastIndexOf(':') + 1);
  return backend.startsWith('[') ? `[2001:db8:9::9]:${port}` : `192.0.2.9:${port}`;
}
