import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { HttpServer } from '../../aggregator/http/server.ts';
import type { Diagnosis, DiagnosisStep } from '../../aggregator/model/diagnosis.ts';
import { auditRecord } from '../../test/audit-record.ts';
import { runCommand } from '../../test/command-run.ts';
import { httpOptions } from '../../test/http-options.ts';
import { recordingFolder } from '../../test/recordings.ts';

const record = auditRecord();
const server = new HttpServer(httpOptions({ record }));
let url = '';

const broken: DiagnosisStep = {
  layer: 'L2',
  direction: 'back',
  verdict: 'fail',
  what: 'the way from node-b to node-a',
  sentence: 'node-b has no route to 10.244.1.2, which is on node-a.',
  node: 'node-b',
  evidence: [{ kind: 'fact', name: 'route of node-b to 10.244.1.2', value: 'none' }],
  ageSeconds: 12,
  remediation: [{ command: 'ip route get 10.244.1.2', effect: 'Run on node-b.' }],
  finding: { fingerprint: '0123456789abcdef', check: 'peer-route-missing' },
};

const diagnosis: Diagnosis = {
  from: {
    text: 'pod/shop/web-0',
    kind: 'pod',
    namespace: 'shop',
    name: 'web-0',
    addresses: ['10.244.1.2'],
    node: 'node-a',
  },
  to: {
    text: 'pod/shop/api-0',
    kind: 'pod',
    namespace: 'shop',
    name: 'api-0',
    addresses: ['10.244.2.3'],
    node: 'node-b',
  },
  protocol: 'tcp',
  port: 8080,
  verdict: 'broken',
  sentence: `L2 broke first on the way back: ${broken.sentence}`,
  firstBroken: { layer: 'L2', step: 0 },
  remediation: broken.remediation,
  layers: [
    { layer: 'L1', verdict: 'pass', sentence: 'shop/web-0 is wired on node-a.' },
    { layer: 'L2', verdict: 'fail', sentence: broken.sentence },
    { layer: 'L3', verdict: 'not-looked-at', sentence: 'No Service is asked.' },
    { layer: 'L4', verdict: 'not-looked-at', sentence: 'No name is asked.' },
    { layer: 'L5', verdict: 'unknown', sentence: 'What NetworkPolicies say is not known.' },
  ],
  steps: [broken],
  hops: [
    { direction: 'there', node: 'node-a', link: 'eth0', does: 'route 10.244.2.0/24 via 192.168.100.12', rule: null },
    {
      direction: 'there',
      node: null,
      link: null,
      does: 'policy, ingress of shop/api-0: allowed',
      rule: 'shop/all, ingress rule 0',
    },
    { direction: 'back', node: 'node-b', link: null, does: 'no way to 10.244.1.2', rule: null },
  ],
};

beforeAll(async () => {
  url = await server.start({ host: '127.0.0.1', port: 0 });
});
afterAll(() => server.stop());
beforeEach(() => {
  record.says.diagnosis = { ok: true, diagnosis };
});

const trace = (...args: readonly string[]) => runCommand(['trace', ...args], { server: url });
const pair = ['pod/shop/web-0', 'pod/shop/api-0', '--port', '8080'] as const;

describe('plumbline trace FROM TO', () => {
  it('shows the ladder, the broken rung opened, the path and the remedy', async () => {
    expect(await trace(...pair)).toEqual({
      exitCode: 1,
      out: [
        'pod/shop/web-0 to pod/shop/api-0 (tcp 8080)',
        'L2 broke first on the way back: node-b has no route to 10.244.1.2, which is on node-a.',
        '',
        'L1  ✓ pass     pod network',
        '    shop/web-0 is wired on node-a.',
        'L2  ✗ FAIL     node to node',
        '    node-b has no route to 10.244.1.2, which is on node-a.',
        'L3  · -        Services',
        'L4  · -        DNS',
        'L5  ? unknown  policies',
        '    What NetworkPolicies say is not known.',
        '',
        'L2, step by step',
        '  ✗ FAIL  back: the way from node-b to node-a (by node-b, read 12 s ago)',
        '    node-b has no route to 10.244.1.2, which is on node-a.',
        '      route of node-b to 10.244.1.2: none',
        '      finding peer-route-missing 0123456789abcdef',
        '',
        'PATH',
        '  -> node-a eth0: route 10.244.2.0/24 via 192.168.100.12',
        '  -> policy, ingress of shop/api-0: allowed',
        '       shop/all, ingress rule 0',
        '  <- node-b: no way to 10.244.1.2',
        '',
        'WHAT TO DO',
        '  ip route get 10.244.1.2',
        '    Run on node-b.',
        '',
      ].join('\n'),
      err: '',
    });
  });

  it('is a document for programs, whose exit code is the verdict', async () => {
    const { out, exitCode } = await trace(...pair, '-o', 'json');
    expect([exitCode, JSON.parse(out)]).toEqual([
      1,
      { apiVersion: 'plumbline.dev/v1', kind: 'Diagnosis', ...diagnosis },
    ]);
    const codes: unknown[] = [];
    for (const verdict of ['works', 'unknown'] as const) {
      record.says.diagnosis = { ok: true, diagnosis: { ...diagnosis, verdict, firstBroken: null } };
      codes.push((await trace(...pair, '-o', 'yaml')).exitCode);
    }
    expect(codes).toEqual([0, 2]);
  });

  it('shows what nodes say as text', async () => {
    const hostile = { ...broken, sentence: 'a\u001b[2Jb\nL5 ✓ pass' };
    record.says.diagnosis = { ok: true, diagnosis: { ...diagnosis, sentence: hostile.sentence, steps: [hostile] } };
    const { out } = await trace(...pair);
    expect(out).toContain('a\\u{1b}[2Jb\\u{a}L5 ✓ pass');
    expect(out).not.toContain('\u001b');
  });

  it('passes on why it cannot be asked', async () => {
    record.says.diagnosis = { ok: false, parameter: 'to', problem: 'The API knows no Service shop/x.' };
    const { exitCode, out, err } = await trace('pod/shop/web-0', 'svc/shop/x');
    expect([exitCode, out, err.includes('The API knows no Service shop/x.')]).toEqual([2, '', true]);
  });

  it('answers from a bundle without an aggregator', async () => {
    const bundle = recordingFolder('s1-healthy');
    const { exitCode, out } = await runCommand(['trace', 'pod/shop/api-0', 'svc/shop/typo', '--bundle', bundle]);
    expect([exitCode, out.split('\n')[1]]).toEqual([
      1,
      'L3 broke first: shop/typo selects app=wbe, which no pod in shop has; 3 pods have app=web.',
    ]);
  });

  it.each([
    [[], 'it takes two ends'],
    [['pod/shop/web-0'], 'it takes two ends'],
    [['pod/shop/web-0', 'node/node-a', '--rules', 'x'], 'a pair and the rules of a dump exclude each other'],
    [['--rules', 'x', '--port', '80'], 'a pair and the rules of a dump exclude each other'],
    [['--rules', 'x'], '--from and --to is missing'],
    [['pod/a/b', 'pod/a/c', '--port', '0'], '--port 0 is no port'],
    [['pod/a/b', 'pod/a/c', '--bundle', 'x', '--server', 'y'], '--bundle and an aggregator exclude each other'],
  ])('refuses %j: %s', async (args, cameBack) => {
    const { exitCode, out, err } = await trace(...args);
    expect([exitCode, out, err.split('\n')[0]?.endsWith(cameBack)]).toEqual([2, '', true]);
  });
});
