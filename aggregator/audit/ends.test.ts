import { describe, expect, it } from 'vitest';
import { pods as all, world } from '../../test/policy-world.ts';
import { endText, parseEnd, podsOf, workloadRef } from './ends.ts';

const rows: readonly (readonly [string, string, string])[] = [
  ['pod/shop/web-0', 'pod shop web-0', 'pod/shop/web-0'],
  ['po/shop/web-0', 'pod shop web-0', 'pod/shop/web-0'],
  ['node/node-a.example.com', 'node node-a.example.com', 'node/node-a.example.com'],
  ['svc/shop/web', 'service shop web null', 'svc/shop/web'],
  ['service/shop/web:http', 'service shop web http', 'svc/shop/web:http'],
  ['svc/shop/web:080', 'service shop web 80', 'svc/shop/web:80'],
  ['deploy/shop/web', 'workload deployment/shop/web shop web', 'deployment/shop/web'],
  ['sts/db/pg', 'workload statefulset/db/pg db pg', 'statefulset/db/pg'],
  ['ds/kube-system/proxy', 'workload daemonset/kube-system/proxy kube-system proxy', 'daemonset/kube-system/proxy'],
  ['rollout/shop/web', 'workload rollout/shop/web shop web', 'rollout/shop/web'],
  ['10.244.1.7', 'address 10.244.1.7 null', '10.244.1.7'],
  ['10.96.0.10:53', 'address 10.96.0.10 53', '10.96.0.10:53'],
  ['::ffff:10.0.0.1', 'address 10.0.0.1 null', '10.0.0.1'],
  ['FD00:0::1', 'address fd00::1 null', 'fd00::1'],
  ['[fd00::1]', 'address fd00::1 null', 'fd00::1'],
  ['[fd00::1]:53', 'address fd00::1 53', '[fd00::1]:53'],
  ['orders', 'name orders null', 'orders'],
  ['Web.Shop:8080', 'name web.shop 8080', 'web.shop:8080'],
  ['example.com.', 'name example.com. null', 'example.com.'],
  ['_http._tcp.web.shop', 'name _http._tcp.web.shop null', '_http._tcp.web.shop'],
];

describe('an end', () => {
  it.each(rows)('%s is %s', (text, told, written) => {
    const end = parseEnd(text);
    if ('problem' in end) throw new Error(end.problem);
    expect([Object.values(end).map(String).join(' '), endText(end)]).toEqual([told, written]);
  });

  it.each(['pod/shop/web-0:8080', 'node/node-a:30080', 'deployment/shop/web:80'])(
    '%s is told where the port belongs',
    (text) => {
      expect(parseEnd(text)).toMatchObject({ problem: expect.stringContaining('--port, or port= in a URL') });
    },
  );

  it.each([
    '',
    'pod/shop',
    'pod/shop/web/0',
    'pod//web',
    'pod/shop/',
    'node/a/b',
    'node/',
    'svc/shop/web:',
    'svc/shop/web:0',
    'svc/shop/web:65536',
    'svc/shop/web:80:90',
    'svc/shop/web:not_a_name',
    'Pod/shop/web',
    '-x/shop/web',
    'pod/Shop/web',
    '10.244.1',
    '10.244.1.300',
    '10.244.1.7:0',
    'fd00::1::2',
    'web.shop:http',
    'web..shop',
    'we b',
    'pod/shop/web\n',
    `${'a'.repeat(254)}.example`,
    'x'.repeat(100_000),
  ])('%j is none', (text) => {
    const end = parseEnd(text);
    expect('problem' in end && end.problem.length < 500 && /Give pod\//.test(end.problem)).toBe(true);
  });
});

describe('the pods of an end', () => {
  const owned = all.map((pod) =>
    pod.labels['app'] === 'web' && pod.namespace === 'shop'
      ? { ...pod, owner: { kind: 'Deployment', name: 'web' } }
      : pod,
  );
  const objects = world([], { pods: owned });
  const names = (text: string) => {
    const end = parseEnd(text);
    if ('problem' in end) throw new Error(end.problem);
    return podsOf(objects, end).map(({ name }) => name);
  };

  it.each([
    ['pod/shop/db', ['db']],
    ['pod/shop/done', []],
    ['pod/shop/none', []],
    ['deployment/shop/web', ['web', 'web-2', 'starting']],
    ['pod/shop/bare', ['bare']],
    ['svc/shop/web', ['web', 'web-2']],
    ['10.244.2.3', ['db']],
    ['192.168.100.11', []],
    ['node/node-a', []],
    ['web.shop', []],
  ])('%s: %j', (text, expected) => expect(names(text)).toEqual(expected));

  it('have the workload that controls them', () => {
    const plain = { namespace: 'shop', name: 'debug' };
    expect([workloadRef(plain), workloadRef({ ...plain, owner: { kind: 'StatefulSet', name: 'pg' } })]).toEqual([
      'pod/shop/debug',
      'statefulset/shop/pg',
    ]);
  });
});
