import { describe, expect, it } from 'vitest';
import { pod, service, slice } from '../../../test/builders.ts';
import { policy, world } from '../../../test/policy-world.ts';
import type { ClusterObjects } from '../../model/cluster.ts';
import type { MatrixPair, MatrixQuestion } from '../../model/matrix.ts';
import { wholeMatrix } from './matrix.ts';

const everything: MatrixQuestion = { namespace: null, from: null, to: null, show: 'all' };

/** `pod/shop/web > svc/shop/db tcp 5432: yes, no policy`, of the pairs asked for. */
function told(objects: ClusterObjects, question: Partial<MatrixQuestion> = {}): readonly string[] {
  return wholeMatrix(objects, { ...everything, ...question }).pairs.map(pairText);
}

function pairText({ from, to, protocol, ports, allowed, decidedBy }: MatrixPair): string {
  const answer = allowed === null ? 'unknown' : allowed ? 'yes' : 'no';
  return `${from} > ${to} ${protocol} ${ports.join()}: ${answer}, ${decidedBy.join(' + ')}`;
}

const shut = policy('shop/shut', { podSelector: {}, policyTypes: ['Ingress'] });
const database = policy('shop/db', {
  podSelector: { matchLabels: { app: 'db' } },
  ingress: [{ from: [{ podSelector: { matchLabels: { app: 'web' } } }], ports: [{ port: 5432 }] }],
});

describe('the matrix', () => {
  it('says who decides, for workloads and Services', () => {
    expect(told(world([shut, database]), { to: 'svc/shop/db' })).toEqual([
      'pod/kube-system/dns > svc/shop/db tcp 5432: no, shop/db ingress + shop/shut ingress',
      'pod/kube-system/proxy-a > svc/shop/db tcp 5432: no, shop/db ingress + shop/shut ingress',
      'pod/shop/bare > svc/shop/db tcp 5432: no, shop/db ingress + shop/shut ingress',
      'pod/test/cron > svc/shop/db tcp 5432: no, shop/db ingress + shop/shut ingress',
      'pod/test/web > svc/shop/db tcp 5432: no, shop/db ingress + shop/shut ingress',
      "pod/kube-system/proxy-b > svc/shop/db tcp 5432: yes, Traffic between a pod and its own node is always let through, whatever the node's address.",
      'pod/shop/db > svc/shop/db tcp 5432: yes, A pod always reaches itself: no policy can forbid it.',
      'pod/shop/starting > svc/shop/db tcp 5432: yes, shop/db ingress rule 0',
      'pod/shop/web > svc/shop/db tcp 5432: yes, shop/db ingress rule 0',
      'pod/shop/web-2 > svc/shop/db tcp 5432: yes, shop/db ingress rule 0',
    ]);
  });

  it('says that nobody answers for a Service without endpoints', () => {
    expect(told(world([]), { from: 'pod/shop/web', to: 'svc/shop/empty' })).toEqual([
      'pod/shop/web > svc/shop/empty tcp 80: no, no endpoints',
    ]);
  });

  it('leaves out endpoints that end beside ready ones', () => {
    const ending = slice('shop/db').port(5432, 'pg').ready('10.244.2.3').terminating('10.244.1.2').built;
    const [plain] = [slice('shop/db').port(5432, 'pg').ready('10.244.2.3').built];
    const from = { from: 'pod/test/web', to: 'svc/shop/db' };
    const shown = [ending, plain].map((one) => told(world([shut, database], { endpointSlices: [one] }), from));
    expect(shown[0]).toEqual(shown[1]);
  });

  it('says where a Service keeps to endpoints of the same node, and there is none', () => {
    const services = [service('shop/db').clusterIP('10.96.0.5').port(5432, 'pg').internalLocal().built];
    const endpointSlices = [slice('shop/db').port(5432, 'pg').ready('10.244.2.3', { node: 'node-b' }).built];
    const owner = { kind: 'ReplicaSet', name: 'api' };
    const on = (node: string, last: number) => ({ ...pod(`shop/api-${last}`, node, `10.244.9.${last}`), owner });
    const target = { ...pod('shop/db', 'node-b', '10.244.2.3'), labels: { app: 'db' } };
    const answers = (...nodes: readonly string[]) =>
      told(world([], { services, endpointSlices, pods: [...nodes.map(on), target] }), {
        from: 'replicaset/shop/api',
        to: 'svc/shop/db',
      })[0];
    expect([answers('node-a'), answers('node-b'), answers('node-a', 'node-b')]).toEqual([
      'replicaset/shop/api > svc/shop/db tcp 5432: no, no endpoints on its node',
      'replicaset/shop/api > svc/shop/db tcp 5432: yes, no policy',
      'replicaset/shop/api > svc/shop/db tcp 5432: unknown, no endpoints on its node + no policy',
    ]);
  });

  it('asks about replicas as about two pods, and of one pod alone has no pair with itself', () => {
    const owner = { kind: 'StatefulSet', name: 'etcd' };
    const ports = [{ name: 'peer', protocol: 'tcp', port: 2380, hostPort: 0, hostAddress: null }] as const;
    const [first, second] = [pod('shop/etcd-0', 'node-a', '10.244.1.20'), pod('shop/etcd-1', 'node-a', '10.244.1.21')];
    const replicas = [first, second].map((one) => ({ ...one, owner, ports, labels: { app: 'etcd' } }));
    const itself = { from: 'statefulset/shop/etcd', to: 'statefulset/shop/etcd' };
    expect(told(world([shut], { pods: replicas }), itself)).toEqual([
      'statefulset/shop/etcd > statefulset/shop/etcd tcp 2380: no, shop/shut ingress',
    ]);
    expect(told(world([shut], { pods: replicas.slice(0, 1) }), itself)).toEqual([]);
  });

  it('is not known where pods of one workload differ', () => {
    const owner = { kind: 'ReplicaSet', name: 'mixed' };
    const mixed = ['web', 'other'].map((app, at) => ({
      ...pod(`shop/mixed-${at}`, 'node-a', `10.244.1.3${at}`),
      owner,
      labels: { app },
    }));
    const target = { ...pod('shop/db', 'node-b', '10.244.2.3'), labels: { app: 'db' } };
    expect(told(world([shut, database], { pods: [...mixed, target] }), { to: 'svc/shop/db', show: 'all' })).toContain(
      'replicaset/shop/mixed > svc/shop/db tcp 5432: unknown, shop/db ingress + shop/db ingress rule 0 + shop/shut ingress',
    );
  });

  it('shows only what is denied, or what lies in a namespace', () => {
    const objects = world([shut, database]);
    const denied = wholeMatrix(objects, { ...everything, show: 'denied' });
    expect(denied.pairs.length).toBeGreaterThan(10);
    expect(new Set(denied.pairs.map(({ allowed }) => allowed))).toEqual(new Set([false]));
    expect(wholeMatrix(objects, { ...everything, show: 'differing' })).toMatchObject({ pairs: [], total: 0 });
    const inTest = wholeMatrix(objects, { ...everything, namespace: 'test' }).pairs;
    expect(inTest.filter(({ from, to }) => ![from, to].some((end) => end.split('/')[1] === 'test'))).toEqual([]);
    expect(inTest.length).toBeGreaterThan(0);
  });

  it('tells pairs in the order by which pages are found: worst, ends, protocol, port', () => {
    const both = service('shop/both').clusterIP('10.96.0.9').port(53, 'dns', 'udp').port(80, 'http');
    const behind = slice('shop/both').port(53, 'dns', 'udp').port(8080, 'http').ready('10.244.2.3');
    const objects = world([database], { services: [both.built], endpointSlices: [behind.built] });
    expect(told(objects, { from: 'pod/shop/bare', to: 'svc/shop/both' })).toEqual([
      'pod/shop/bare > svc/shop/both tcp 80: no, shop/db ingress',
      'pod/shop/bare > svc/shop/both udp 53: no, shop/db ingress',
    ]);
    const separate = wholeMatrix(objects, everything).pairs.map(({ allowed, from, to, protocol, ports }) =>
      [allowed === false ? 1 : allowed === null ? 2 : 3, from, to, protocol, String(ports[0]).padStart(5, '0')].join(
        ' ',
      ),
    );
    expect(separate).toEqual(separate.toSorted());
  });

  it('says what it does not know, and which policies it does not judge', () => {
    expect(wholeMatrix(world([], { pods: null }), everything)).toMatchObject({
      pairs: [],
      unknownBecause: ['nothing is known of pods'],
    });
    const foreignPolicies = [{ kind: 'CiliumNetworkPolicy', namespace: 'shop', name: 'web' }] as const;
    expect(wholeMatrix(world([], { foreignPolicies }), everything).notJudged).toEqual(['CiliumNetworkPolicy shop/web']);
  });
});
