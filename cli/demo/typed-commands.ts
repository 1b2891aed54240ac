/** What the demo shows to be typed: where its programs are, how to look at them, how rules are written anew. */
import { join, relative } from 'node:path';
import type { Paints } from '../paints.ts';
import { tableLines } from '../table.ts';
import { plumblineProgram } from './demo-nodes.ts';
import type { NamespaceNode } from './namespace-node.ts';
import type { NodeName } from './recordings.ts';
import type { Stage } from './stage.ts';

/** What runs, with its process ids, and where its logs are. */
export function programTable({ cluster, server, programs, nodes, logFolder }: Stage, paint: Paints): string {
  const pidOf = (name: string) => String(programs.find((program) => program.name === name)?.pid ?? '-');
  const rows = [
    ['API server', String(process.pid), `${cluster.url} (a stand-in, in this process)`],
    ['aggregator', pidOf('aggregator'), server.origin],
    ...nodes.flatMap(({ name, folder, kernel }) => [
      [
        `agent of ${name}`,
        pidOf(`agent of ${name}`),
        kernel === null ? folder : `${kernel.namespace}: ${kernel.writes}`,
      ],
      ...(kernel === null
        ? []
        : [[`kube-proxy of ${name}`, pidOf(`kube-proxy stand-in of ${name}`), 'a stand-in, in the same namespace']]),
    ]),
  ];
  const [head = '', ...lines] = tableLines(['PROGRAM', 'PID', 'WHERE'], rows);
  return [paint.quiet(head), ...lines, `Logs: ${logFolder}`].join('\n');
}

/** Ways to look at a running aggregator. */
export function followCommands({ server }: Stage): readonly string[] {
  const [plumbline, api] = [programName(), `${server.origin}/api/v1`];
  return [
    `curl -s ${api}/nodes`,
    `curl -s ${api}/findings`,
    `curl -sN ${api}/events`,
    `${plumbline} findings --server ${server.origin} --watch`,
    `${plumbline} nodes --server ${server.origin}`,
  ];
}

/** What the restart of a node's kube-proxy does here. */
export function restartCommands(stage: Stage, name: NodeName): readonly string[] {
  const { kernel, folder } = stage.node(name);
  if (kernel !== null) return restoreCommands(kernel, stage.recordedFolder(name, 'recovered'));
  return [`ln -sfn ${stage.recordedFolder(name, 'recovered')} ${join(folder, 'now')}`];
}

/** Writes a node's recorded iptables rules anew, IPv4 and IPv6. */
export function restoreCommands({ namespace, writes }: NamespaceNode, recorded: string): readonly string[] {
  return ['iptables', 'ip6tables'].map((program) => {
    const command = `${program}-${writes === 'iptables-nft' ? 'nft' : 'legacy'}`;
    return `ip netns exec ${namespace} ${command}-restore < ${join(recorded, `${command}-save.txt`)}`;
  });
}

/** As it can be typed from here. */
function programName(): string {
  const path = relative(process.cwd(), plumblineProgram);
  return path.startsWith('..') ? plumblineProgram : path;
}
