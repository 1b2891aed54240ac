import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { reviewAccess } from '../../aggregator/cluster/access-review.ts';
import { ApiClient } from '../../aggregator/cluster/api-client.ts';
import { httpTransport } from '../../aggregator/cluster/api-transport.ts';
import { findAccess } from '../../aggregator/cluster/find-access.ts';
import { systemTiming } from '../../aggregator/cluster/timing.ts';
import { reviewToken } from '../../aggregator/cluster/token-review.ts';
import type { AccessOptions } from '../../aggregator/http/access/options.ts';
import { reviewedPath } from '../../aggregator/http/access/reviewed-path.ts';
import { HttpServer } from '../../aggregator/http/server.ts';
import { auditRecord, nodeRecord, serviceDetail, tracked } from '../../test/audit-record.ts';
import { runCommand } from '../../test/command-run.ts';
import { type ForwardingCluster, forwardingCluster, portOf } from '../../test/forwarding-cluster.ts';
import { httpOptions } from '../../test/http-options.ts';
import { afterwards, emptyFolder } from '../../test/listening-api.ts';
import { connect } from '../api/connection.ts';

const pods = 'api/v1/namespaces/plumbline/pods';

/** An aggregator that answers like this; requests are kept. */
async function answering(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  afterwards(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

const surroundings = { server: null, tokenFile: null, namespace: null, environment: {} };

async function connected({ kubeconfig }: ForwardingCluster) {
  const connection = await connect({ kubeconfig }, surroundings);
  if (!connection.ok) throw new Error(JSON.stringify(connection.refusal));
  afterwards(() => connection.value.close());
  return connection.value;
}

function claimsOf(request: IncomingMessage): Readonly<Record<string, unknown>> {
  const [, claims = ''] = (request.headers.authorization ?? '').split('.');
  return JSON.parse(Buffer.from(claims, 'base64url').toString());
}

describe('without --server', () => {
  it('commands go through a port-forward to the pod of the aggregator', async () => {
    const cluster = await forwardingCluster();
    const record = auditRecord({ nodes: [nodeRecord('node-a'), nodeRecord('node-b')] });
    cluster.runPod('plumbline-aggregator-x', await portOf(new HttpServer(httpOptions({ record }))));
    expect(await runCommand(['nodes', '-o', 'name'], { kubeconfig: cluster.kubeconfig })).toEqual({
      exitCode: 0,
      out: 'node/node-a\nnode/node-b\n',
      err: '',
    });
    const path = `/${pods}/plumbline-aggregator-x/portforward?ports=8080`;
    expect(cluster.forwards.asked).toEqual([{ path, token: 'token-of-jane' }]);
  });

  it('the aggregator gets a token for itself, and not the one of the kubeconfig', async () => {
    const cluster = await forwardingCluster();
    const heard: IncomingMessage[] = [];
    const port = await answering((request, response) => {
      heard.push(request);
      response.end('{}');
    });
    cluster.runPod('plumbline-aggregator-x', port);
    const connection = await connected(cluster);
    expect(connection.url.href).toBe('http://plumbline-aggregator.plumbline:8080/');
    expect((await connection.request(new URL('api/v1/nodes?limit=1', connection.url))).status).toBe(200);
    expect(heard.map(({ url, headers }) => [url, headers.host])).toEqual([['/api/v1/nodes?limit=1', '127.0.0.1:8080']]);
    expect(heard.map(claimsOf)).toEqual([
      expect.objectContaining({
        aud: ['plumbline-http'],
        sub: 'system:serviceaccount:plumbline:plumbline-viewer',
      }),
    ]);
    const { exp } = heard.map(claimsOf)[0] ?? {};
    expect(Math.abs(Number(exp) - (Date.now() / 1000 + 600))).toBeLessThan(30);
  });

  it('the API server is asked whose the token is, and what that one may', async () => {
    const cluster = await forwardingCluster();
    const found = await findAccess({ ...surroundings, ...cluster, context: null }, systemTiming.monotonic);
    if (!found.ok) throw new Error(found.message);
    const transport = httpTransport(found.access);
    afterwards(() => transport.close());
    const reviewer = new ApiClient(transport, systemTiming);
    const access: AccessOptions = {
      mode: 'kubernetes',
      audience: 'plumbline-http',
      reviewToken: (token, audiences) => reviewToken(reviewer, token, audiences),
      reviewAccess: (question) => reviewAccess(reviewer, question),
    };
    const record = auditRecord({ nodes: [nodeRecord('node-a')], services: [serviceDetail('shop/web')] });
    cluster.runPod('plumbline-aggregator-x', await portOf(new HttpServer(httpOptions({ record, access }))));
    const user = 'system:serviceaccount:plumbline:plumbline-viewer';
    cluster.api.grant({ user, verb: 'get', path: reviewedPath('/api/v1/nodes') });
    const { kubeconfig } = cluster;
    expect(await runCommand(['nodes', '-o', 'name'], { kubeconfig })).toEqual({
      exitCode: 0,
      out: 'node/node-a\n',
      err: '',
    });
    const { exitCode, out, err } = await runCommand(['services'], { kubeconfig });
    expect([exitCode, out, err]).toEqual([
      2,
      '',
      expect.stringMatching(/: HTTP 403 Forbidden: .*\nThrough a kubeconfig/),
    ]);
  });

  it('a token that is refused is taken once more, and then it is told', async () => {
    const cluster = await forwardingCluster();
    const tokens = new Set<string>();
    const port = await answering((request, response) => {
      tokens.add(request.headers.authorization ?? '');
      const isGood = tokens.size === 2 && request.url === '/good';
      response.writeHead(isGood ? 200 : 401).end('{"code":"unauthenticated","detail":"The token is not known."}');
    });
    cluster.runPod('plumbline-aggregator-x', port);
    const connection = await connected(cluster);
    expect((await connection.request(new URL('good', connection.url))).status).toBe(200);
    expect(tokens.size).toBe(2);
    const { exitCode, out, err } = await runCommand(['nodes'], { kubeconfig: cluster.kubeconfig });
    expect([exitCode, out, err]).toEqual([
      2,
      '',
      `plumbline: cannot ask http://plumbline-aggregator.plumbline:8080/api/v1/nodes?limit=500: HTTP 401 Unauthorized: The token is not known.
It takes a token of the audience plumbline-http: give one in a file with --token-file or PLUMBLINE_TOKEN_FILE, or
leave out --server to go through the cluster of a kubeconfig, which takes one by itself.
`,
    ]);
  });

  it('a token of the user is shown instead where one is given, as its file holds it then', async () => {
    const cluster = await forwardingCluster();
    const shown: (string | undefined)[] = [];
    const port = await answering(({ headers }, response) => {
      shown.push(headers.authorization);
      response.end('{}');
    });
    cluster.runPod('plumbline-aggregator-x', port);
    const tokenFile = join(emptyFolder(), 'token');
    writeFileSync(tokenFile, 'first\n');
    const connection = await connect({ kubeconfig: cluster.kubeconfig, tokenFile }, surroundings);
    if (!connection.ok) throw new Error(connection.refusal.cameBack);
    const ask = () => connection.value.request(connection.value.url);
    await (await ask()).text();
    writeFileSync(tokenFile, 'second\n');
    await (await ask()).text();
    await connection.value.close();
    expect(shown).toEqual(['Bearer first', 'Bearer second']);
    expect(cluster.api.requests.get('token /api/v1/namespaces/plumbline/serviceaccounts/plumbline-viewer/token')).toBe(
      undefined,
    );
  });

  it('ten questions at once share two forwards, and nothing stays open', async () => {
    const cluster = await forwardingCluster();
    cluster.runPod('plumbline-aggregator-x', await portOf(new HttpServer(httpOptions())));
    const connection = await connected(cluster);
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => connection.request(new URL('livez', connection.url))),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200));
    expect(cluster.forwards.open).toBe(2);
    await connection.close();
    await expect.poll(() => cluster.forwards.open).toBe(0);
  });

  it('a long answer comes whole', async () => {
    const cluster = await forwardingCluster();
    const long = Buffer.alloc(5 * 1024 * 1024, 'long ');
    cluster.runPod('plumbline-aggregator-x', await answering((_request, response) => response.end(long)));
    const connection = await connected(cluster);
    const answer = await connection.request(connection.url);
    expect(Buffer.from(await answer.arrayBuffer()).equals(long)).toBe(true);
  });
});

describe('--watch through a port-forward', () => {
  it('goes on with the pod that replaces the one that went', async () => {
    const cluster = await forwardingCluster();
    const before = auditRecord({ findings: [tracked('stale-endpoint', { fingerprint: 'aa' })] });
    const after = auditRecord({ findings: [tracked('stale-endpoint', { fingerprint: 'bb' })] });
    cluster.runPod('plumbline-aggregator-x', await portOf(new HttpServer(httpOptions({ record: before }))));
    const other = await portOf(new HttpServer(httpOptions({ record: after })));
    let prints = 0;
    const { out, err } = await runCommand(['findings', '--watch', '-o', 'name'], {
      kubeconfig: cluster.kubeconfig,
      closesAt: /\/bb/,
      onPrint: () => {
        prints += 1;
        if (prints > 1) return;
        cluster.removePod('plumbline-aggregator-x');
        cluster.runPod('plumbline-aggregator-y', other);
      },
    });
    expect([out, err]).toEqual([
      'finding/aa\nfinding/bb\n',
      'plumbline: live updates of http://plumbline-aggregator.plumbline:8080/ stopped, trying again\n',
    ]);
    expect(cluster.forwards.asked.at(-1)?.path).toContain('/plumbline-aggregator-y/');
  });
});
