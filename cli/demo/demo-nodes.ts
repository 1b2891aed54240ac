/**
 * The demo's three nodes, and how they change. Each has a folder with a link `now` to what was recorded of it: changing
 * the link changes all at once that its kube-proxy stand-in answers and that an agent without a kernel reads.
 */
import { mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { done, type Outcome } from '../refusal.ts';
import { readApiFolder } from '../audit/api-folder.ts';
import type { ProgramPlan } from './child-program.ts';
import { healthCheckAnswers, healthChecksFile } from './health-checks.ts';
import { endAllInside, loadRules, makeNamespace, type NamespaceNode, removeNamespace } from './namespace-node.ts';
import { movedAnswer, recordedAt } from './recorded-answers.ts';
import type { Moment, NodeName, Recordings } from './recordings.ts';

export interface DemoNode {
  readonly name: NodeName;
  /** Holds the link `now`. */
  readonly folder: string;
  /** Its place in the kernel; null where an agent reads recordings instead. */
  readonly kernel: NamespaceNode | null;
}

/** How the kube-proxy of each node wrote its rules when it was recorded. */
const formats = { 'node-a': 'iptables-nft', 'node-b': 'iptables-legacy', 'node-c': 'nftables' } as const;

/** The process id keeps two demos at once apart. */
export function demoNode(name: NodeName, stageFolder: string, isInKernel: boolean): DemoNode {
  const namespace = `plumbline-demo-${process.pid}-${name}`;
  return {
    name,
    folder: join(stageFolder, name),
    kernel: isInKernel ? { namespace, writes: formats[name] } : null,
  };
}

/** Makes the node's folder and namespace, as it was at the first moment. */
export function makeNode(node: DemoNode, recordings: Recordings): Outcome<null> {
  mkdirSync(node.folder);
  if (node.kernel !== null) {
    const made = makeNamespace(node.kernel.namespace, recordings.nodeFolder('before', node.name));
    if (!made.ok) return made;
    const cluster = readApiFolder(recordings.apiFolder, 'show the demo');
    if (!cluster.ok) return cluster;
    writeFileSync(join(node.folder, healthChecksFile), JSON.stringify(healthCheckAnswers(cluster.value, node.name)));
  }
  return changeNode(node, 'before', recordings);
}

/** Its kube-proxy has written the rules of a moment, just now, and answers accordingly. */
export function changeNode({ name, folder, kernel }: DemoNode, moment: Moment, recordings: Recordings): Outcome<null> {
  const recorded = recordings.nodeFolder(moment, name);
  moveAnswers(join(recorded, 'kube-proxy'), Date.now());
  const written = kernel === null ? done(null) : loadRules(kernel, recorded);
  if (!written.ok) return written;
  // A rename replaces the link at once: whoever reads sees the one or the other.
  symlinkSync(recorded, join(folder, 'next'));
  renameSync(join(folder, 'next'), join(folder, 'now'));
  return done(null);
}

/** Removes the namespace. @param hasLeftovers whether something may still run in it. */
export function removeNode({ kernel }: DemoNode, hasLeftovers: boolean): Outcome<null> {
  if (kernel === null) return done(null);
  if (hasLeftovers) endAllInside(kernel.namespace);
  return removeNamespace(kernel.namespace);
}

export interface ProgramPlaces {
  readonly socket: string;
  readonly logFolder: string;
}

const project = join(import.meta.dirname, '../..');
export const plumblineProgram = join(project, 'bin/plumbline');

/** What runs on the node: the real agent, and in a namespace what stands for kube-proxy. */
export function nodePrograms(node: DemoNode, { socket, logFolder }: ProgramPlaces): readonly ProgramPlan[] {
  const { name, folder, kernel } = node;
  // No wire joins these nodes, so probes between them would tell of just that.
  const options = ['--node-name', name, '--aggregator', `unix:${socket}`, '--dial-spread', '0', '--probes', 'none'];
  const agent = ['agent', ...options];
  const agentPlan = { name: `agent of ${name}`, folder, logFile: join(logFolder, `agent-${name}.log`) };
  if (kernel === null) {
    return [{ ...agentPlan, command: [plumblineProgram, ...agent, '--recorded', join(folder, 'now')] }];
  }
  const inside = ['netns', 'exec', kernel.namespace];
  const standIn = join(import.meta.dirname, 'kube-proxy-stand-in.ts');
  return [
    {
      name: `kube-proxy stand-in of ${name}`,
      command: ['ip', ...inside, process.execPath, standIn],
      folder,
      logFile: join(logFolder, `kube-proxy-${name}.log`),
    },
    { ...agentPlan, command: ['ip', ...inside, plumblineProgram, ...agent] },
  ];
}

const answerFiles = ['healthz.txt', 'livez.txt', 'metrics.txt'];

/** Of a folder of recorded answers: moves their times, so that they were given at a time. */
function moveAnswers(folder: string, at: number): void {
  const texts = new Map(answerFiles.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
  const given = recordedAt(texts.get('healthz.txt') ?? '');
  if (given === null) return;
  for (const [name, text] of texts) writeFileSync(join(folder, name), movedAnswer(text, at - given));
}
