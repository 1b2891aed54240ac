/** Programs run as the chart's DaemonSet has them run: its user and capabilities, no others, and nothing to write to. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { at, listAt, renderedChart } from '../chart/rendered-chart.ts';

/** What a container may do. Capabilities as Kubernetes names them: `NET_ADMIN`. */
export interface ContainerRights {
  readonly user: number;
  readonly capabilities: readonly string[];
}

/** Bits of capability.h. */
const bits: Readonly<Record<string, bigint>> = { NET_ADMIN: 12n, NET_RAW: 13n };

/**
 * The agent's rights, out of the chart itself.
 * @param changes of the chart's values, as `agent.privileges`.
 * @throws when the chart gives it more than such a container has.
 */
export function chartRights(changes: Readonly<Record<string, unknown>> = {}): ContainerRights {
  const context = at(renderedChart(changes).the('DaemonSet'), 'spec.template.spec.containers.0.securityContext');
  const confined = [
    ['privileged', false],
    ['allowPrivilegeEscalation', false],
    ['readOnlyRootFilesystem', true],
  ] as const;
  for (const [name, value] of confined) {
    if (at(context, name) !== value) throw new Error(`the agent's securityContext has another ${name} than ${value}`);
  }
  // What is not dropped, a container runtime adds.
  if (!listAt(context, 'capabilities.drop').includes('ALL')) throw new Error('the agent keeps what is not dropped');
  return { user: Number(at(context, 'runAsUser')), capabilities: listAt(context, 'capabilities.add').map(String) };
}

/**
 * What stands before a command that is to have these rights, within `ip netns exec`, whose mounts are its own. A folder
 * that another user cannot reach is shown at another place; the root file system is read-only.
 * @param shown `from` is seen at `as`, an empty folder.
 */
export function containerOf(
  { user, capabilities }: ContainerRights,
  shown: { readonly from: string; readonly as: string },
): readonly string[] {
  const script = 'mount --bind "$1" "$2" && mount -o remount,bind,ro / && shift 2 && exec "$@"';
  return [...['sh', '-c', script, 'sh', shown.from, shown.as], 'setpriv', ...confinement({ user, capabilities })];
}

/**
 * What stands before a command of an image, within `ip netns exec`: it sees the image's root, read-only, with the
 * machine's /proc and /dev, and one folder of it.
 * @param image `shown` is seen at /run.
 */
export function imageOf(
  rights: ContainerRights,
  image: { readonly root: string; readonly shown: string },
): readonly string[] {
  const mounts = [
    'mount --bind "$1" "$1"',
    'mount --rbind /proc "$1/proc"',
    'mount --rbind /dev "$1/dev"',
    'mount --bind "$2" "$1/run"',
    'mount -o remount,bind,ro "$1"',
  ];
  const script = `${mounts.join(' && ')} && root=$1 && shift 2 && exec chroot "$root" "$@"`;
  return [...['sh', '-c', script, 'sh', image.root, image.shown], '/usr/bin/setpriv', ...confinement(rights)];
}

/** Arguments of setpriv(1), whose last one stands before the command. */
function confinement({ user, capabilities }: ContainerRights): readonly string[] {
  return [
    ...['--pdeathsig', 'KILL', '--reuid', `${user}`, '--regid', `${user}`, '--clear-groups'],
    `--bounding-set=${['-all', ...capabilities.map((name) => `+${name.toLowerCase()}`)].join(',')}`,
    ...['--inh-caps=-all', '--no-new-privs', '--'],
  ];
}

/** What a process has of these, by its /proc/PID/status. */
export function rightsOf(pid: number): ContainerRights {
  const status = readFileSync(join('/proc', `${pid}`, 'status'), 'latin1');
  const user = /^Uid:\s+\d+\s+(\d+)/m.exec(status)?.[1];
  const mask = BigInt(`0x${/^CapEff:\s+([0-9a-f]+)$/m.exec(status)?.[1]}`);
  const capabilities = Object.keys(bits).filter((name) => (mask & maskOf([name])) !== 0n);
  if (mask !== maskOf(capabilities)) throw new Error(`process ${pid} has other capabilities: ${mask.toString(16)}`);
  return { user: Number(user), capabilities };
}

function maskOf(capabilities: readonly string[]): bigint {
  return capabilities.reduce((mask, name) => mask | (1n << (bits[name] ?? 63n)), 0n);
}
