import { createServer } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { checks } from '../../aggregator/checks/index.ts';
import { HttpServer } from '../../aggregator/http/server.ts';
import { auditRecord, nodeRecord, serviceDetail, tracked } from '../../test/audit-record.ts';
import { completeWords } from '../../test/command-run.ts';
import { httpOptions } from '../../test/http-options.ts';
import { afterwards } from '../../test/listening-api.ts';
import { liveNames } from './live-names.ts';

const record = auditRecord();
const server = new HttpServer(httpOptions({ record }));
let url = '';

beforeAll(async () => {
  url = await server.start({ host: '127.0.0.1', port: 0 });
});
afterAll(() => server.stop());
beforeEach(() => {
  record.says.nodes = [nodeRecord('node-a'), nodeRecord('node-b', { state: 'unknown' }), nodeRecord('other')];
  record.says.services = [serviceDetail('shop/web'), serviceDetail('shop/api'), serviceDetail('payments/api')];
  record.says.findings = [tracked('stale-endpoint', { fingerprint: '00000000000000aa' })];
});

/** The words offered after `plumbline LINE`, where the cursor stands at its end. */
async function offered(line: string, at: string | null = url): Promise<readonly string[]> {
  const said = await completeWords(line.split(' '), { server: at });
  return said
    .split('\n')
    .slice(0, -1)
    .map((each) => each.replace(/\t.*/, ''));
}

describe('a command line that is being typed', () => {
  it('is completed with commands, each with what it is', async () => {
    expect(await completeWords(['f'])).toBe(
      'findings\tlist what a running aggregator has found, or show one finding\n:4\n',
    );
    expect(await offered('no')).toEqual(['nodes', ':4']);
    expect(await offered('help serv')).toEqual(['services', ':4']);
    expect(await offered('help nodes ')).toEqual([':4']);
    expect(await offered('parse ')).toEqual(['iptables-save', ':4']);
    expect(await offered('nonsense')).toEqual([':4']);
  });

  it('is completed with options, and not with those that are there', async () => {
    expect(await offered('nodes --s')).toEqual(['--state', '--server', ':4']);
    expect(await offered('nodes --server x --s')).toEqual(['--state', ':4']);
    expect(await offered('nodes -w --w')).toEqual([':4']);
    expect(await offered('findings --state firing --stat')).toEqual(['--state', ':4']);
    expect(await offered('nodes -- --s')).toEqual([':4']);
    expect(await offered('agent --')).toEqual([':4']);
  });

  it.each([
    ['nodes -o ', ['table', 'wide', 'json', 'yaml', 'name', ':4']],
    ['nodes -o w', ['wide', ':4']],
    ['nodes --output=j', ['json', ':4']],
    ['findings --fail-on h', ['high', ':4']],
    ['findings --state un', ['unknown', ':4']],
    [
      'findings --state firing,',
      ['pending', 'unknown', 'suppressed', 'resolved', 'gone'].map((word) => `firing,${word}`).concat(':4'),
    ],
    ['findings --state=firing,p', ['firing,pending', ':4']],
    ['completion ', ['bash', 'zsh', 'fish', ':4']],
    ['nodes --watch=', [':4']],
    ['nodes node-a ', [':4']],
  ])('is completed with choices: %j', async (line, expected) => {
    expect(await offered(line)).toEqual(expected);
  });

  it('is completed with checks', async () => {
    expect(await offered('checks ')).toEqual([...checks.map(({ id }) => id), ':4']);
    expect(await offered('findings --check stale-endpoint,stale-s')).toEqual(['stale-endpoint,stale-service', ':4']);
  });

  it.each([
    'audit ',
    'audit --api ',
    'audit --kubeconfig=',
    'trace --rules ',
    'nodes --token-file ',
    'parse iptables-save ',
  ])('leaves files to the shell: %j', async (line) => {
    expect(await offered(line)).toEqual([':0']);
  });
});

describe('names', () => {
  it('come from the aggregator, each with what it is', async () => {
    expect(await completeWords(['nodes', 'node-'], { server: url })).toBe('node-a\thealthy\nnode-b\tunknown\n:4\n');
    expect(await completeWords(['findings', ''], { server: url })).toBe(
      '00000000000000aa\tcritical stale-endpoint node-b shop/web\n:4\n',
    );
    expect(await completeWords(['services', 'shop/'], { server: url })).toBe(
      'shop/api\tClusterIP\nshop/web\tClusterIP\n:4\n',
    );
  });

  it.each([
    ['findings --node o', ['other', ':4']],
    ['findings --node node-a,node', ['node-a,node-b', ':4']],
    ['services -n ', ['payments', 'shop', ':4']],
    ['services -n shop ', ['api', 'web', ':4']],
    ['services --namespace=shop w', ['web', ':4']],
    ['findings -nshop --namespace ', ['payments', 'shop', ':4']],
  ])('are those of the place at the cursor: %j', async (line, expected) => {
    expect(await offered(line)).toEqual(expected);
  });

  it('come from the aggregator that the line names', async () => {
    expect(await offered(`nodes --server ${url} o`, null)).toEqual(['other', ':4']);
    expect(await offered(`nodes --server=${url} o`, 'http://127.0.0.1:1')).toEqual(['other', ':4']);
  });

  it('that a shell could take for something else are not offered', async () => {
    const bad = ['$(reboot)', '`x`', 'a;b', '-rf', 'a b', 'a\nb', "a'b", 'a\u001b[2J', '..', ''];
    record.says.nodes = [...bad, 'node-1.lab'].map((name) => nodeRecord(name));
    expect(await offered('nodes ')).toEqual(['node-1.lab', ':4']);
  });

  it('are none where nobody answers, and nothing is said', async () => {
    expect(await completeWords(['nodes', ''], { server: 'http://127.0.0.1:1' })).toBe(':4\n');
    expect(await completeWords(['nodes', ''], { server: 'no url at all' })).toBe(':4\n');
    expect(await completeWords(['nodes', '--kubeconfig', '/nowhere', ''])).toBe(':4\n');
  });

  it('are none where the answer is something else', async () => {
    const stranger = createServer((_request, response) => response.end('<html>'));
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
    afterwards(() => stranger.close());
    const address = stranger.address();
    const place = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
    expect(await completeWords(['nodes', ''], { server: place })).toBe(':4\n');
  });

  it('are waited for no longer than they may take', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    afterwards(() => {
      silent.closeAllConnections();
      silent.close();
    });
    const address = silent.address();
    const place = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
    const ask = liveNames({ server: place, tokenFile: null, namespace: null, environment: {} }, 50);
    const began = performance.now();
    expect(await ask('nodes', new Map())).toEqual([]);
    expect(performance.now() - began).toBeLessThan(500);
  });
});
