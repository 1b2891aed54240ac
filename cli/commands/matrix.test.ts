import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { wholeMatrix } from '../../aggregator/audit/matrix/matrix.ts';
import { writtenLists } from '../../aggregator/cluster/written-lists.ts';
import { HttpServer } from '../../aggregator/http/server.ts';
import type { MatrixQuestion } from '../../aggregator/model/matrix.ts';
import type { NodeMoment } from '../../aggregator/model/moment.ts';
import { auditRecord } from '../../test/audit-record.ts';
import { address } from '../../test/builders.ts';
import { runCommand } from '../../test/command-run.ts';
import { httpOptions } from '../../test/http-options.ts';
import { probe, probes, unanswered } from '../../test/network-builders.ts';
import { moment, policy, world } from '../../test/policy-world.ts';
import { recordedMoment, unpackedSnapshot } from '../../test/recorded-moment.ts';
import { reported } from '../../test/view-builders.ts';

const policies = [
  policy('shop/db', {
    podSelector: { matchLabels: { app: 'db' } },
    ingress: [{ from: [{ podSelector: { matchLabels: { app: 'web' } } }], ports: [{ port: 5432 }] }],
  }),
];
const objects = world(policies);
const questions: MatrixQuestion[] = [];
const record = {
  ...auditRecord(),
  matrix: async (question: MatrixQuestion) => {
    questions.push(question);
    return wholeMatrix(objects, question);
  },
};
const server = new HttpServer(httpOptions({ record }));
const folder = mkdtempSync(join(tmpdir(), 'plumbline-matrix-'));
let url = '';

beforeAll(async () => {
  url = await server.start({ host: '127.0.0.1', port: 0 });
  for (const [name, of] of Object.entries({ closed: moment(policies), open: moment([]) })) {
    mkdirSync(join(folder, name, 'api'), { recursive: true });
    for (const { file, pieces } of writtenLists(of)) {
      writeFileSync(join(folder, name, 'api', file), [...pieces()].join(''));
    }
  }
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

const ask = (...args: readonly string[]) => runCommand(['matrix', ...args], { server: url });
const inBundle = (name: string, ...args: readonly string[]) =>
  runCommand(['matrix', '--bundle', join(folder, name), ...args]);
const toDb = ['--from', 'pod/shop/bare', '--to', 'svc/shop/db'] as const;
/** What a policy keeps from a Service. */
const kept = {
  from: 'pod/shop/bare',
  to: 'svc/shop/db',
  protocol: 'tcp',
  ports: [5432],
  allowed: false,
  decidedBy: ['shop/db ingress'],
  observed: null,
};

describe('plumbline matrix', () => {
  it.each([
    ['of the aggregator', ask],
    ['of a bundle', (...args: readonly string[]) => inBundle('closed', ...args)],
  ])('%s is one record for each pair', async (_, asked) => {
    const { exitCode, out, err } = await asked(...toDb, '-o', 'json');
    expect({ exitCode, err, document: JSON.parse(out) as unknown }).toEqual({
      exitCode: 0,
      err: '',
      document: {
        apiVersion: 'plumbline.dev/v1',
        kind: 'MatrixPairList',
        items: [kept],
        total: 1,
        notJudged: [],
        unknownBecause: [],
      },
    });
  });

  it('is a table for people, with what is denied alone', async () => {
    expect(await ask('--to', 'svc/shop/db')).toMatchObject({
      exitCode: 0,
      out: expect.stringMatching(/^\d+ pairs: \d+ not allowed\.\n\nFROM +TO +PORTS +ALLOWED +OBSERVED +DECIDED BY\n/),
    });
    expect(questions.at(-1)).toEqual({ namespace: null, from: null, to: 'svc/shop/db', show: 'denied' });
    expect(await inBundle('open', '--to', 'svc/shop/db')).toEqual({ exitCode: 0, out: 'No pair to show.\n', err: '' });
  });

  it('asks for what was given', async () => {
    await ask('-n', 'shop', '--from', 'deployment/shop/web', '--to', 'svc/shop/db:pg', '--show', 'differing');
    expect(questions.at(-1)).toEqual({
      namespace: 'shop',
      from: 'deployment/shop/web',
      to: 'svc/shop/db',
      show: 'differing',
    });
  });

  it.each([
    [['--from', 'shop/web'], /^plumbline: cannot tell who reaches whom: --from /],
    [['--bundle', '/nowhere'], /^plumbline: cannot read \/nowhere: /],
    [['--bundle', '/nowhere', '--server', 'http://127.0.0.1:1'], /--bundle and an aggregator exclude each other/],
  ])('%j is refused in words', async (args, words) => {
    const { exitCode, out, err } = await ask(...args);
    expect([exitCode, out]).toEqual([2, '']);
    expect(err).toMatch(words);
  });

  it('of a bundle without pods says what to add', async () => {
    rmSync(join(folder, 'open/api/pods.json'));
    const { exitCode, err } = await inBundle('open');
    expect(exitCode).toBe(2);
    expect(err).toContain('api/pods.json');
  });
});

describe('plumbline matrix of a snapshot', () => {
  /** Of s1-healthy: shop/cart, which no policy selects, and two nodes. */
  const probed = (node: NodeMoment, answered: boolean): NodeMoment => {
    const result = probe({ by: 'service', node: '', address: address('10.96.31.181'), port: 6379 });
    const results = [answered ? result : { ...result, ...unanswered }];
    const { report } = node;
    if (report === null) throw new Error('every node of the recording has told');
    return { ...node, report: { ...report, parts: { ...report.parts, probes: reported(probes({ results })) } } };
  };

  it('has what probes of its nodes saw, and what explains it', async () => {
    const recorded = await recordedMoment('s1-healthy');
    const nodes = recorded.nodes.map((node, at) => (at > 1 ? node : probed(node, at === 0)));
    const { folder: bundle, remove } = await unpackedSnapshot({ ...recorded, nodes });
    const { out } = await runCommand(['matrix', '--bundle', bundle, '--to', 'svc/shop/cart', '-o', 'json']);
    remove();
    const { items } = JSON.parse(out) as {
      readonly items: readonly { readonly from: string; readonly observed: object | null }[];
    };
    expect(items.flatMap(({ from, observed }) => (observed === null ? [] : [{ from, observed }]))).toEqual([
      {
        from: 'node/node-b',
        observed: {
          ...{ result: 'not-reached', probes: 3, answered: 0, nodes: ['node-b'], differs: true },
          explainedBy: expect.objectContaining({ layer: 'L5', finding: null }) as unknown,
        },
      },
      {
        from: 'node/node-a',
        observed: {
          ...{ result: 'reached', probes: 3, answered: 3, nodes: ['node-a'], differs: false },
          explainedBy: null,
        },
      },
    ]);
  });
});
