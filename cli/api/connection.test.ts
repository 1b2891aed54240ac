import { createServer } from 'node:http';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { afterwards, emptyFolder, kubeconfigFile } from '../../test/listening-api.ts';
import { connect, type Surroundings } from './connection.ts';
import type { ServerOptions } from './server-option.ts';

const nothing: Surroundings = { server: null, tokenFile: null, namespace: null, environment: {} };

/** Where it leads, or what bars the way. */
async function way(options: ServerOptions, surroundings: Partial<Surroundings> = {}): Promise<string> {
  const connection = await connect(options, { ...nothing, ...surroundings });
  if (!connection.ok) return `${connection.refusal.attempted}: ${connection.refusal.cameBack}`;
  await connection.value.close();
  return connection.value.url.href;
}

function fileWith(text: string): string {
  const file = join(emptyFolder(), 'file');
  writeFileSync(file, text);
  return file;
}

describe('the aggregator that is asked', () => {
  /** Nobody listens at the address of this cluster. */
  const kubeconfig = () => kubeconfigFile({ server: 'http://127.0.0.1:1' });
  const cluster = 'find the aggregator in the namespace plumbline: GET http://127.0.0.1:1/';

  it('is the one of --server, before all else', async () => {
    const environment = { KUBECONFIG: kubeconfig() };
    expect(await way({ server: 'https://192.0.2.1/x' }, { server: 'http://192.0.2.2', environment })).toBe(
      'https://192.0.2.1/x/',
    );
  });

  it('is the one of PLUMBLINE_SERVER, unless a cluster is named', async () => {
    const environment = { KUBECONFIG: kubeconfig() };
    const surroundings = { server: 'http://192.0.2.2', environment };
    expect(await way({}, surroundings)).toBe('http://192.0.2.2/');
    expect(await way({ context: 'lab' }, surroundings)).toContain(cluster);
    expect(await way({ plumblineNamespace: 'audit' }, surroundings)).toContain('in the namespace audit');
  });

  it('is the one of the cluster that kubectl would use', async () => {
    expect(await way({}, { environment: { KUBECONFIG: kubeconfig() } })).toContain(cluster);
    expect(await way({}, { environment: { KUBECONFIG: kubeconfig() }, namespace: 'audit' })).toContain(
      'in the namespace audit',
    );
  });

  it('is the forwarded port of the docs where no cluster is known', async () => {
    expect(await way({})).toBe('http://127.0.0.1:8080/');
  });

  it('is not guessed where something is wrong with the kubeconfig', async () => {
    const file = fileWith('clusters: [');
    expect(await way({}, { environment: { KUBECONFIG: file } })).toContain(
      `find the cluster of the aggregator: ${file} is no kubeconfig`,
    );
    expect(await way({ kubeconfig: '/nowhere' })).toBe('find the cluster of the aggregator: /nowhere: no such file');
    expect(await way({ context: 'lab' })).toContain('no kubeconfig was found');
    expect(await way({ kubeconfig: kubeconfig(), context: 'other' })).toContain('has no context other (there is lab)');
  });
});

describe('the token of a file', () => {
  it.each([
    ['that is not there', () => '/nowhere/token', 'no such file or directory'],
    ['that is a folder', () => emptyFolder(), 'illegal operation on a directory'],
    ['that is empty', () => fileWith(' \n'), 'the file is empty'],
    ['with more than a token', () => fileWith('secret1 secret2'), 'it is no token'],
    ['that never ends', () => '/dev/zero', 'it is no token'],
  ])('%s is refused, and not quoted', async (_what, file, why) => {
    const tokenFile = file();
    expect(await way({ server: 'https://192.0.2.1', tokenFile })).toBe(`read the token in ${tokenFile}: ${why}`);
  });

  it('is not sent where everybody could read it', async () => {
    const surroundings = { tokenFile: fileWith('secret') };
    expect(await way({ server: '192.0.2.1:8080' }, surroundings)).toBe(
      'ask http://192.0.2.1:8080/: everybody on the way could read the token',
    );
    for (const server of ['http://localhost:1', 'http://127.8.8.8:1', 'http://[::1]:1', 'https://192.0.2.1']) {
      expect(await way({ server }, surroundings)).toBe(`${server}/`);
    }
  });

  it('is shown to this server alone, and not where it redirects to', async () => {
    const shown: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      shown.push(request.headers.authorization);
      response.writeHead(302, { location: '/elsewhere' }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    afterwards(() => server.close());
    const address = server.address();
    const place = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
    const connection = await connect({ server: place, tokenFile: fileWith('secret\n') }, nothing);
    if (!connection.ok) throw new Error(connection.refusal.cameBack);
    expect((await connection.value.request(new URL('x', connection.value.url))).status).toBe(302);
    expect(shown).toEqual(['Bearer secret']);
    await expect(connection.value.request(new URL('http://192.0.2.1/'))).rejects.toThrow(
      `http://192.0.2.1/ is not asked by the connection to ${place}`,
    );
  });
});
