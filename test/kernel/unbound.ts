/** unbound(8) as a replica of cluster DNS, a server above, or the cache on a node: each a process in a namespace. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface ResolverPlan {
  readonly namespace: string;
  /** Of this namespace; it listens at port 53 of it. */
  readonly address: string;
  /** Further lines of its part `server` (unbound.conf(5)): what it answers by itself, and how. */
  readonly says: readonly string[];
  /** Whom it asks what it does not know itself, by zone: `.` is everything. */
  readonly asks: Readonly<Record<string, readonly string[]>>;
}

export interface Resolver {
  /** Stops it in the midst, as a process that hangs: its port is open, and nobody answers. */
  freeze(): void;
  /** Lets it go on. */
  thaw(): void;
  /** Ends it at once; the kernel answers that nobody listens there. */
  end(): Promise<void>;
}

const startsWithin = 10_000;

/** Starts it, with its configuration in this folder. @throws where it does not serve in time, with what it said. */
export async function startResolver(plan: ResolverPlan, folder: string): Promise<Resolver> {
  const file = join(folder, `unbound-${plan.address}.conf`);
  writeFileSync(file, configurationOf(plan, folder));
  const words = ['--pdeathsig', 'KILL', '--', 'ip', 'netns', 'exec', plan.namespace, 'unbound', '-d', '-c', file];
  const child = spawn('setpriv', words, { stdio: ['ignore', 'ignore', 'pipe'] });
  await hasStarted(child, plan.address);
  return {
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    end: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** It says so: `[1700000000] unbound[1:0] info: start of service (unbound 1.17.1).` */
async function hasStarted(child: ChildProcess, address: string): Promise<void> {
  if (child.stderr === null) throw new Error('a piped child has a stderr');
  const said: string[] = [];
  const timer = setTimeout(() => child.kill('SIGKILL'), startsWithin);
  const lines = createInterface({ input: child.stderr });
  for await (const line of lines) {
    said.push(line);
    if (!line.includes('start of service')) continue;
    clearTimeout(timer);
    // What else it says is read, so that it is never held up.
    child.stderr.resume();
    return;
  }
  clearTimeout(timer);
  throw new Error(`unbound at ${address} did not start: ${said.join(' | ')}`);
}

/** Without a cache, a trust anchor or a word to anybody but those that the plan names. */
function configurationOf({ address, says, asks }: ResolverPlan, folder: string): string {
  const server = [
    `interface: ${address}`,
    'username: ""',
    'chroot: ""',
    `directory: "${folder}"`,
    'pidfile: ""',
    'use-syslog: no',
    'do-daemonize: no',
    'do-ip6: no',
    'access-control: 0.0.0.0/0 allow',
    'do-not-query-localhost: no',
    'module-config: "iterator"',
    'cache-max-ttl: 0',
    'infra-host-ttl: 0',
    'verbosity: 1',
    ...says,
  ];
  const zones = Object.entries(asks).map(
    ([zone, servers]) =>
      `forward-zone:\n  name: "${zone}"\n${servers.map((each) => `  forward-addr: ${each}\n`).join('')}`,
  );
  return `server:\n${server.map((line) => `  ${line}\n`).join('')}${zones.join('')}`;
}
