/**
 * One packet followed through iptables-save text, rule by rule, for the few matches that kube-proxy and portmap write:
 * an independent reading of recorded rules, that knows nothing of sets of sources, of Services or of the agent.
 */
import type { Address } from '../proto/address.ts';
import { contains, parsePrefix, prefixSet } from '../proto/prefixes.ts';
import type { Flow, FlowAnswer } from './answer-flow.ts';

/** Tables, their chains, each rule as words. Comments are left out. */
export type RuleText = ReadonlyMap<string, ReadonlyMap<string, readonly (readonly string[])[]>>;

export interface Followed {
  readonly answer: FlowAnswer;
  /** Of the affinity rules that the packet passed; 0 = none. */
  readonly affinitySeconds: number;
}

export function readRuleText(text: string): RuleText {
  const tables = new Map<string, Map<string, string[][]>>();
  let chains = new Map<string, string[][]>();
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) {
      chains = new Map();
      tables.set(line.slice(1), chains);
    } else if (line.startsWith(':')) {
      chains.set(line.slice(1).split(' ')[0] ?? '', []);
    } else if (line.startsWith('-A ')) {
      const [, chain = '', ...words] = line.replace(/--comment ("(\\.|[^"\\])*"|\S+)/g, '').split(/ +/);
      chains.get(chain)?.push(words);
    }
  }
  return tables;
}

/** Every address and port that a rule of kube-proxy's own entry chains names: `tcp 10.96.0.1:443`, `tcp node:30080`. */
export function servicePortsIn(rules: RuleText): ReadonlySet<string> {
  const found = new Set<string>();
  const entryChains = [
    ['nat', 'KUBE-SERVICES'],
    ['nat', 'KUBE-NODEPORTS'],
    ['filter', 'KUBE-SERVICES'],
    ['filter', 'KUBE-EXTERNAL-SERVICES'],
  ] as const;
  for (const [table, chain] of entryChains) {
    for (const words of rules.get(table)?.get(chain) ?? []) {
      const port = valueAfter(words, '--dport');
      const destination = words.includes('nfacct')
        ? 'node'
        : (valueAfter(words, '-d')?.replace(/\/\d+$/, '') ?? 'node');
      if (port !== null) found.add(`${valueAfter(words, '-p')} ${destination}:${port}`);
    }
  }
  return found;
}

/** @param local the node's own addresses. */
export function followPacket(rules: RuleText, flow: Flow, local: readonly Address[]): Followed {
  const packet: Packet = { flow, isOwn: (address) => local.includes(address) };
  const made = packet.isOwn(flow.from) || flow.from === flow.to;
  const affinity = { seconds: 0 };
  const walk = (table: string, chain: string, mark: number) =>
    walkChain({ rules, table, packet, affinity }, chain, mark);

  const translated = walk('nat', made ? 'OUTPUT' : 'PREROUTING', 0);
  const sent = translated.flatMap((end) => (end.kind === 'dnat' ? [end] : []));
  const passed = translated.filter(({ kind }) => kind === 'end');
  if (sent.length > 0 && passed.length > 0) throw new Error('some packets are translated, some not');
  if (sent.length > 0) {
    const masquerades = sent.map(({ mark }) =>
      walk('nat', 'POSTROUTING', mark).some(({ kind }) => kind === 'masquerade'),
    );
    if (new Set(masquerades).size > 1) throw new Error('some packets are masqueraded, some not');
    const output = [...new Set(sent.map(({ backend }) => backend))].sort();
    return { answer: { output, masquerade: masquerades[0] ?? false }, affinitySeconds: affinity.seconds };
  }
  const hooks = [made ? 'OUTPUT' : [], packet.isOwn(flow.to) ? 'INPUT' : made ? [] : 'FORWARD'].flat();
  const verdicts = hooks.flatMap((hook) => walk('filter', hook, passed[0]?.mark ?? 0)).map(({ kind }) => kind);
  const verdict = verdicts.find((kind) => kind === 'DROP' || kind === 'REJECT') ?? 'NONE';
  return { answer: { output: [verdict], masquerade: false }, affinitySeconds: 0 };
}

interface Packet {
  readonly flow: Flow;
  readonly isOwn: (address: Address) => boolean;
}

interface Walk {
  readonly rules: RuleText;
  readonly table: string;
  readonly packet: Packet;
  readonly affinity: { seconds: number };
}

type End =
  | { readonly kind: 'end'; readonly mark: number }
  | { readonly kind: 'dnat'; readonly mark: number; readonly backend: string }
  | { readonly kind: 'masquerade' | 'ACCEPT' | 'DROP' | 'REJECT'; readonly mark: number };

/** Every way that chance leaves open. */
function walkChain(walk: Walk, chain: string, entryMark: number): readonly End[] {
  const ends: End[] = [];
  let live: readonly number[] = [entryMark];
  for (const words of walk.rules.get(walk.table)?.get(chain) ?? []) {
    const next: number[] = [];
    for (const mark of live) {
      const matched = matches(walk, words, mark);
      if (matched !== 'yes') next.push(mark);
      if (matched === 'no') continue;
      for (const end of act(walk, words, mark)) {
        if (end.kind === 'end') next.push(end.mark);
        else if (!(end.kind === 'ACCEPT' && chain.startsWith('KUBE-'))) ends.push(end);
      }
    }
    live = [...new Set(next)];
  }
  return [...ends, ...live.map((mark) => ({ kind: 'end', mark }) as const)];
}

function act(walk: Walk, words: readonly string[], mark: number): readonly End[] {
  const target = valueAfter(words, '-j');
  switch (target) {
    case null:
      return [{ kind: 'end', mark }];
    case 'ACCEPT':
    case 'DROP':
    case 'REJECT':
      return [{ kind: target, mark }];
    case 'MASQUERADE':
      return [{ kind: 'masquerade', mark }];
    case 'DNAT':
      return [{ kind: 'dnat', mark, backend: valueAfter(words, '--to-destination') ?? '' }];
    case 'MARK': {
      const [value = 0, mask = 0] = (valueAfter(words, '--set-xmark') ?? '').split('/').map(Number);
      return [{ kind: 'end', mark: (mark & ~mask) ^ value }];
    }
    // The only RETURN is kube-proxy's first rule of KUBE-POSTROUTING; behind it nothing is masqueraded.
    case 'RETURN':
      return [{ kind: 'ACCEPT', mark }];
    default:
      return walkChain(walk, target, mark);
  }
}

const flags = new Set(['--reap', '--rsource', '--set', '--random-fully']);
const ignored = new Set(['-m', '-j', '--name', '--mask', '--nfacct-name', '--mode', '--to-destination', '--set-xmark']);

function matches(walk: Walk, words: readonly string[], mark: number): 'yes' | 'no' | 'maybe' {
  let result: 'yes' | 'no' | 'maybe' = 'yes';
  for (let i = 0; i < words.length; i++) {
    const negated = words[i] === '!';
    if (negated) i++;
    const option = words[i] ?? '';
    if (option === '--reject-with' || option === '') break;
    if (option === '--rcheck') {
      walk.affinity.seconds = Number(valueAfter(words, '--seconds'));
      return 'no';
    }
    if (flags.has(option)) continue;
    const value = words[++i] ?? '';
    if (ignored.has(option) || option === '--seconds') continue;
    if (option === '--probability') result = 'maybe';
    else if (holds(walk.packet, mark, [option, value]) === negated) return 'no';
  }
  return result;
}

function holds({ flow, isOwn }: Packet, mark: number, [option, value]: readonly [string, string]): boolean {
  switch (option) {
    case '-s':
      return isInside(flow.from, value);
    case '-d':
      return isInside(flow.to, value);
    case '-p':
      return flow.protocol === value;
    case '--dport':
      return flow.port === Number(value);
    case '--dports':
      return value.split(',').map(Number).includes(flow.port);
    case '--src-type':
      return isOwn(flow.from) || flow.from === flow.to;
    case '--dst-type':
      return isOwn(flow.to);
    case '--ctstate':
      return value.split(',').includes('NEW');
    case '--mark': {
      const [wanted = 0, mask = 0] = value.split('/').map(Number);
      return (mark & mask) === wanted;
    }
    default:
      throw new Error(`a match that this reading does not know: ${option} ${value}`);
  }
}

function isInside(address: Address, text: string): boolean {
  const prefix = parsePrefix(text);
  return prefix !== null && contains(prefixSet([prefix]), address);
}

function valueAfter(words: readonly string[], option: string): string | null {
  const at = words.indexOf(option);
  return at < 0 ? null : (words[at + 1] ?? null);
}
