import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { HttpServer } from '../../aggregator/http/server.ts';
import { nodeRecord, auditRecord } from '../../test/audit-record.ts';
import { testAuthority } from '../../test/certificates.ts';
import { runCommand } from '../../test/command-run.ts';
import { forwardingCluster, portOf } from '../../test/forwarding-cluster.ts';
import { httpOptions } from '../../test/http-options.ts';
import { afterwards, kubeconfigFile } from '../../test/listening-api.ts';

/** A proxy that tunnels by CONNECT. https://www.rfc-editor.org/rfc/rfc9110#CONNECT */
async function connectProxy(): Promise<{ readonly url: string; readonly asked: readonly string[] }> {
  const asked: string[] = [];
  const open = new Set<Socket>();
  const server = createServer();
  server.on('connect', (request, inner: Socket) => {
    const [host = '', port] = (request.url ?? '').split(':');
    asked.push(`CONNECT ${host}`);
    const outer = connect({ host, port: Number(port) }, () => inner.write('HTTP/1.1 200 OK\r\n\r\n'));
    for (const socket of [inner, outer]) {
      open.add(socket);
      socket.on('error', () => undefined);
    }
    inner.pipe(outer).pipe(inner);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  afterwards(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  const address = server.address();
  return { url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`, asked };
}

/** A cluster with a certificate, a kubeconfig that trusts some authority, and what `plumbline nodes` says then. */
async function lab() {
  const [authority, stranger] = [testAuthority(), testAuthority()];
  afterwards(() => authority.remove());
  afterwards(() => stranger.remove());
  const { certificate: cert, key } = authority.issue();
  const cluster = await forwardingCluster({ cert, key });
  const record = auditRecord({ nodes: [nodeRecord('node-a')] });
  cluster.runPod('plumbline-aggregator-x', await portOf(new HttpServer(httpOptions({ record }))));
  const asks = async (ca: string, changes: Readonly<Record<string, unknown>> = {}) => {
    const kubeconfig = kubeconfigFile({
      server: cluster.url,
      user: { token: 'token-of-jane' },
      cluster: {
        'certificate-authority-data': Buffer.from(ca).toString('base64'),
        'tls-server-name': 'aggregator.test',
        ...changes,
      },
    });
    const { out, err } = await runCommand(['nodes', '-o', 'name'], { kubeconfig });
    return out + err;
  };
  return { asks, authority: authority.certificate, stranger: stranger.certificate };
}

describe('a port-forward', () => {
  it('trusts whom the kubeconfig trusts', async () => {
    const { asks, authority, stranger } = await lab();
    expect(await asks(authority)).toBe('node/node-a\n');
    expect(await asks(stranger)).toMatch(
      /^plumbline: cannot find the aggregator .*: unreachable: .*(certificate|signature)/,
    );
  });

  it("goes through the kubeconfig's proxy", async () => {
    const { asks, authority } = await lab();
    const proxy = await connectProxy();
    expect(await asks(authority, { 'proxy-url': proxy.url })).toBe('node/node-a\n');
    expect(proxy.asked.length).toBeGreaterThanOrEqual(2);
    expect(new Set(proxy.asked)).toEqual(new Set(['CONNECT 127.0.0.1']));
  });
});
