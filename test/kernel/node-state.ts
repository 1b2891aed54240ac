/** Everything of a node that reading must leave as it was. */
import { existsSync, readFileSync } from 'node:fs';
import { runIn } from './namespaces.ts';

/** Each aspect as text, so that a difference shows what was changed. Counters and times are in none. */
export interface NodeState {
  readonly [aspect: string]: string;
}

const commands: { readonly [aspect: string]: readonly [string, ...string[]] } = {
  'nft tables': ['nft', 'list', 'tables'],
  // Without counters, and without how long elements are kept.
  'native nft rules': ['nft', '-s', 'list', 'ruleset'],
  'nft IPv4 rules': ['iptables-nft-save'],
  'nft IPv6 rules': ['ip6tables-nft-save'],
  'legacy IPv4 tables': ['cat', '/proc/net/ip_tables_names'],
  'legacy IPv6 tables': ['cat', '/proc/net/ip6_tables_names'],
  links: ['ip', '-o', 'link'],
  addresses: ['ip', '-o', 'addr'],
  routes: ['ip', 'route', 'show', 'table', 'all'],
  'IPv6 routes': ['ip', '-6', 'route', 'show', 'table', 'all'],
  'routing rules': ['ip', 'rule'],
  neighbours: ['ip', 'neigh', 'show', 'nud', 'permanent'],
  'forwarding entries': ['bridge', 'fdb'],
  offloads: ['ethtool', '-k', 'flannel.1'],
  sysctls: ['sysctl', '-a'],
  ipsets: ['ipset', 'save'],
  'accounting objects': ['nfacct', 'list'],
  // Not those of TCP, which an agent makes that asks kube-proxy.
  'UDP flows': ['conntrack', '-L', '-p', 'udp', '-o', 'id'],
  'listening sockets': ['ss', '-Hltun'],
};

/** Sysctls that count or are made anew at each reading. */
const restless = [
  'kernel.random.',
  'fs.',
  'kernel.ns_last_pid',
  'kernel.pty.',
  'nf_conntrack_count',
  'random-trust',
  'kernel.perf',
];

/**
 * Reads the state. Rules of legacy tables are read only where the tables exist, since reading makes them; so legacy is
 * compared by names first.
 */
export function nodeState(namespace: string): NodeState {
  const state: Record<string, string> = { modules: existsSync('/proc/modules') ? moduleNames() : 'built in' };
  for (const [aspect, [program, ...args]] of Object.entries(commands)) {
    state[aspect] = withoutNoise(aspect, runIn(namespace, program, args).stdout);
  }
  for (const family of ['', '6']) {
    const hasTables = state[family === '' ? 'legacy IPv4 tables' : 'legacy IPv6 tables'] !== '';
    const rules = hasTables ? runIn(namespace, `ip${family}tables-legacy-save`, []).stdout : '';
    state[`legacy IPv${family === '' ? '4' : '6'} rules`] = withoutNoise('rules', rules);
  }
  return state;
}

function moduleNames(): string {
  const lines = readFileSync('/proc/modules', 'utf8').split('\n');
  return lines
    .map((line) => line.split(' ', 1)[0])
    .sort()
    .join('\n');
}

function withoutNoise(aspect: string, text: string): string {
  const lines = text.split('\n').filter((line) => !line.startsWith('#'));
  switch (aspect) {
    case 'sysctls':
      return lines.filter((line) => !restless.some((name) => line.includes(name))).join('\n');
    case 'UDP flows':
      // `udp      17 117 src=... use=1 id=...`: how long it is still kept, and who is looking at it.
      return lines
        .map((line) => line.replace(/^(\w+ +\d+) \d+ /, '$1 ').replace(/ use=\d+/, ''))
        .sort()
        .join('\n');
    case 'forwarding entries':
      // The others come with the groups that a link joins, some time after it is up.
      return lines.filter((line) => line.includes(' dst ')).join('\n');
    case 'accounting objects':
      return lines.map((line) => line.slice(line.indexOf('}'))).join('\n');
    default:
      // Counters of built-in chains: `:INPUT ACCEPT [12:3456]`.
      return lines.map((line) => (line.startsWith(':') ? line.slice(0, line.indexOf('[')) : line)).join('\n');
  }
}
