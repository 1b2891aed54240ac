import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { answerQuestion } from '../../aggregator/audit/policy/answer-question.ts';
import { writtenLists } from '../../aggregator/cluster/written-lists.ts';
import { HttpServer } from '../../aggregator/http/server.ts';
import { auditRecord } from '../../test/audit-record.ts';
import { runCommand } from '../../test/command-run.ts';
import { httpOptions } from '../../test/http-options.ts';
import { moment, policy, world } from '../../test/policy-world.ts';

const policies = [
  policy('shop/deny', { podSelector: {} }),
  policy('shop/web', {
    podSelector: { matchLabels: { app: 'web' } },
    ingress: [{ from: [{ namespaceSelector: {} }], ports: [{ port: 80 }] }],
  }),
];
const objects = world(policies, { foreignPolicies: [{ kind: 'CiliumNetworkPolicy', namespace: 'shop', name: 'l7' }] });
const record = {
  ...auditRecord(),
  policy: (question: Parameters<typeof answerQuestion>[1]) => answerQuestion(objects, question),
};
const server = new HttpServer(httpOptions({ record }));
const folder = mkdtempSync(join(tmpdir(), 'plumbline-policy-'));
let url = '';

beforeAll(async () => {
  url = await server.start({ host: '127.0.0.1', port: 0 });
  mkdirSync(join(folder, 'api'));
  for (const { file, pieces } of writtenLists(moment(policies))) {
    writeFileSync(join(folder, 'api', file), [...pieces()].join(''));
  }
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

const ask = (...args: readonly string[]) => runCommand(['policy', ...args], { server: url });

describe('plumbline policy', () => {
  it('tells what each side says, and what would allow it', async () => {
    expect(await ask('pod/test/web', 'svc/shop/web:metrics')).toEqual({
      exitCode: 0,
      out: `NetworkPolicies keep pod/test/web from svc/shop/web:metrics, port 9090/TCP.

pod/test/web to pod/shop/web, port 9090: denied
  out of the source: open. No NetworkPolicy of test selects the pod for egress.
  into the destination: denied. shop/deny and shop/web select the pod for ingress, and none of their
  ingress rules lets this through. shop/web ingress rule 0 lets this peer through, to 80/TCP and not
  to 9090/TCP.
    nearly: shop/web ingress rule 0   lacks the port
  This would allow it:
    apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata:
      name: "allow-9090-tcp-from-test-d3624"
      namespace: "shop"
    spec:
      podSelector:
        matchLabels:
          app: "web"
          tier: "front"
      policyTypes: [Ingress]
      ingress:
        - from:
            - namespaceSelector:
                matchLabels:
                  kubernetes.io/metadata.name: "test"
              podSelector:
                matchLabels:
                  app: "web"
                  tier: "front"
          ports:
            - protocol: TCP
              port: 9090

Not judged, and perhaps in force:
  CiliumNetworkPolicy shop/l7
`,
      err: '',
    });
  });

  it('tells the same of a bundle', async () => {
    const [live, recorded] = await Promise.all([
      ask('pod/test/web', 'svc/shop/db', '-o', 'json'),
      ask('pod/test/web', 'svc/shop/db', '-o', 'json', '--bundle', folder),
    ]);
    expect({ ...JSON.parse(live.out), notJudged: [] }).toEqual(JSON.parse(recorded.out));
    expect([live.exitCode, JSON.parse(live.out).allowed, JSON.parse(live.out).kind]).toEqual([
      0,
      false,
      'PolicyReport',
    ]);
  });

  it('prints documents', async () => {
    const [json, yaml] = await Promise.all(
      ['json', 'yaml'].map(async (form) => (await ask('node/node-a', 'pod/shop/web', '--port', '80', '-o', form)).out),
    );
    expect(parse(yaml ?? '')).toEqual(JSON.parse(json ?? ''));
  });

  it.each([
    [['pod/shop/nope', 'svc/shop/db'], /HTTP 400 Bad Request: The API server knows no Pod shop\/nope\./],
    [
      ['pod/shop/nope', 'svc/shop/db', '--bundle', folder],
      /cannot tell whether .*: The API server knows no Pod shop\/nope\.\nSee/,
    ],
    [['pod/shop/web', 'pod/shop/db', '--port', '0'], /--port 0 is no port/],
    [['pod/shop/web', 'pod/shop/db', '--port', 'http'], /--port http is no port/],
    [
      ['pod/shop/web', 'svc/shop/db', '--bundle', join(folder, 'none')],
      /none: no such file or folder|none: no such file/,
    ],
    [['pod/shop/web', 'svc/shop/db', '--bundle', folder, '--server', 'http://127.0.0.1:1'], /exclude each other/],
  ] as const)('%j is refused', async (args, said) => {
    const { exitCode, out, err } = await ask(...args);
    expect([exitCode, out]).toEqual([2, '']);
    expect(err).toMatch(said);
  });
});
