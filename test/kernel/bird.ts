/** BIRD as Calico's node container runs it, one for each node, with a configuration as Calico's confd writes it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../e2e/until.ts';
import { mustRunIn, runIn } from './namespaces.ts';
import type { PodNode } from './pod-node.ts';

/** A daemon and the routes that it is to tell of. */
export interface BirdPlan {
  readonly node: PodNode;
  readonly peers: readonly PodNode[];
  /** The range that the node has pods of. */
  readonly blockOf: (node: PodNode) => string;
}

export interface Bird {
  readonly node: PodNode;
  /** Ends it as a stopped container does, without a word to its peers; the kernel keeps its routes. */
  stop(): Promise<void>;
  /** Starts it again. */
  start(): Promise<void>;
  /** Its answer to a command of birdc(1). @throws with birdc's words while it does not run. */
  ask(command: string): string;
}

/** Starts it. @throws where it is not ready within ten seconds, with what birdc said. */
export async function startBird(plan: BirdPlan): Promise<Bird> {
  const { node } = plan;
  const socket = join(node.folders.runCalico, 'bird.ctl');
  const file = join(node.folders.runCalico, 'bird.cfg');
  writeFileSync(file, configurationOf(plan));
  let child: ChildProcess | null = null;
  const ask = (command: string) => mustRunIn(node.namespace, 'birdc', ['-s', socket, ...command.split(' ')]);
  const start = async (): Promise<void> => {
    const bird = ['bird', '-f', '-c', file, '-s', socket, '-P', join(node.folders.runCalico, 'bird.pid')];
    const words = ['--pdeathsig', 'KILL', '--', 'ip', 'netns', 'exec', node.namespace, ...bird];
    child = spawn('setpriv', words, { stdio: 'ignore' });
    await once(child, 'spawn');
    await until({
      what: `BIRD of ${node.name} to answer`,
      seconds: 10,
      look: () => runIn(node.namespace, 'birdc', ['-s', socket, 'show', 'status']),
      met: ({ ok }) => ok,
    });
  };
  await start();
  return {
    node,
    ask,
    start,
    stop: async () => {
      if (child === null) return;
      const ended = child;
      child = null;
      if (ended.exitCode !== null || ended.signalCode !== null) return;
      ended.kill('SIGKILL');
      await once(ended, 'exit');
    },
  };
}

/** Waits until every session of these is established, and what they tell each other is in the kernels. */
export async function converged(birds: readonly Bird[], blockOf: BirdPlan['blockOf']): Promise<void> {
  await until({
    what: 'BGP sessions to be established, and the routes of the others to be there',
    seconds: 20,
    look: () => birds.map(({ node, ask }) => [ask('show protocols'), bgpRoutes(node)] as const),
    met: (seen) =>
      seen.every(
        ([protocols, routes]) =>
          protocols.match(/ BGP .* Established/g)?.length === birds.length - 1 &&
          birds.every(({ node }) => routes.includes(blockOf(node))),
      ),
  });
}

function bgpRoutes({ namespace }: PodNode): string {
  return mustRunIn(namespace, 'ip', ['route', 'show', 'proto', 'bird']);
}

/**
 * After the templates bird.cfg.template and bird_aggr.cfg.template of projectcalico/calico (confd/etc/calico), whose
 * BIRD is 1.6: the channel `ipv4` is what BIRD 2 adds. Times are shorter, so that a test sees a session come and go.
 */
function configurationOf({ node, peers, blockOf }: BirdPlan): string {
  const block = blockOf(node);
  return `router id ${node.address};

protocol static {
  ipv4;
  route ${block} blackhole;
}

function calico_aggr() {
  if ( net = ${block} ) then { accept; }
  if ( net ~ ${block} ) then { reject; }
}

filter calico_export_to_bgp_peers {
  calico_aggr();
  reject;
}

filter calico_kernel_programming {
  # BIRD 1.6 keeps these to itself.
  if ( source = RTS_DEVICE ) then { reject; }
  accept;
}

protocol kernel {
  learn;
  persist;
  scan time 2;
  graceful restart;
  merge paths on;
  # As BIRD 1.6 writes routes.
  metric 0;
  ipv4 {
    import all;
    export filter calico_kernel_programming;
  };
}

protocol device {
  scan time 2;
}

protocol direct {
  ipv4;
  interface -"cali*", -"kube-ipvs*", "*";
}

template bgp bgp_template {
  description "Connection to BGP peer";
  local as 64512;
  multihop;
  graceful restart;
  hold time 3;
  keepalive time 1;
  connect delay time 1;
  connect retry time 1;
  error wait time 1,2;
  ipv4 {
    import all;
    export filter calico_export_to_bgp_peers;
    gateway recursive;
    add paths on;
  };
}
${peers.map((peer) => sessionOf(node, peer)).join('')}`;
}

function sessionOf(node: PodNode, peer: PodNode): string {
  return `
protocol bgp Mesh_${peer.address.replaceAll('.', '_')} from bgp_template {
  neighbor ${peer.address} as 64512;
  source address ${node.address};
${node.number > peer.number ? '  passive on;\n' : ''}}
`;
}
