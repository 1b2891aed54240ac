/** What the demo shows to be typed: where its programs are, how to look at them, how to break and mend a node. */
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Paints } from '../paints.ts';
import { tableLines } from '../table.ts';
import { type DemoNode, plumblineProgram } from './demo-nodes.ts';
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
  const { kernel, folder } = nodeOf(stage, name);
  if (kernel !== null) return restoreCommands(kernel, stage.recordedFolder(name, 'recovered'));
  return [`ln -sfn ${stage.recordedFolder(name, 'recovered')} ${join(folder, 'now')}`];
}

/** A Service with endpoints whose chain on node-a is emptied. */
const brokenService = 'shop/web';
const brokenNode = 'node-a';

export interface BreakCommands {
  readonly breaking: readonly string[];
  readonly mending: readonly string[];
}

/** How to break node-a, and mend it again. */
export function breakCommands(stage: Stage): BreakCommands {
  const { kernel } = nodeOf(stage, brokenNode);
  const folder = stage.recordedFolder(brokenNode, 'after');
  const file = join(folder, 'iptables-nft-save.txt');
  const chain = serviceChain(readFileSync(file, 'utf8'), brokenService);
  if (kernel === null)
    return { breaking: [`sed -i.whole '/^-A ${chain} /d' ${file}`], mending: [`mv ${file}.whole ${file}`] };
  const breaking = [`ip netns exec ${kernel.namespace} iptables-nft -t nat -F ${chain}`];
  return { breaking, mending: restoreCommands(kernel, folder).slice(0, 1) };
}

/** `KUBE-SVC-...`: what packets to a Service's cluster IP go through. */
function serviceChain(dump: string, service: string): string {
  return new RegExp(`--comment "${service} cluster IP" .*-j (KUBE-SVC-\\w+)$`, 'm').exec(dump)?.[1] ?? 'KUBE-SERVICES';
}

function restoreCommands({ namespace, writes }: NamespaceNode, recorded: string): readonly string[] {
  return ['iptables', 'ip6tables'].map((program) => {
    const command = `${program}-${writes === 'iptables-nft' ? 'nft' : 'legacy'}`;
    return `ip netns exec ${namespace} ${command}-restore < ${join(recorded, `${command}-save.txt`)}`;
  });
}

function nodeOf({ nodes }: Stage, name: NodeName): DemoNode {
  const node = nodes.find((candidate) => candidate.name === name);
  if (node === undefined) throw new Error(`the demo has no ${name}`);
  return node;
}

/** As it can be typed from here. */
function programName(): string {
  const path = relative(process.cwd(), plumblineProgram);
  return path.startsWith('..') ? plumblineProgram : path;
}
