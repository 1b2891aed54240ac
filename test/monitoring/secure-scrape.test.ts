/** Prometheus as the chart sets it up: over TLS, with the token of an account that may read the figures. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Cluster, freePort, openCluster } from '../e2e/cluster.ts';
import { plumbline } from '../e2e/programs.ts';
import { until } from '../e2e/until.ts';
import { type CertificateFiles, certificateFiles } from './certificate-files.ts';
import { type Prometheus, type ScrapedTarget, startPrometheus } from './prometheus.ts';

const accounts = { metrics: 'prometheus-k8s', strange: 'default' } as const;

let cluster: Cluster;
let prometheus: Prometheus;

beforeAll(async () => {
  cluster = await openCluster({ name: 'scrape', nodes: 'recorded' });
  for (const [token, account] of Object.entries(accounts)) {
    const username = `system:serviceaccount:monitoring:${account}`;
    // As Prometheus' own pod has it: for the API server, and for nobody else.
    cluster.api.addToken({ token, username, uid: '1', groups: [], extra: {}, audiences: [], pod: null });
    writeFileSync(join(cluster.folder, token), token);
  }
  const reader = `system:serviceaccount:monitoring:${accounts.metrics}`;
  cluster.api.grant({ user: reader, verb: 'get', path: '/metrics' });
  const certificates = certificateFiles(cluster.folder);
  const https = `127.0.0.1:${await freePort()}`;
  cluster.start('aggregator', [
    ...[plumbline, 'aggregator', '--kubeconfig', join(cluster.folder, 'kubeconfig')],
    ...['--data-dir', join(cluster.folder, 'journal'), '--listen-http', new URL(cluster.client.url).host],
    ...['--listen-grpc', `127.0.0.1:${await freePort()}`, '--listen-https', https, ...certificates.options],
  ]);
  const jobs = [null, 'metrics', 'strange'].map((token) => job(https, token, certificates));
  prometheus = await startPrometheus(cluster, { ruleFiles: [], jobs });
});
afterAll(() => cluster?.close());

/** Scrapes with this token, or with none. */
function job(https: string, token: string | null, { authority, serverName }: CertificateFiles) {
  const authorization = token === null ? {} : { authorization: { credentials_file: join(cluster.folder, token) } };
  return {
    job_name: token ?? 'nobody',
    scheme: 'https',
    honor_labels: true,
    tls_config: { ca_file: authority, server_name: serverName },
    static_configs: [{ targets: [https] }],
    ...authorization,
  };
}

function hasAnswered({ health, lastError }: ScrapedTarget): boolean {
  return health === 'up' || lastError.includes('HTTP');
}

it('an account that may read the figures gets them over TLS; one that may not, and one without a token, do not', async ({
  onTestFailed,
}) => {
  onTestFailed(() => console.error(cluster.logs()));
  const targets = await until({
    what: 'the aggregator to answer all three',
    seconds: 30,
    look: () => prometheus.targets(),
    met: (seen) => seen.size === 3 && [...seen.values()].every(hasAnswered),
  });
  expect(Object.fromEntries(targets)).toEqual({
    metrics: { health: 'up', lastError: '' },
    nobody: { health: 'down', lastError: 'server returned HTTP status 401 Unauthorized' },
    strange: { health: 'down', lastError: 'server returned HTTP status 403 Forbidden' },
  });
  const ready = await prometheus.query('plumbline_ready');
  expect(ready.map(({ metric: { job: of }, value: [, value] }) => [of, value])).toEqual([['metrics', '1']]);
});
