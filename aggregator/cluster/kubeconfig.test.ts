import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { testAuthority } from '../../test/certificates.ts';
import {
  afterwards,
  emptyFolder,
  kubeconfigFile,
  kubeconfigText,
  listeningApi,
  userToken,
} from '../../test/listening-api.ts';
import { apiErrorText } from './api-error.ts';
import { ApiClient } from './api-client.ts';
import { httpTransport } from './api-transport.ts';
import { type AccessWishes, findAccess } from './find-access.ts';
import { systemTiming } from './timing.ts';

/** `NodeList`, or what stood in the way of listing Nodes. */
async function listNodes(wishes: Partial<AccessWishes>): Promise<string> {
  const found = await findAccess(
    { kubeconfig: null, context: null, environment: {}, ...wishes },
    systemTiming.monotonic,
  );
  if (!found.ok) return found.message;
  const transport = httpTransport(found.access);
  afterwards(() => transport.close());
  const client = new ApiClient(transport, systemTiming);
  const answer = await client.get('/api/v1/nodes');
  return answer.ok ? String((answer.value as { kind: unknown }).kind) : apiErrorText(answer.error);
}

describe('a kubeconfig', () => {
  it('with a token lets in', async () => {
    const { api, url } = await listeningApi({ requiresToken: true });
    api.addToken(userToken('good'));
    expect(await listNodes({ kubeconfig: kubeconfigFile({ server: url, user: { token: 'good' } }) })).toBe('NodeList');
    expect(await listNodes({ kubeconfig: kubeconfigFile({ server: url, user: { token: 'bad' } }) })).toBe(
      `GET ${url}/api/v1/nodes: 401 Unauthorized`,
    );
    expect(await listNodes({ kubeconfig: kubeconfigFile({ server: url }) })).toBe(
      `GET ${url}/api/v1/nodes: 403 Forbidden: nodes is forbidden: User "system:anonymous" cannot list resource "nodes" in API group "" at the cluster scope`,
    );
  });

  it('is read again where the server refuses what it said before', async () => {
    const { api, url } = await listeningApi({ requiresToken: true });
    api.addToken(userToken('new'));
    const file = kubeconfigFile({ server: url, user: { token: 'old' } });
    const found = await findAccess({ kubeconfig: file, context: null, environment: {} }, systemTiming.monotonic);
    if (!found.ok) throw new Error(found.message);
    const transport = httpTransport(found.access);
    afterwards(() => transport.close());
    const client = new ApiClient(transport, systemTiming);
    expect((await client.get('/api/v1/nodes')).ok).toBe(false);
    writeFileSync(file, kubeconfigText({ server: url, user: { token: 'new' } }));
    expect((await client.get('/api/v1/nodes')).ok).toBe(true);
  });

  it('with a plugin asks the plugin, and says what it said when it fails', async () => {
    const { api, url } = await listeningApi({ requiresToken: true });
    api.addToken(userToken('from-plugin'));
    const plugin = join(emptyFolder(), 'plugin');
    const credential = {
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      status: { token: 'from-plugin' },
    };
    writeFileSync(
      plugin,
      `#!/bin/sh\n[ "$1" = login ] || { echo 'please log in first' >&2; exit 1; }\necho '${JSON.stringify(credential)}'\n`,
    );
    chmodSync(plugin, 0o755);
    const withArgs = (args: readonly string[]) =>
      kubeconfigFile({ server: url, user: { exec: { apiVersion: credential.apiVersion, command: plugin, args } } });
    expect(await listNodes({ kubeconfig: withArgs(['login']) })).toBe('NodeList');
    expect(await listNodes({ kubeconfig: withArgs(['status']) })).toBe(
      `GET ${url}/api/v1/nodes: credentials: the kubeconfig's credentials cannot be had: please log in first`,
    );
  });

  it('with an authority trusts the server that it signed, and no other', async () => {
    const authority = testAuthority();
    const stranger = testAuthority();
    afterwards(() => authority.remove());
    afterwards(() => stranger.remove());
    const { certificate, key } = authority.issue();
    const { url } = await listeningApi({}, { tls: { cert: certificate, key } });
    const trusting = ({ certificate: ca }: typeof authority) => {
      const cluster = {
        'certificate-authority-data': Buffer.from(ca).toString('base64'),
        'tls-server-name': 'aggregator.test',
      };
      return kubeconfigFile({ server: url, cluster });
    };
    expect(await listNodes({ kubeconfig: trusting(authority) })).toBe('NodeList');
    expect(await listNodes({ kubeconfig: trusting(stranger) })).toMatch(/: unreachable: .*(certificate|signature)/);
    expect(await listNodes({ kubeconfig: kubeconfigFile({ server: url }) })).toMatch(/: unreachable: .*certificate/);
    const insecure = kubeconfigFile({ server: url, cluster: { 'insecure-skip-tls-verify': true } });
    expect(await listNodes({ kubeconfig: insecure })).toBe('NodeList');
  });

  it('may name an API below a path', async () => {
    const { url } = await listeningApi();
    expect(await listNodes({ kubeconfig: kubeconfigFile({ server: `${url}/k8s/clusters/c-1/` }) })).toBe(
      `GET ${url}/k8s/clusters/c-1/api/v1/nodes: 404 NotFound: the server could not find the requested resource`,
    );
  });

  it('that is none, lacks the context, or names no server says so', async () => {
    const folder = emptyFolder();
    const broken = join(folder, 'broken');
    writeFileSync(broken, 'clusters: [');
    expect(await listNodes({ kubeconfig: broken })).toMatch(`${broken} is no kubeconfig: `);
    expect(await listNodes({ kubeconfig: join(folder, 'none') })).toBe(`${join(folder, 'none')}: no such file`);
    const file = kubeconfigFile({ server: 'https://192.0.2.10:6443', current: '' });
    expect(await listNodes({ kubeconfig: file })).toBe(`${file} says no current context (there is lab)`);
    expect(await listNodes({ kubeconfig: file, context: 'prod' })).toBe(`${file} has no context prod (there is lab)`);
  });
});

describe('the kubeconfig that nobody names', () => {
  it('is what KUBECONFIG lists, the first to say something winning', async () => {
    const { api, url } = await listeningApi({ requiresToken: true });
    api.addToken(userToken('first'));
    const first = kubeconfigFile({ server: url, user: { token: 'first' } });
    const second = kubeconfigFile({ server: 'http://127.0.0.1:1', user: { token: 'second' } });
    const list = [join(emptyFolder(), 'missing'), first, second].join(':');
    expect(await listNodes({ environment: { KUBECONFIG: list } })).toBe('NodeList');
  });

  it('is the one in HOME', async () => {
    const { url } = await listeningApi();
    const home = emptyFolder();
    const file = join(home, '.kube/config');
    expect(await listNodes({ environment: { HOME: home } })).toBe(
      `no kubeconfig was found (there is no ${file}), and this is no pod with a service account`,
    );
    mkdirSync(join(home, '.kube'));
    writeFileSync(file, kubeconfigText({ server: url }));
    expect(await listNodes({ environment: { HOME: home } })).toBe('NodeList');
    expect(await listNodes({})).toBe(
      'no kubeconfig was found (neither KUBECONFIG nor HOME is set), and this is no pod with a service account',
    );
  });
});
