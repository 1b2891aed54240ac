import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { HttpServer } from '../../aggregator/http/server.ts';
import { auditRecord, minutesAgo, serviceDetail, tracked } from '../../test/audit-record.ts';
import { runCommand } from '../../test/command-run.ts';
import { httpOptions } from '../../test/http-options.ts';

const record = auditRecord();
const server = new HttpServer(httpOptions({ record }));
let url = '';

const drifted = serviceDetail('shop/web', {
  changedAt: null,
  nodes: { inSync: 2, converging: 0, drifted: 1, unknown: 0, total: 3 },
  findings: { firing: 1, pending: 0 },
  frontends: [
    {
      frontend: 'tcp 10.96.0.1:80',
      kind: 'clusterIP',
      versions: [
        {
          verdict: 'in-sync',
          does: 'forward to 10.244.1.2:8080',
          showsStateOf: null,
          count: 2,
          nodes: ['node-a', 'node-c'],
        },
        {
          verdict: 'drifted',
          does: 'forward to 10.244.1.9:8080',
          showsStateOf: 'the state of 11:20:00',
          count: 1,
          nodes: ['node-b'],
        },
      ],
    },
  ],
});

beforeAll(async () => {
  url = await server.start({ host: '127.0.0.1', port: 0 });
});
afterAll(() => server.stop());
beforeEach(() => {
  record.says.services = [drifted, serviceDetail('payments/api', { changedAt: null, type: 'NodePort' })];
});

const services = (...args: readonly string[]) => runCommand(['services', ...args], { server: url });

describe('plumbline services', () => {
  it('tells how many nodes have each right', async () => {
    expect(await services()).toEqual({
      exitCode: 0,
      out: [
        'NAMESPACE   NAME   TYPE        NODES   IN SYNC   CONVERGING   DRIFTED   UNKNOWN   FIRING   CHANGED',
        'payments    api    NodePort    3       3         0            0         0         0        -',
        'shop        web    ClusterIP   3       2         0            1         0         1        -',
        '',
      ].join('\n'),
      err: '',
    });
  });

  it('takes a namespace', async () => {
    expect((await services('-n', 'shop', '-o', 'name')).out).toBe('service/shop/web\n');
  });

  it('with --watch prints the Services that findings come and go for', async () => {
    const transition = { fingerprint: 'a', episode: 1, at: minutesAgo(0), kind: 'resolved', because: 'Gone.' } as const;
    let prints = 0;
    const { out } = await runCommand(['services', '--watch', '-o', 'wide'], {
      server: url,
      closesAt: /web .* 3 +3 +0/,
      onPrint: () => {
        prints += 1;
        record.says.services = [{ ...drifted, nodes: { ...drifted.nodes, inSync: 3, drifted: 0 } }];
        record.tell({ kind: 'finding', transition, finding: tracked('stale-endpoint', { state: 'resolved' }) });
      },
    });
    expect(prints).toBe(2);
    expect(out.split('\n').slice(3).join('')).toMatch(/^shop +web +ClusterIP +10\.96\.0\.1 +http 80\/TCP +3 +3 +0 +0/);
  });
});

describe('plumbline services NS/NAME', () => {
  const text = `shop/web

Type         ClusterIP
Cluster IP   10.96.0.1
Ports        http 80/TCP
Changed      not since the aggregator started
Nodes        3: 2 in sync, 0 converging, 1 drifted, 0 unknown
Findings     1 firing, 0 pending

tcp 10.96.0.1:80 (clusterIP)
  in-sync on 2 nodes
    forward to 10.244.1.2:8080
    node-a, node-c
  drifted on 1 node (the state of 11:20:00)
    forward to 10.244.1.9:8080
    node-b
`;

  it.each([[['shop/web']], [['web', '-n', 'shop']]])('%j tells which nodes have which version of it', async (args) => {
    expect(await services(...args)).toEqual({ exitCode: 0, out: text, err: '' });
  });

  it('prints a document', async () => {
    expect(JSON.parse((await services('shop/web', '-o', 'json')).out).kind).toBe('Service');
  });

  it.each([[['web']], [['shop/web/http']], [['shop/web', '-n', 'shop']]])('%j is refused', async (args) => {
    const { exitCode, out, err } = await services(...args);
    expect([exitCode, out, err]).toEqual([2, '', expect.stringContaining('its namespace is not clear')]);
  });

  it('that the API server does not know is refused', async () => {
    const { exitCode, err } = await services('shop/none');
    expect([exitCode, err]).toEqual([2, expect.stringContaining('The API server knows no Service "shop/none".')]);
  });
});
