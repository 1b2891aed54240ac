/**
 * All that the demo makes, in the order in which it is made, and removed again in the other direction:
 *
 *     a temporary folder with the unpacked recordings
 *     the API server's stand-in (in this process)
 *     three nodes: namespaces with addresses and rules, or folders of recordings
 *     programs: the aggregator, and on each node an agent and what stands for kube-proxy
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { done, type Outcome, refused } from '../refusal.ts';
import { ChildProgram } from './child-program.ts';
import { type DemoCluster, startCluster } from './demo-cluster.ts';
import {
  changeNode,
  type DemoNode,
  demoNode,
  makeNode,
  nodePrograms,
  plumblineProgram,
  removeNode,
} from './demo-nodes.ts';
import { type Moment, type NodeName, nodeNames, type Recordings, unpackRecordings } from './recordings.ts';

export interface StageOptions {
  /** Nodes in the kernel of this machine; else agents read recordings. */
  readonly isInKernel: boolean;
}

const preferredPort = 8080;

export class Stage {
  readonly folder = mkdtempSync(join(tmpdir(), 'plumbline-demo-'));
  readonly nodes: readonly DemoNode[];
  readonly programs: ChildProgram[] = [];
  readonly #isInKernel: boolean;
  #recordings: Recordings | null = null;
  #cluster: DemoCluster | null = null;
  #server: URL | null = null;
  #building: Promise<Outcome<null>> = Promise.resolve(done(null));
  #closing: Promise<Outcome<null>> | null = null;

  constructor({ isInKernel }: StageOptions) {
    this.#isInKernel = isInKernel;
    this.nodes = nodeNames.map((name) => demoNode(name, this.folder, isInKernel));
  }

  get isInKernel(): boolean {
    return this.#isInKernel;
  }

  get cluster(): DemoCluster {
    return opened(this.#cluster);
  }

  /** Where the aggregator answers. */
  get server(): URL {
    return opened(this.#server);
  }

  get logFolder(): string {
    return join(this.folder, 'logs');
  }

  /** Makes nodes and API server. What was made until a refusal is removed by `close`. */
  build(): Promise<Outcome<null>> {
    this.#building = this.#build();
    return this.#building;
  }

  async #build(): Promise<Outcome<null>> {
    mkdirSync(this.logFolder);
    mkdirSync(join(this.folder, 'sockets'));
    const recordings = await unpackRecordings(join(this.folder, 'recordings'));
    if (!recordings.ok) return recordings;
    this.#recordings = recordings.value;
    for (const node of this.nodes) {
      if (this.#closing !== null) return interrupted;
      const made = makeNode(node, recordings.value);
      if (!made.ok) return made;
    }
    this.#cluster = await startCluster(recordings.value, this.#kubeconfig);
    return this.#closing === null ? done(null) : interrupted;
  }

  /** Starts the aggregator, and on each node what runs there. */
  async startPrograms(): Promise<Outcome<null>> {
    const port = (await isFree(preferredPort)) ?? (await isFree(0));
    if (port === null) return refused('serve the demo', 'there is no free port on 127.0.0.1', 'End something first.');
    if (this.#closing !== null) return interrupted;
    this.#server = new URL(`http://127.0.0.1:${port}/`);
    const sockets = this.nodes.flatMap(({ name }) => ['--agent-socket', `${name}=${this.#socket(name)}`]);
    const aggregator = {
      name: 'aggregator',
      command: [
        plumblineProgram,
        'aggregator',
        '--kubeconfig',
        this.#kubeconfig,
        ...sockets,
        '--listen-http',
        `127.0.0.1:${port}`,
        '--auth',
        'none',
        '--data-dir',
        join(this.folder, 'journal'),
      ] as const,
      folder: this.folder,
      logFile: join(this.logFolder, 'aggregator.log'),
    };
    const onNodes = this.nodes.flatMap((node) =>
      nodePrograms(node, { socket: this.#socket(node.name), logFolder: this.logFolder }),
    );
    for (const plan of [aggregator, ...onNodes]) this.programs.push(new ChildProgram(plan));
    return done(null);
  }

  node(name: NodeName): DemoNode {
    const node = this.nodes.find((candidate) => candidate.name === name);
    if (node === undefined) throw new Error(`the demo has no ${name}`);
    return node;
  }

  /** What was recorded of a node at a moment. */
  recordedFolder(name: NodeName, moment: Moment): string {
    return opened(this.#recordings).nodeFolder(moment, name);
  }

  /** A node's kube-proxy has followed the API to a moment. */
  follow(name: NodeName, moment: Moment): Outcome<null> {
    return this.#closing === null ? changeNode(this.node(name), moment, opened(this.#recordings)) : interrupted;
  }

  /** Removes all that was made; asked again it gives the same answer. Refused when something could not be removed. */
  close(): Promise<Outcome<null>> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<Outcome<null>> {
    // What is being made must be there to be removed.
    await this.#building;
    const stops = await Promise.all(this.programs.map((program) => program.stop()));
    await this.#cluster?.close();
    const hasLeftovers = stops.some(({ wasKilled }) => wasKilled);
    const removed = this.nodes.map((node) => removeNode(node, hasLeftovers));
    rmSync(this.folder, { recursive: true, force: true });
    return removed.find((outcome) => !outcome.ok) ?? done(null);
  }

  get #kubeconfig(): string {
    return join(this.folder, 'kubeconfig');
  }

  #socket(node: string): string {
    return join(this.folder, 'sockets', `${node}.sock`);
  }
}

/** What nobody is told: whoever is asked to stop knows why. */
const interrupted = refused('show the demo', 'it was interrupted', 'Start it again.');

function opened<T>(value: T | null): T {
  if (value === null) throw new Error('the stage is not open');
  return value;
}

/** The port, when nothing listens there; with 0 any that is free. */
function isFree(port: number): Promise<number | null> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(null));
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : null));
    });
  });
}
