/** A Prometheus of a test: its own data, a port of loopback, and ended with the cluster whose aggregator it scrapes. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Cluster, freePort } from '../e2e/cluster.ts';

/** One series of an answer, with its newest value. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  /** Unix seconds, and the value as text. */
  readonly value: readonly [number, string];
}

export interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly state: 'pending' | 'firing';
}

/** A rule as Prometheus evaluated it last. */
export interface EvaluatedRule {
  readonly name: string;
  readonly query: string;
  readonly health: 'ok' | 'unknown' | 'err';
  readonly lastError?: string;
}

export interface ScrapedTarget {
  readonly health: 'up' | 'down' | 'unknown';
  readonly lastError: string;
}

export interface Scraping {
  readonly ruleFiles: readonly string[];
  /** As in Prometheus' own configuration. */
  readonly jobs: readonly Readonly<Record<string, unknown>>[];
}

export class Prometheus {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /** What an instant query answers now. @throws with Prometheus' own words where it refuses. */
  async query(expression: string): Promise<readonly Series[]> {
    const answer: { readonly result: readonly Series[] } = await this.#get('query', { query: expression });
    return answer.result;
  }

  async alerts(): Promise<readonly Alert[]> {
    const answer: { readonly alerts: readonly Alert[] } = await this.#get('alerts');
    return answer.alerts;
  }

  async rules(): Promise<readonly EvaluatedRule[]> {
    const answer: { readonly groups: readonly { readonly rules: readonly EvaluatedRule[] }[] } =
      await this.#get('rules');
    return answer.groups.flatMap(({ rules }) => rules);
  }

  /** What is scraped, by job. */
  async targets(): Promise<ReadonlyMap<string, ScrapedTarget>> {
    const answer: { readonly activeTargets: readonly (ScrapedTarget & { readonly scrapePool: string })[] } =
      await this.#get('targets', { state: 'active' });
    return new Map(
      answer.activeTargets.map(({ scrapePool, health, lastError }) => [scrapePool, { health, lastError }]),
    );
  }

  async #get<T>(path: string, parameters: Readonly<Record<string, string>> = {}): Promise<T> {
    const response = await fetch(`${this.#url}/api/v1/${path}?${new URLSearchParams(parameters)}`, {
      signal: AbortSignal.timeout(5000),
    });
    const answer: { readonly status: string; readonly error?: string; readonly data: T } = JSON.parse(
      await response.text(),
    );
    if (answer.status !== 'success') throw new Error(`${path} ${JSON.stringify(parameters)}: ${answer.error}`);
    return answer.data;
  }
}

/** Starts one that scrapes, and evaluates rules, every second. */
export async function startPrometheus(cluster: Cluster, { ruleFiles, jobs }: Scraping): Promise<Prometheus> {
  const folder = join(cluster.folder, 'prometheus');
  mkdirSync(folder);
  const configuration = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: ruleFiles,
    scrape_configs: jobs,
  };
  // JSON is YAML.
  writeFileSync(join(folder, 'prometheus.yaml'), JSON.stringify(configuration));
  const listen = `127.0.0.1:${await freePort()}`;
  cluster.start('prometheus', [
    'prometheus',
    `--config.file=${join(folder, 'prometheus.yaml')}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=${listen}`,
    '--log.level=warn',
  ]);
  return new Prometheus(`http://${listen}`);
}
