/**
 * Debian's containerd, with everything it writes in folders of the test's own. It has namespaces of its own for mounts
 * and processes, so that nothing of it is seen on this machine but its processes and their cgroups, and all of it ends
 * with its first process:
 *
 *   setpriv        ends with this process at the latest
 *     nsenter      the node's network namespace
 *       unshare    mounts and processes; below it, over the machine's own:
 *         /var/lib       the test's: what libcni and host-local write
 *         /run           the test's: sockets of shims, state of runc, /run/netns
 *         containerd
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, closeSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runtimeAt } from '../../agent/host-cri.ts';
import { until } from '../e2e/until.ts';
import type { NodeFolders } from './node-folders.ts';
import { pauseImage } from './pause-image.ts';

export interface ContainerdPlan {
  /** An empty folder for all that is not CNI's. */
  readonly root: string;
  /** Name of the node's network namespace. */
  readonly namespace: string;
  readonly folders: NodeFolders;
  /** The archive of the image of sandboxes. */
  readonly image: string;
}

export interface Containerd {
  readonly socket: string;
  /** Ends it and all sandboxes at once, as when the machine is switched off. */
  kill(): Promise<void>;
}

/** Programs of this machine that this runs. */
export const containerdPrograms = ['containerd', 'containerd-shim-runc-v2', 'ctr', 'runc', 'nsenter', 'unshare'];

/** Starts it, anew or over what an earlier one left in the same folders. @throws with the last lines of its log. */
export async function startContainerd(plan: ContainerdPlan): Promise<Containerd> {
  const socket = join(plan.root, 'containerd.sock');
  const logFile = join(plan.root, 'log');
  for (const folder of ['root', 'state', 'var-lib/cni', 'run/netns']) {
    mkdirSync(join(plan.root, folder), { recursive: true });
  }
  // A socket is left behind by one that was killed.
  rmSync(socket, { force: true });
  writeFileSync(join(plan.root, 'config.toml'), configuration(plan, socket));
  const child = spawnIn(plan, logFile);
  const kill = () => ended(child);
  try {
    const ask = runtimeAt(socket);
    await until({
      what: 'containerd to answer',
      seconds: 20,
      look: () => ask(() => []),
      met: ({ ok }) => ok,
    });
    importImage(socket, plan.image);
  } catch (cause) {
    await kill();
    const log = readFileSync(logFile, 'utf8').split('\n').slice(-5).join('\n');
    throw new Error(`containerd did not start: ${log}`, { cause });
  }
  return { socket, kill };
}

function spawnIn({ root, namespace, folders }: ContainerdPlan, logFile: string): ChildProcess {
  const script = `set -e
    mount --bind '${root}/var-lib' /var/lib
    mount --bind '${folders.cniState}' /var/lib/cni
    mount --bind '${root}/run' /run
    exec containerd --config '${root}/config.toml'`;
  const words = ['--pdeathsig', 'KILL', '--', 'nsenter', `--net=/run/netns/${namespace}`];
  const own = ['unshare', '--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const log = openSync(logFile, 'a');
  const env = { PATH: '/usr/sbin:/sbin:/usr/bin:/bin', LC_ALL: 'C' };
  const child = spawn('setpriv', [...words, ...own, 'sh', '-c', script], { stdio: ['ignore', log, log], env });
  closeSync(log);
  return child;
}

/** The first process of a namespace of processes takes all others along. */
async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** Sandboxes need an image, and it must be unpacked for the snapshotter that they use. */
function importImage(socket: string, image: string): void {
  const args = ['--address', socket, '--namespace', 'k8s.io', 'images', 'import', '--snapshotter', 'native', image];
  const { status, stderr, error } = spawnSync('ctr', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ctr images import: ${error?.message ?? stderr}`);
}

/** `native` copies files, and so needs nothing of the file system; `opt` would make /opt/containerd. */
function configuration({ root, folders }: ContainerdPlan, socket: string): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  return `version = 2
root = "${root}/root"
state = "${root}/state"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
  address = "${socket}"
[ttrpc]
  address = "${root}/ttrpc.sock"
[${cri}]
  sandbox_image = "${pauseImage}"
  restrict_oom_score_adj = true
  [${cri}.containerd]
    snapshotter = "native"
    [${cri}.containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [${cri}.containerd.runtimes.runc.options]
        SystemdCgroup = false
  [${cri}.cni]
    bin_dir = "${folders.cniPlugins}"
    conf_dir = "${folders.cniConfigurations}"
`;
}
