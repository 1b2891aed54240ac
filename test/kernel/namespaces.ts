/** Network namespaces of one test run: made, used and removed by name. Everything here needs root. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const prefix = 'plumbline-test';

export interface RunOutput {
  readonly ok: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, outside any namespace. */
function run(program: string, args: readonly string[], input = ''): RunOutput {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    input,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    env: { PATH: '/usr/sbin:/sbin:/usr/bin:/bin', LC_ALL: 'C' },
  });
  return { ok: status === 0, stdout: stdout ?? '', stderr: error === undefined ? stderr : error.message };
}

/** Runs a program that must succeed. @throws with the command and its first line of stderr. */
function mustRun(program: string, args: readonly string[], input = ''): string {
  const { ok, stdout, stderr } = run(program, args, input);
  if (!ok) throw new Error(`${program} ${args.join(' ')}: ${stderr.split('\n', 1)[0]}`);
  return stdout;
}

export function runIn(namespace: string, program: string, args: readonly string[], input = ''): RunOutput {
  return run('ip', ['netns', 'exec', namespace, program, ...args], input);
}

export function mustRunIn(namespace: string, program: string, args: readonly string[], input = ''): string {
  return mustRun('ip', ['netns', 'exec', namespace, program, ...args], input);
}

/** Makes an empty namespace named after this process. */
export function makeNamespace(purpose: string): string {
  const name = `${prefix}-${process.pid}-${purpose}`;
  mustRun('ip', ['netns', 'add', name]);
  mustRunIn(name, 'ip', ['link', 'set', 'lo', 'up']);
  return name;
}

/** Gives the network namespace of a process a name of this process's. */
export function attachNamespace(purpose: string, pid: number): string {
  const name = `${prefix}-${process.pid}-${purpose}`;
  mustRun('ip', ['netns', 'attach', name, String(pid)]);
  return name;
}

export function removeNamespace(name: string): void {
  run('ip', ['netns', 'del', name]);
}

/** Removes what earlier runs left behind when they were killed: namespaces whose process is gone. */
export function removeAbandoned(): void {
  for (const line of run('ip', ['netns', 'list']).stdout.split('\n')) {
    const name = line.split(' ', 1)[0] ?? '';
    const [, pid] = name.startsWith(`${prefix}-`) ? name.slice(prefix.length).split('-') : [];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) removeNamespace(name);
  }
}

/**
 * The one line that says why kernel tests cannot run here, or null. A probe namespace is made and removed: nothing else
 * tells a container without the right to make one from a real machine.
 */
export function whyNotHere(programs: readonly string[]): string | null {
  if (process.getuid?.() !== 0) return 'kernel tests need root: run them as root';
  const lacking = programs.filter((program) => !run('which', [program]).ok);
  if (lacking.length > 0) return `kernel tests need programs that are not installed: ${lacking.join(', ')}`;
  const name = `${prefix}-${process.pid}-probe`;
  const { ok, stderr } = run('ip', ['netns', 'add', name]);
  removeNamespace(name);
  return ok ? null : `kernel tests need network namespaces: ip netns add: ${stderr.split('\n', 1)[0]}`;
}
