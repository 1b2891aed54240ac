/** A node whose rules are in the kernel: a network namespace with a recorded node's addresses, rules and kube-proxy. */
import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClusterSnapshot } from '../../aggregator/model/cluster.ts';
import { readApiFolder } from '../../cli/audit/api-folder.ts';
import { healthCheckAnswers, healthChecksFile } from '../../cli/demo/health-checks.ts';
import { makeCounters } from '../kernel/loaded-rules.ts';
import { makeNamespace, mustRunIn, removeNamespace } from '../kernel/namespaces.ts';
import { syncedNow, type TestNode } from './test-node.ts';
import { pause } from './until.ts';

export interface KernelNode extends TestNode {
  readonly namespace: string;
  /** Its IPv4 rules as the kernel has them now. */
  saved(): string;
  /** Deletes one rule of the nat table by hand, `-A CHAIN ...` as it is printed. */
  deleteRule(rule: string): void;
  appendRule(rule: string): void;
}

export interface KernelNodePlan {
  /** Also of the recorded node. */
  readonly name: string;
  /** Tells namespaces of several clusters apart. */
  readonly cluster: string;
  readonly backend: 'nft' | 'legacy';
  /** The folder of the recorded node. */
  readonly recording: string;
  /** An empty folder of its own. */
  readonly folder: string;
  /** The resolv.conf that the kubelet gives the agent's pod; absent: the machine's own. */
  readonly resolvConf?: string | undefined;
}

/** @throws with the command that failed, and leaves nothing. */
export function openKernelNode(plan: KernelNodePlan): KernelNode {
  const namespace = makeNamespace(`${plan.cluster}-${plan.name}`);
  try {
    return prepare(plan, namespace);
  } catch (cause) {
    removeNamespace(namespace);
    throw cause;
  }
}

function prepare({ name, backend, recording, folder, resolvConf }: KernelNodePlan, namespace: string): KernelNode {
  const dump = (program: string) => readFileSync(join(recording, `${program}-${backend}-save.txt`), 'utf8');
  for (const address of recordedAddresses(recording)) mustRunIn(namespace, 'ip', ['addr', 'add', address, 'dev', 'lo']);
  makeCounters(namespace);
  // A new namespace forwards as little as a new machine.
  for (const setting of ['net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding']) {
    mustRunIn(namespace, 'sysctl', ['-qw', `${setting}=1`]);
  }
  mustRunIn(namespace, `ip6tables-${backend}-restore`, [], dump('ip6tables'));
  cpSync(join(recording, 'kube-proxy'), join(folder, 'now/kube-proxy'), { recursive: true });
  writeFileSync(join(folder, healthChecksFile), JSON.stringify(healthCheckAnswers(apiBeside(recording), name)));
  let rules = '';
  const write = (text: string): void => {
    mustRunIn(namespace, `iptables-${backend}-restore`, [], text);
    rules = text;
  };
  write(dump('iptables'));
  const enter = ['ip', 'netns', 'exec', namespace, ...mounting(folder, resolvConf)];
  const change = (how: '-A' | '-D', rule: string): void => {
    const command = `iptables-${backend} -t nat ${rule.replace('-A', how)}`;
    mustRunIn(namespace, 'sh', ['-c', command]);
  };
  return {
    name,
    namespace,
    folder,
    enter,
    write,
    rules: () => rules,
    saved: () => mustRunIn(namespace, `iptables-${backend}-save`, []),
    deleteRule: (rule) => change('-D', rule),
    appendRule: (rule) => change('-A', rule),
    agentOptions: [],
    companions: [
      {
        name: `kube-proxy's ports of ${name}`,
        command: [...enter, process.execPath, portsProgram],
      },
    ],
    tellSync: () => {
      const file = join(folder, 'now/kube-proxy/metrics.txt');
      writeFileSync(file, syncedNow(readFileSync(file, 'utf8')));
    },
    close: () => closeNamespace(namespace),
  };
}

/** ip(8) gives each program a view of its own of what is mounted, so it is nobody else's. */
function mounting(folder: string, resolvConf: string | undefined): readonly string[] {
  if (resolvConf === undefined) return [];
  const file = join(folder, 'resolv.conf');
  writeFileSync(file, resolvConf);
  return ['sh', '-c', 'mount --bind "$0" /etc/resolv.conf && exec "$@"', file];
}

/** The API's objects that were recorded with a node. */
function apiBeside(recording: string): ClusterSnapshot {
  const api = readApiFolder(join(recording, '../api'), 'make a node');
  if (!api.ok) throw new Error(api.refusal.cameBack);
  return api.value;
}

const portsProgram = join(import.meta.dirname, '../../cli/demo/kube-proxy-stand-in.ts');

/** A killed agent leaves the programs that it ran: a pod's end would take them along, here their pids are asked for. */
async function closeNamespace(namespace: string): Promise<void> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const { stdout } = spawnSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8' });
    const pids = (stdout ?? '').split('\n').filter((line) => line !== '');
    if (pids.length === 0) break;
    for (const pid of pids) killIfThere(Number(pid));
    await pause(50);
  }
  removeNamespace(namespace);
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself meanwhile.
  }
}

/** All addresses of the recorded node but those of lo; here they all go on lo. */
function recordedAddresses(recording: string): readonly string[] {
  interface Link {
    readonly ifname: string;
    readonly addr_info: readonly { readonly local: string; readonly prefixlen: number }[];
  }
  const links: readonly Link[] = JSON.parse(readFileSync(join(recording, 'net/ip-addr.json'), 'utf8'));
  const addresses = links.flatMap(({ ifname, addr_info }) => (ifname === 'lo' ? [] : addr_info));
  return [...new Set(addresses.map(({ local, prefixlen }) => `${local}/${prefixlen}`))];
}
