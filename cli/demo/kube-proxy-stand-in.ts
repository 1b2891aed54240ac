/**
 * Stands for a kube-proxy on the ports where one is asked how it is: answers with the files of `now/kube-proxy` in the
 * folder that it runs in, which are read anew for each request; and on its health check node ports, as health-checks.ts
 * says. It runs inside a node's namespace, and ends when its standard input ends: it does not outlive the demo.
 */
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { join } from 'node:path';
import { type HealthCheckAnswer, healthChecksFile } from './health-checks.ts';

const folder = 'now/kube-proxy';

/** By port and path, as kube-proxy has them. */
const files: ReadonlyMap<string, string> = new Map([
  ['10256/healthz', 'healthz.txt'],
  ['10256/livez', 'livez.txt'],
  ['10249/metrics', 'metrics.txt'],
  ['10249/proxyMode', 'proxyMode.txt'],
  ['10249/configz', 'configz.json'],
]);

for (const port of [10256, 10249]) {
  const answer: RequestListener = (request, response) => {
    const file = files.get(`${port}${new URL(request.url ?? '/', 'http://localhost').pathname}`);
    const text = file === undefined ? null : readFileSync(join(folder, file), 'utf8');
    const { status, body } = text === null ? { status: 404, body: '404 page not found\n' } : answerIn(text);
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(body);
  };
  createServer(answer).listen(port, '127.0.0.1');
}
const healthChecks = JSON.parse(readFileSync(healthChecksFile, 'utf8')) as readonly HealthCheckAnswer[];
for (const { port, status, body } of healthChecks) {
  const headers = { 'content-type': 'application/json' };
  createServer((_request, response) => response.writeHead(status, headers).end(body)).listen(port);
}
process.stdin.resume();
process.stdin.once('close', () => process.exit(0));

/** Health answers were recorded with status line and headers. */
function answerIn(text: string): { readonly status: number; readonly body: string } {
  const status = /^HTTP\/1\.\d (\d{3})/.exec(text)?.[1];
  if (status === undefined) return { status: 200, body: text };
  const blank = /\r?\n\r?\n/.exec(text);
  return { status: Number(status), body: blank === null ? '' : text.slice(blank.index + blank[0].length) };
}
