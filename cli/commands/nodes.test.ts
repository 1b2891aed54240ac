import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { HttpServer } from '../../aggregator/http/server.ts';
import type { NodeRecord } from '../../aggregator/model/record.ts';
import { auditRecord, nodeRecord, tracked } from '../../test/audit-record.ts';
import { runCommand } from '../../test/command-run.ts';
import { httpOptions } from '../../test/http-options.ts';

const record = auditRecord();
const server = new HttpServer(httpOptions({ record }));
let url = '';

/** By the clock of the answer, which is the machine's, and half a minute more: the age stays while a test runs. */
const minutesOld = (minutes: number) => new Date(Date.now() - (minutes + 0.5) * 60_000).toISOString();

beforeAll(async () => {
  url = await server.start({ host: '127.0.0.1', port: 0 });
});
afterAll(() => server.stop());
beforeEach(() => {
  record.says.nodes = [
    nodeRecord('node-a', { lastReadingAt: minutesOld(60) }),
    nodeRecord('node-b', {
      state: 'unhealthy',
      lastReadingAt: minutesOld(60),
      frontends: { total: 10, inSync: 8, drifted: 2, unknown: 0 },
      findings: { firing: 2, pending: 1 },
      showsStateOf: '2026-11-22T11:20:00.000Z',
    }),
    nodeRecord('node-c', {
      state: 'unknown',
      mode: 'unknown',
      agent: 'never',
      lastHeardAt: null,
      lastReadingAt: null,
      frontends: { total: 0, inSync: 0, drifted: 0, unknown: 0 },
      unknownBecause: ['no agent has reported', 'mode not known'],
    }),
  ];
  record.says.findings = [tracked('stale-endpoint', { fingerprint: '00000000000000aa', since: minutesOld(60) })];
});

const nodes = (...args: readonly string[]) => runCommand(['nodes', ...args], { server: url });

describe('plumbline nodes', () => {
  it('tells of each its state, mode, agent, newest reading, what it shows, and why it is unknown', async () => {
    expect(await nodes()).toEqual({
      exitCode: 0,
      out: [
        'NODE     STATE       MODE       AGENT       READ   IN SYNC   DRIFTED   UNKNOWN   FIRING   SHOWS STATE OF         WHY UNKNOWN',
        'node-a   healthy     iptables   reporting   60m    10        0         0         0        -',
        'node-b   unhealthy   iptables   reporting   60m    8         2         0         2        2026-11-22T11:20:00Z',
        'node-c   unknown     unknown    never       -      -         -         -         0        -                      no agent has reported; mode not known',
        '',
      ].join('\n'),
      err: '',
    });
  });

  it('takes states, and prints names', async () => {
    expect((await nodes('--state', 'unknown,unhealthy', '-o', 'name')).out).toBe('node/node-b\nnode/node-c\n');
  });

  it('refuses a state that is none', async () => {
    await expect(nodes('--state', 'sick')).rejects.toThrow('Allowed choices are healthy, unhealthy, unknown.');
  });

  it('with --watch prints the nodes that change', async () => {
    let prints = 0;
    const { out } = await runCommand(['nodes', '--watch'], {
      server: url,
      closesAt: /node-a +unknown/,
      onPrint: () => {
        prints += 1;
        if (prints > 1) return;
        const [same, b, ...rest] = record.says.nodes;
        expect([b?.name, rest.length]).toEqual(['node-b', 1]);
        if (same === undefined) return;
        record.tell({ kind: 'node', node: { ...same, lastReadingAt: minutesOld(1) } });
        record.tell({ kind: 'node', node: { ...same, state: 'unknown', agent: 'silent' } });
      },
    });
    expect(out.split('\n').slice(4)).toEqual([expect.stringMatching(/^node-a +unknown +iptables +silent /), '']);
  });
});

describe('plumbline nodes NAME', () => {
  it('shows one node with its findings', async () => {
    record.says.nodes = record.says.nodes.map((node) => ({ ...node, lastHeardAt: minutesOld(120) }));
    const { exitCode, out } = await nodes('node-b');
    expect(exitCode).toBe(0);
    expect(out.replace(/, \w+ ago\n/, ', ... ago\n')).toBe(`node-b   unhealthy

Mode           iptables
Agent          reporting, heard 120m ago, version 0.2.0
Last reading   60m ago, every 30 s
kube-proxy     v1.36.2
Frontends      10: 8 in sync, 2 drifted, 0 unknown
Findings       2 firing, 1 pending
Shows          the state of 2026-11-22T11:20:00Z, ... ago

FINGERPRINT        SEVERITY   STATE    CHECK            NODE     SUBJECT    SINCE
00000000000000aa   critical   firing   stale-endpoint   node-b   shop/web   60m
`);
  });

  it('shows the ways of its agent to the aggregator, and what they say of the node', async () => {
    const way = { inUse: false, lastWorkedAt: null, lastFailedAt: null, failingSince: null, reason: null };
    const ways: NodeRecord['ways'] = [
      {
        ...way,
        address: 'plumbline-aggregator.plumbline.svc:8443',
        kind: 'service',
        failingSince: '2026-11-22T02:14:08.000Z',
        reason: 'refused',
      },
      { ...way, address: '10.244.1.7:8443', kind: 'pod', inUse: true },
      { ...way, address: '10.244.1.8:8443', kind: 'pod', lastWorkedAt: minutesOld(60) },
      { ...way, address: '10.244.1.9:8443', kind: 'pod' },
    ];
    record.says.nodes = [nodeRecord('node-a', { ways, waysSentence: 'The Service address fails.' })];
    expect((await nodes('node-a')).out).toContain(`
WAYS TO THE AGGREGATOR
service   plumbline-aggregator.plumbline.svc:8443   fails since 2026-11-22T02:14:08Z (refused)
pod       10.244.1.7:8443                           in use
pod       10.244.1.8:8443                           worked 60m ago
pod       10.244.1.9:8443                           not tried yet
The Service address fails.
`);
  });

  it('says which layers are not known or not looked at, and why', async () => {
    const layers: NodeRecord['layers'] = [
      { layer: 'L1', state: 'not-looked-at', because: ['not reported: cni'] },
      { layer: 'L2', state: 'unknown', because: ['links: not permitted', 'routes: not permitted'] },
      { layer: 'L3', state: 'known', because: [] },
    ];
    record.says.nodes = [nodeRecord('node-a', { layers })];
    expect((await nodes('node-a')).out).toContain(`
LAYERS
L1   not looked at   not reported: cni
L2   not known       links: not permitted; routes: not permitted
`);
  });

  it('says why it is unknown', async () => {
    const { out } = await nodes('node-c');
    expect(out).toContain('\nAgent          never, heard never, version 0.2.0\n');
    expect(out).toMatch(/\nWHY UNKNOWN\n {2}no agent has reported\n {2}mode not known\n$/);
  });

  it('prints a document', async () => {
    expect(JSON.parse((await nodes('node-a', '-o', 'json')).out).kind).toBe('Node');
  });

  it('that nobody knows is refused', async () => {
    const { exitCode, out, err } = await nodes('node-z');
    expect([exitCode, out, err.split('\n')[0]]).toEqual([
      2,
      '',
      `plumbline: cannot ask ${url}/api/v1/nodes/node-z: HTTP 404 Not Found: Neither the API server nor an agent knows a node "node-z". GET /api/v1/nodes lists them.`,
    ]);
  });
});
