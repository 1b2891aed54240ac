/**
 * Published rules of other programs (`iptables-save` and `iptables -S` output), and how they come to stand around
 * kube-proxy's own on one node.
 */

export interface DumpTable {
  readonly name: string;
  /** Built-in chains with their policies, and user-defined ones with null. */
  readonly chains: ReadonlyMap<string, string | null>;
  /** `-A CHAIN ...` */
  readonly rules: readonly string[];
}

/** Chains of kube-proxy in iptables and ipvs mode, of old and new versions. The others in KUBE- are kubelet's or CNIs'. */
const kubeProxyChains: ReadonlySet<string> = new Set([
  'KUBE-SERVICES',
  'KUBE-EXTERNAL-SERVICES',
  'KUBE-NODEPORTS',
  'KUBE-POSTROUTING',
  'KUBE-MARK-MASQ',
  'KUBE-FORWARD',
  'KUBE-PROXY-FIREWALL',
  'KUBE-PROXY-CANARY',
  'KUBE-LOAD-BALANCER',
  'KUBE-NODE-PORT',
]);
const kubeProxyPrefixes = ['KUBE-SVC-', 'KUBE-SVL-', 'KUBE-SEP-', 'KUBE-EXT-', 'KUBE-FW-', 'KUBE-XLB-'];
/** What iptables knows as a target besides chains, as far as the published dumps use it. */
const isTarget = /^[A-Z]+$/;
const builtIn = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'];

/**
 * Reads a dump leniently: excerpts lack COMMIT, headers or chain lines. Chains that are only jumped to are made, empty.
 * @param table the table of lines before any `*table`, for outputs that do not name it.
 */
export function readDump(text: string, table: string): readonly DumpTable[] {
  const tables = new Map<string, ReadTable>();
  let current = table;
  for (const line of text.split('\n').map((raw) => raw.trim())) {
    const [first = '', chain = '', policy = ''] = line.split(' ');
    if (first.startsWith('*')) current = first.slice(1);
    const read: ReadTable = tables.get(current) ?? { chains: new Map(), rules: [] };
    const { chains, rules } = read;
    if (first.startsWith(':')) chains.set(first.slice(1), chain === '-' ? null : chain);
    else if (first === '-P') chains.set(chain, policy);
    else if (first === '-N') chains.set(chain, null);
    else if (first === '-A') rules.push(line);
    else continue;
    tables.set(current, read);
  }
  return [...tables].map(([name, { chains, rules }]) => ({ name, chains: withMentioned(chains, rules), rules }));
}

interface ReadTable {
  readonly chains: Map<string, string | null>;
  readonly rules: string[];
}

/** The dump without what another cluster's kube-proxy wrote: two kube-proxies cannot share a node. */
export function withoutKubeProxy(tables: readonly DumpTable[]): readonly DumpTable[] {
  const isForeign = (rule: string): boolean => ![chainOf(rule), targetOf(rule)].some(isKubeProxyChain);
  return tables.map(({ name, chains, rules }) => ({
    name,
    chains: new Map([...chains].filter(([chain]) => !isKubeProxyChain(chain))),
    rules: rules.filter(isForeign),
  }));
}

/** The text for iptables-restore of both; foreign rules of a shared chain stand before or after the node's own. */
export function around(own: readonly DumpTable[], foreign: readonly DumpTable[], place: 'before' | 'after'): string {
  const names = [...new Set([...own, ...foreign].map(({ name }) => name))];
  return names.map((name) => mergedTable(name, [tableIn(own, name), tableIn(foreign, name)], place)).join('');
}

/** The ipsets that rules match on, each with a type that fits its use. */
export function setsOf(tables: readonly DumpTable[]): ReadonlyMap<string, string> {
  const sets = new Map<string, string>();
  for (const { rules } of tables) {
    for (const rule of rules) {
      const words = rule.split(' ');
      words.forEach((word, i) => {
        const dimensions = (words[i + 2] ?? '').split(',').length;
        if (word === '--match-set') sets.set(words[i + 1] ?? '', setTypes[dimensions - 1] ?? 'hash:ip');
      });
    }
  }
  return sets;
}

const setTypes = ['hash:net', 'hash:ip,port', 'hash:ip,port,ip'];

function mergedTable(name: string, [own, foreign]: readonly [DumpTable, DumpTable], place: 'before' | 'after'): string {
  const chains = new Map([...own.chains, ...foreign.chains]);
  const rules = place === 'before' ? [...foreign.rules, ...own.rules] : [...own.rules, ...foreign.rules];
  const headers = [...chains].map(([chain, policy]) => `:${chain} ${policy ?? '-'} [0:0]`);
  return `${[`*${name}`, ...headers, ...new Set(rules), 'COMMIT'].join('\n')}\n`;
}

function tableIn(tables: readonly DumpTable[], name: string): DumpTable {
  return tables.find((table) => table.name === name) ?? { name, chains: new Map(), rules: [] };
}

function withMentioned(
  chains: Map<string, string | null>,
  rules: readonly string[],
): ReadonlyMap<string, string | null> {
  const mentioned = rules.flatMap((rule) => {
    const target = targetOf(rule);
    return target === '' || isTarget.test(target) ? [chainOf(rule)] : [chainOf(rule), target];
  });
  for (const chain of mentioned) {
    if (!chains.has(chain)) chains.set(chain, builtIn.includes(chain) ? 'ACCEPT' : null);
  }
  return chains;
}

function isKubeProxyChain(chain: string): boolean {
  return kubeProxyChains.has(chain) || kubeProxyPrefixes.some((prefix) => chain.startsWith(prefix));
}

function chainOf(rule: string): string {
  return rule.split(' ')[1] ?? '';
}

function targetOf(rule: string): string {
  const words = rule.split(' ');
  const jump = words.findLastIndex((word) => word === '-j' || word === '-g');
  return jump < 0 ? '' : (words[jump + 1] ?? '');
}
