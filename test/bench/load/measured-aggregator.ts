/** The aggregator as a process of its own, and what it costs, by the kernel's word and by its own. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { aggregatorNodeFlags } from '../../../aggregator/node-flags.ts';
import { testAuthority } from '../../certificates.ts';
import { AggregatorClient } from '../../e2e/aggregator-client.ts';
import { Program } from '../../e2e/programs.ts';
import { type MetricFamily, readMetrics } from '../../strict-metrics.ts';
import type { Point } from './trend.ts';

export interface AggregatorPlan {
  /** For all its files. */
  readonly folder: string;
  /** `http://127.0.0.1:40123` */
  readonly apiUrl: string;
  /** A CPU profile is left here; null = none. */
  readonly profileFolder: string | null;
}

/** What it has cost since its start, and how large it is now. */
export interface Sample {
  /** Monotonic, seconds. */
  readonly at: number;
  readonly rssBytes: number;
  readonly cpuSeconds: number;
}

const clockTicksPerSecond = 100;

export class MeasuredAggregator {
  readonly client: AggregatorClient;
  /** Where agents dial: `127.0.0.1:40123`. */
  readonly agentAddress: string;
  readonly caFile: string;
  readonly program: Program;
  readonly #logFile: string;
  /** Monotonic, seconds. */
  readonly #startedAt = performance.now() / 1000;

  private constructor(
    parts: Pick<MeasuredAggregator, 'client' | 'agentAddress' | 'caFile' | 'program'>,
    logFile: string,
  ) {
    this.client = parts.client;
    this.agentAddress = parts.agentAddress;
    this.caFile = parts.caFile;
    this.program = parts.program;
    this.#logFile = logFile;
  }

  /** Starts it with TLS and tokens, as in a cluster. */
  static async start({ folder, apiUrl, profileFolder }: AggregatorPlan): Promise<MeasuredAggregator> {
    const file = (name: string): string => join(folder, name);
    mkdirSync(folder, { recursive: true });
    const authority = testAuthority();
    const { certificate, key } = authority.issue();
    writeFileSync(file('tls.crt'), certificate);
    writeFileSync(file('tls.key'), key, { mode: 0o600 });
    writeFileSync(file('ca.crt'), authority.certificate);
    authority.remove();
    writeFileSync(file('kubeconfig'), kubeconfigFor(apiUrl));
    const [grpcPort, httpPort] = [await freePort(), await freePort()];
    const options = [
      ...['--kubeconfig', file('kubeconfig'), '--data-dir', file('journal')],
      ...['--listen-grpc', `127.0.0.1:${grpcPort}`, '--listen-http', `127.0.0.1:${httpPort}`, '--auth', 'none'],
      ...['--tls-cert-file', file('tls.crt'), '--tls-key-file', file('tls.key')],
    ];
    const logFile = file('aggregator.log');
    const program = new Program({
      name: 'aggregator',
      command: [...commandOf(profileFolder), 'aggregator', ...options],
      logFile,
    });
    const client = new AggregatorClient(`http://127.0.0.1:${httpPort}`);
    const parts = { client, agentAddress: `127.0.0.1:${grpcPort}`, caFile: file('ca.crt'), program };
    return new MeasuredAggregator(parts, logFile);
  }

  /** @throws when the process is gone. */
  sample(): Sample {
    const status = readFileSync(`/proc/${this.program.pid}/status`, 'utf8');
    const kib = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
    const stat = readFileSync(`/proc/${this.program.pid}/stat`, 'utf8');
    // Its name stands in parentheses and may hold spaces; user and system time are the 14th and 15th field (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = Number(fields[11]) + Number(fields[12]);
    return { at: performance.now() / 1000, rssBytes: kib * 1024, cpuSeconds: ticks / clockTicksPerSecond };
  }

  /** The memory that was in use after each whole run of the garbage collector; `at` as in Sample. */
  liveHeap(): readonly Point[] {
    const whole = /^\[\d+:\S+\]\s+(\d+) ms: Mark-Compact.*? -> (\d+\.\d+) \(/gm;
    return [...readFileSync(this.#logFile, 'utf8').matchAll(whole)].map(([, ms, mib]) => ({
      at: this.#startedAt + Number(ms) / 1000,
      value: Number(mib) * 1024 * 1024,
    }));
  }

  async metrics(): Promise<Figures> {
    const response = await fetch(`${this.client.url}/metrics`, { signal: AbortSignal.timeout(10_000) });
    return new Figures(readMetrics(await response.text()));
  }
}

/** One scrape. */
export class Figures {
  readonly #families: ReadonlyMap<string, MetricFamily>;

  constructor(families: ReadonlyMap<string, MetricFamily>) {
    this.#families = families;
  }

  /** The sum of a metric's samples, or of those with these labels; without the prefix `plumbline_`. */
  sum(name: string, labels: Readonly<Record<string, string>> = {}): number {
    const samples = this.#families.get(`plumbline_${name}`)?.samples ?? [];
    return samples
      .filter((sample) => Object.entries(labels).every(([key, value]) => sample.labels[key] === value))
      .reduce((sum, { value }) => sum + value, 0);
  }
}

/** As bin/plumbline runs it, with a word from the garbage collector about each of its runs. */
function commandOf(profileFolder: string | null): readonly [string, ...string[]] {
  const main = join(import.meta.dirname, '../../../cli/main.ts');
  const profiling = profileFolder === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`];
  return [process.execPath, ...aggregatorNodeFlags, '--trace-gc', ...profiling, main];
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== 'object' || address === null) throw new Error('a listening server has an address');
  return address.port;
}

function kubeconfigFor(server: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'load',
    clusters: [{ name: 'load', cluster: { server } }],
    users: [{ name: 'load', user: {} }],
    contexts: [{ name: 'load', context: { cluster: 'load', user: 'load' } }],
  });
}
