/**
 * A network namespace that stands for a node: the node's addresses, and the rules its kube-proxy wrote, in the real
 * kernel. Follows ip-netns(8), iptables-restore(8), nft(8), nfacct(8). Everything is made and removed by name.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { done, type Outcome, refused } from '../refusal.ts';

export interface NamespaceNode {
  readonly namespace: string;
  readonly writes: RuleFormat;
}

/** How a node's kube-proxy writes its rules. */
export type RuleFormat = 'iptables-nft' | 'iptables-legacy' | 'nftables';

const advice =
  'It takes root, iproute2, iptables, nftables, nfacct, and a kernel that lets root make network namespaces.';
const folders = '/usr/sbin:/sbin:/usr/bin:/bin';
const deadlineMs = 20_000;
/** kube-proxy's rules count in these; they must exist before the rules can be loaded. */
const counters = ['localhost_nps_accepted_pkts', 'ct_state_invalid_dropped_pkts'];
/** A new namespace is no router, and every node is one. */
const forwarding = ['/proc/sys/net/ipv4/ip_forward', '/proc/sys/net/ipv6/conf/all/forwarding'];

/** Makes the namespace with the addresses of a recorded node and its ways to the others, without any rule. */
export function makeNamespace(namespace: string, recorded: string): Outcome<null> {
  const addresses = recordedAddresses(recorded).map((address) => `addr add ${address} dev lo`);
  const ways = recordedWays(recorded).map((range) => `route add ${range} dev lo`);
  return inTurn([
    () => run('ip', ['netns', 'add', namespace]),
    () => run('ip', ['-n', namespace, '-batch', '-'], `${['link set lo up', ...addresses, ...ways].join('\n')}\n`),
    ...forwarding.map((path) => () => runInside(namespace, 'tee', [path], '1\n')),
    ...counters.map((counter) => () => runInside(namespace, 'nfacct', ['add', counter])),
  ]);
}

/** Writes the rules of a recorded node as its kube-proxy did, whatever was there before. */
export function loadRules({ namespace, writes }: NamespaceNode, recorded: string): Outcome<null> {
  const text = (name: string) => readFileSync(join(recorded, name), 'utf8');
  if (writes === 'nftables') {
    return inTurn([() => runInside(namespace, 'nft', ['-f', '-'], `flush ruleset\n${text('nft-list-ruleset.txt')}`)]);
  }
  const backend = writes === 'iptables-nft' ? 'nft' : 'legacy';
  return inTurn(
    ['iptables', 'ip6tables'].map((program) => () => {
      return runInside(namespace, `${program}-${backend}-restore`, [], text(`${program}-${backend}-save.txt`));
    }),
  );
}

/** Removes the namespace and the rules in it; nothing happens where there is none. */
export function removeNamespace(namespace: string): Outcome<null> {
  if (!existsSync(join('/run/netns', namespace))) return done(null);
  return inTurn([() => run('ip', ['netns', 'delete', namespace])]);
}

/** Ends whatever runs in the namespace: what an agent ran, which outlives it when it is not asked to end but killed. */
export function endAllInside(namespace: string): void {
  const listed = run('ip', ['netns', 'pids', namespace]);
  for (const pid of listed.ok ? listed.value.split('\n').filter((line) => line !== '') : []) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It ended by itself in this very moment.
    }
  }
}

function runInside(namespace: string, program: string, args: readonly string[], input?: string): Outcome<string> {
  return run('ip', ['netns', 'exec', namespace, program, ...args], input);
}

function inTurn(steps: readonly (() => Outcome<unknown>)[]): Outcome<null> {
  for (const step of steps) {
    const outcome = step();
    if (!outcome.ok) return outcome;
  }
  return done(null);
}

function run(program: string, args: readonly string[], input = ''): Outcome<string> {
  const env = { PATH: folders, LC_ALL: 'C' };
  const result = spawnSync(program, args, { env, input, encoding: 'utf8', timeout: deadlineMs, maxBuffer: 2 ** 26 });
  if (result.error === undefined && result.status === 0) return done(result.stdout);
  const reason = result.error?.message ?? firstLine(result.stderr) ?? `it ended with code ${result.status}`;
  return refused(`run ${[program, ...args].join(' ')}`, reason, advice);
}

function firstLine(text: string): string | null {
  const line = text.split('\n')[0]?.trim() ?? '';
  return line === '' ? null : line;
}

/** Every address of the recorded node's links but lo's own, as `192.168.100.11/24`; they all go on lo here. */
function recordedAddresses(folder: string): readonly string[] {
  const links: unknown = JSON.parse(readFileSync(join(folder, 'net/ip-addr.json'), 'utf8'));
  const addresses = new Set<string>();
  for (const link of listOf(links)) {
    if (fieldOf(link, 'ifname') === 'lo') continue;
    for (const address of listOf(fieldOf(link, 'addr_info'))) {
      addresses.add(`${String(fieldOf(address, 'local'))}/${String(fieldOf(address, 'prefixlen'))}`);
    }
  }
  return [...addresses];
}

/** The ranges that it has routes to by another node. No wire joins these namespaces, so the ways end here. */
function recordedWays(folder: string): readonly string[] {
  const routes: unknown = JSON.parse(readFileSync(join(folder, 'net/ip-route-all.json'), 'utf8'));
  return listOf(routes).flatMap((route) => {
    const range = fieldOf(route, 'dst');
    return typeof range === 'string' && range !== 'default' && typeof fieldOf(route, 'gateway') === 'string'
      ? [range]
      : [];
  });
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Object.entries(value).find(([key]) => key === name)?.[1] : null;
}
