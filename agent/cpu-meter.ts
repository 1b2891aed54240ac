/**
 * What the agent costs its node: its own CPU time, and that of the programs it ran, see proc_pid_stat(5).
 *
 *     4711 (node) S 1 4711 4711 0 -1 4194304 9000 0 0 0 150 40 30 20 20 0 11 ...
 *                  ^ field 3                                   ^^ ^^ fields 16 and 17: children waited for, in ticks
 */
import type { Host } from './host.ts';

/** Seconds of CPU, user and system, since the agent's start. */
export type CpuMeter = () => Promise<number>;

const statPath = '/proc/self/stat';
const maxBytes = 4096;
/** USER_HZ, in which /proc counts, is 100 on every architecture. */
const ticksPerSecond = 100;

/**
 * The meter of this process. Programs count once they have ended, those of a host without /proc not at all.
 * @param own seconds that this process has used itself.
 */
export function cpuMeter(host: Host, own: () => number): CpuMeter {
  return async () => {
    const stat = await host.read(statPath, maxBytes);
    return own() + (stat.ok ? childrenSeconds(stat.bytes.toString('latin1')) : 0);
  };
}

/** Seconds of CPU that this process has used itself. */
export function ownCpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function childrenSeconds(stat: string): number {
  // The program's name may hold blanks and brackets.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user, system] = [Number(fields[13]), Number(fields[14])];
  return Number.isFinite(user + system) ? (user + system) / ticksPerSecond : 0;
}
