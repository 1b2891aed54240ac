/** The chart as Helm makes it: by the Go program in test/chart/render, which is compiled once for each of its states. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const sources = join(import.meta.dirname, 'render');
const go = '/usr/lib/go-1.19/bin/go';

export interface RenderRequest {
  /** The folder of a chart. */
  readonly chart: string;
  /** Laid over the chart's own values, one after the other, as `--values` does. */
  readonly values: readonly unknown[];
  readonly release: string;
  readonly namespace: string;
  readonly kubeVersion: string;
  /** What the cluster serves beyond Kubernetes' own: `monitoring.coreos.com/v1`. */
  readonly apiVersions: readonly string[];
  /** A value that is asked for and is not there is an error; Helm makes nothing of it. */
  readonly strict: boolean;
}

export type Rendering =
  | {
      readonly ok: true;
      /** Text by `plumbline/templates/NAME`. */
      readonly files: ReadonlyMap<string, string>;
      /** As they were merged. */
      readonly values: unknown;
    }
  /** In Helm's words. */
  | { readonly ok: false; readonly message: string };

/** Renders a chart. @throws when the Go program cannot be made or run. */
export function renderChart(request: RenderRequest): Rendering {
  const { status, stdout, stderr, error } = spawnSync(renderer(), { input: JSON.stringify(request), encoding: 'utf8' });
  if (status !== 0) throw new Error(`test/chart/render ended with ${status}: ${error?.message ?? stderr}`);
  const answer: unknown = JSON.parse(stdout);
  const { files = {}, values = {}, error: message } = Object(answer);
  if (message !== undefined) return { ok: false, message: String(message) };
  return { ok: true, files: new Map<string, string>(Object.entries(files)), values };
}

let known: string | null = null;

/** The program's file, which several tests may be making at once. */
function renderer(): string {
  if (known !== null) return known;
  const texts = globSync('*.go', { cwd: sources }).sort();
  const hash = createHash('sha256');
  for (const file of texts) hash.update(readFileSync(join(sources, file)));
  const folder = join(root, 'node_modules/.cache/plumbline');
  const made = join(folder, `render-chart-${hash.digest('hex').slice(0, 16)}`);
  if (!existsSync(made)) make(folder, made);
  known = made;
  return made;
}

function make(folder: string, made: string): void {
  mkdirSync(folder, { recursive: true });
  const unfinished = `${made}.${process.pid}`;
  const env = {
    PATH: process.env.PATH,
    GO111MODULE: 'off',
    GOPATH: '/usr/share/gocode',
    GOCACHE: join(folder, 'go-build'),
  };
  const built = spawnSync(go, ['build', '-trimpath', '-o', unfinished, '.'], { cwd: sources, env, encoding: 'utf8' });
  if (built.status !== 0) {
    const advice = 'packages golang-1.19-go, golang-github-masterminds-sprig-dev and golang-gopkg-yaml.v3-dev bring it';
    throw new Error(`${go} build of test/chart/render failed (${advice}): ${built.error?.message ?? built.stderr}`);
  }
  renameSync(unfinished, made);
}
