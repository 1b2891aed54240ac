/** Pairs that are asked about seldom, and of which a wrong word would be believed. */
import { describe, expect, it } from 'vitest';
import { address, prefix, slice } from '../../test/builders.ts';
import { api, ask, inSync, refusal, told, type World } from '../../test/diagnosis-world.ts';
import { numberedNode, routes } from '../../test/network-builders.ts';
import { finding } from '../../test/report-builders.ts';
import { dropped, everyone, forwardTo, forwardWith, reported, type Row } from '../../test/view-builders.ts';
import type { LocalDetector } from '../../proto/profile.ts';
import type { Layer } from '../model/finding.ts';
import type { NetworkPolicy } from '../model/policy.ts';

type Asked = Parameters<typeof ask>[1];
const l3 = (world: World, asked?: Asked) => told(ask(world, asked), 'L3')[0];
const headless = (changes: Parameters<typeof api.having>[0] = {}): World => ({
  snapshot: { services: [api.having({ clusterIPs: {}, selector: { app: 'api' }, ...changes }).built] },
  api: { labels: { app: 'api' } },
});

describe('a headless Service', () => {
  it('leads to the ports that its pods name, which need not be its own', () => {
    expect(told(ask(headless()), 'L5')[0]).toBe(
      'there pass: Policies let shop/web-0 reach shop/api-0 on tcp 8080: no policy isolates either end.',
    );
  });

  it('leads to a port that is not known, where neither names it', () => {
    const world = headless({ ports: [{ name: '', protocol: 'tcp', port: 80, nodePort: 0 }] });
    expect(told(ask(world), 'L5')[0]).toBe('there pass: No policy isolates either end: every port is let through.');
  });

  it.each<readonly [string, World, string]>([
    [
      'that no pod fits',
      headless({ selector: { app: 'apy' } }),
      'fail: shop/api selects app=apy, which no pod in shop has: its name is nothing.',
    ],
    [
      'of pods that are not ready',
      { ...headless(), api: { labels: { app: 'api' }, ready: false } },
      'unknown: No pod of shop/api is ready: its name is nothing, unless it publishes addresses that are not ready.',
    ],
    [
      'without a selector',
      headless({ selector: null }),
      'unknown: Whom clients of shop/api get is not known: it is headless, and clients get the addresses of its pods, but it selects none; whoever writes its endpoints decides.',
    ],
  ])('%s is no Service that works', (_, world, says) => {
    expect(l3(world)).toBe(`there ${says}`);
    expect(ask(world).verdict).not.toBe('works');
  });
});

describe('a Service that no node translates', () => {
  it('as it stands for a name outside is not said to work', () => {
    const services = [api.having({ clusterIPs: {}, type: 'ExternalName' }).built];
    const { verdict, sentence } = ask({ snapshot: { services } });
    expect([verdict, sentence]).toEqual([
      'unknown',
      'Nothing is seen to be broken from pod/shop/web-0 to svc/shop/api:http, and L4 could not be told: shop/api stands for a name outside of the cluster (ExternalName), and no name was asked: ask for api.shop to have its resolution looked at.',
    ]);
  });

  it('as another proxy does is not known, and not broken', () => {
    const services = [api.having({ otherProxy: true }).built];
    expect(l3({ snapshot: { services }, onA: { desired: [], observed: [] } })).toBe(
      'there unknown: kube-proxy leaves shop/api to another proxy (label service.kubernetes.io/service-proxy-name), of which nothing is read.',
    );
  });

  it('as its load balancer takes packets itself is not known, and not broken', () => {
    const loadBalancerIngress = [{ address: address('203.0.113.12'), ipMode: 'Proxy' as const }];
    const services = [api.having({ type: 'LoadBalancer', loadBalancerIngress }).built];
    expect(l3({ snapshot: { services } }, { to: '203.0.113.12:80' })).toBe(
      'there unknown: Nodes leave packets to 203.0.113.12 alone (ipMode Proxy): the load balancer of shop/api takes them, and what it does is not seen from here.',
    );
  });
});

describe('the address of a load balancer', () => {
  it('is closed to a source beyond its ranges, and that is what is said', () => {
    const balanced = api.loadBalancerIP('203.0.113.12').sourceRange('198.51.100.0/24').built;
    const row: Row = ['tcp 203.0.113.12:80', everyone(dropped)];
    const world = { snapshot: { services: [balanced] }, onA: { desired: [row], observed: [row] } };
    expect(l3(world, { to: '203.0.113.12:80' })).toBe(
      'there fail: node-a drops packets to shop/api:http (tcp 203.0.113.12:80) for this source, as the Service and its endpoints ask for: its source ranges are 198.51.100.0/24.',
    );
  });
});

describe('a node port', () => {
  const services = [
    api.having({ type: 'NodePort', ports: [{ name: 'http', protocol: 'tcp', port: 80, nodePort: 30080 }] }).built,
  ];
  const masqueraded = forwardWith(['10.244.2.3:8080'], { dress: { masquerade: 'always' } });
  const row: Row = ['tcp node4:30080', everyone(masqueraded)];
  const world: World = { snapshot: { services }, onA: { desired: [inSync, row], observed: [inSync, row] } };

  it.each(['node/node-a', '192.168.100.11'])('is one at %s, too', (to) => {
    const { to: found } = ask(world, { to, port: 30080 });
    expect(found.text).toBe('svc/shop/api:http');
  });

  it('is taken by the node whose address is asked, not by that of the pod', () => {
    const web = { nodeName: 'node-b', addresses: [address('10.244.2.9')] };
    const lines = ['10.244.1.0/24 via 192.168.100.11 dev eth0', '192.168.100.0/24 dev eth0'];
    const parts = { 'node-b': { routes: reported(routes(lines)) } };
    const diagnosis = ask({ ...world, web, parts }, { to: 'node/node-a', port: 30080 });
    expect([told(diagnosis, 'L2'), told(diagnosis, 'L3')[0]]).toEqual([
      [
        'there pass: node-b has a route to node-a and nothing seen is against it (route 192.168.100.0/24 dev eth0); no probe has tried it.',
        'there pass: node-a has a route to node-b and nothing seen is against it (route 10.244.2.0/24 via 192.168.100.12 dev eth0); no probe has tried it.',
        'back pass: node-a has a route to node-b and nothing seen is against it (route 10.244.2.0/24 via 192.168.100.12 dev eth0); no probe has tried it.',
        'back pass: node-b has a route to node-a and nothing seen is against it (route 192.168.100.0/24 dev eth0); no probe has tried it.',
      ],
      'there pass: node-a sends packets to shop/api:http (tcp node port 30080) to 10.244.2.3:8080, as it should.',
    ]);
  });

  it('may take a pod of another node for somebody outside', () => {
    const split: Row = ['tcp node4:30080', { ...everyone(dropped), pod: forwardTo('10.244.2.3:8080') }];
    const onA = { desired: [inSync, split], observed: [inSync, split] };
    const web = { nodeName: 'node-b', addresses: [address('10.244.2.9')] };
    expect(l3({ ...world, web, onA }, { to: 'node/node-a', port: 30080 })).toBe(
      "there unknown: By which address shop/web-0 comes to node-a is not known: with a pod's its packets to shop/api:http (tcp node port 30080) meet forward to 10.244.2.3:8080, with a node's drop.",
    );
  });

  it.each<readonly [string, Partial<Record<'ipv4' | 'ipv6', LocalDetector>>, string]>([
    ['its own pods alone by their range', { ipv4: { kind: 'prefix', prefix: prefix('10.244.1.0/24') } }, 'fail'],
    ['pods by their interface', { ipv4: { kind: 'interface', pattern: 'cni0' } }, 'fail'],
    ['all pods by their range', { ipv4: { kind: 'prefix', prefix: prefix('10.244.0.0/16') } }, 'unknown'],
  ])('takes a pod of another node for what it is where the node tells %s', (_, detectors, verdict) => {
    const split: Row = ['tcp node4:30080', { ...everyone(dropped), pod: forwardTo('10.244.2.3:8080') }];
    const unknown = { source: 'unknown', reason: 'not asked' } as const;
    const { ipv4 } = detectors;
    const told = ipv4 === undefined ? unknown : ({ value: ipv4, source: 'configz' } as const);
    const profile = { localDetector: { ipv4: told, ipv6: unknown } };
    const onA = { desired: [inSync, split], observed: [inSync, split], profile };
    const web = { nodeName: 'node-b', addresses: [address('10.244.2.9')] };
    expect(l3({ ...world, web, onA }, { to: 'node/node-a', port: 30080 })?.split(':')[0]).toBe(`there ${verdict}`);
  });

  it('without an endpoint on the node says so', () => {
    const local = services.map((one) => ({ ...one, externalTrafficPolicy: 'Local' as const }));
    const none: Row = ['tcp node4:30080', everyone(dropped)];
    const onA = { desired: [inSync, none], observed: [inSync, none] };
    const asked = { from: '192.0.2.9', to: 'node/node-a', port: 30080 };
    expect(l3({ snapshot: { services: local }, onA }, asked)).toBe(
      'there fail: node-a drops packets to shop/api:http (tcp node port 30080) for this source, as the Service and its endpoints ask for: its externalTrafficPolicy is Local, and it has no endpoint on node-a.',
    );
  });

  it('does not claim of policies what a rewritten source may change', () => {
    const deny: NetworkPolicy = {
      ...{ namespace: 'shop', name: 'deny', uid: 'uid-of-deny', createdAt: null, types: ['ingress'], egress: [] },
      podSelector: { matchLabels: {}, matchExpressions: [] },
      ingress: [{ peers: [{ kind: 'block', cidr: '192.0.2.0/24' as never, except: [] }], ports: [] }],
    };
    const namespaces = [{ name: 'shop', labels: {}, annotations: {} }];
    const asked = { from: '192.0.2.9', to: 'node/node-a', port: 30080 };
    const snapshot = { services, networkPolicies: [deny], namespaces };
    expect(told(ask({ ...world, snapshot }, asked), 'L5')[0]).toMatch(
      /^there unknown: Whether policies let 192\.0\.2\.9 in to shop\/api-0 is not known: .*rewritten/,
    );
  });
});

describe('source ranges', () => {
  it('that leave the source out are why it is not let in, though the node does as it should', () => {
    const only = everyone(
      forwardWith(['10.244.2.3:8080'], { route: { sources: ['203.0.113.0/24' as never], otherwise: 'drop' } }),
    );
    const row: Row = ['tcp 203.0.113.5:80', only];
    const loadBalancerIngress = [{ address: address('203.0.113.5'), ipMode: 'VIP' as const }];
    const services = [api.having({ type: 'LoadBalancer', loadBalancerIngress }).built];
    const world = { snapshot: { services }, onA: { desired: [inSync, row], observed: [inSync, row] } };
    expect(l3(world, { to: '203.0.113.5:80' })).toBe(
      'there fail: node-a does not let 10.244.1.2 in to shop/api:http (tcp 203.0.113.5:80) (drop), as the Service asks for: its source ranges are 203.0.113.0/24.',
    );
  });
});

describe('a pod and itself', () => {
  const self = { to: 'pod/shop/web-0', port: 8080 };
  const deny: NetworkPolicy = {
    ...{ namespace: 'shop', name: 'deny', uid: 'uid-of-deny', createdAt: null, types: ['ingress'], egress: [] },
    podSelector: { matchLabels: {}, matchExpressions: [] },
    ingress: [],
  };
  const namespaces = [{ name: 'shop', labels: {}, annotations: {} }];

  it('are never told apart by policies, which is not to say that none isolates it', () => {
    expect(told(ask({ snapshot: { networkPolicies: [deny], namespaces } }, self), 'L5')[0]).toBe(
      'there pass: Policies let shop/web-0 reach shop/web-0 on tcp 8080: a pod always reaches itself: no policy can forbid it.',
    );
  });

  it('do not meet through a Service where its bridge sends nothing back', () => {
    const evidence = [{ kind: 'fact', name: 'shop/api-0', value: 'port veth1 of cni0: hairpin off' }] as const;
    const findings = [
      finding('hairpin-off', { layer: 'L1', node: 'node-b', subject: { kind: 'Node', name: 'node-b' }, evidence }),
    ];
    const { firstBroken, sentence } = ask({ findings }, { from: 'pod/shop/api-0' });
    expect([firstBroken?.layer, sentence]).toEqual([
      'L1',
      'L1 broke first: shop/api-0 cannot reach itself through shop/api, which leads there by every connection: its port on the bridge of node-b sends nothing back.',
    ]);
    expect(ask({ findings }).verdict).toBe('works');
  });
});

describe('an address of the pod range', () => {
  const strays = (to: string, parts: World['parts'] = {}) => {
    const node = { ...numberedNode(1), podCIDRs: [prefix('10.244.1.0/24')] };
    return told(ask({ snapshot: { nodes: [node, numberedNode(2)] }, parts }, { to, port: 80 }), 'L1')[1];
  };
  const bridge = { link: 'cni0', address: address('10.244.1.1'), prefixLength: 24 };

  it("is nobody's any more where neither a pod nor a node has it", () => {
    expect(strays('10.244.1.99')).toBe(
      'there fail: No pod has 10.244.1.99 now: it is of the pod range of node-a, and whoever had it is gone.',
    );
  });

  it("may be the node's own", () => {
    const addresses = reported({ addresses: [bridge], links: ['cni0'] });
    expect(strays('10.244.1.1', { 'node-a': { addresses } })).toBe(
      "there pass: 10.244.1.1 is node-a's own, on cni0: no pod has it.",
    );
  });
});

describe('addresses that nobody has', () => {
  it('a source that is a Service has no packets', () => {
    expect(refusal({ from: '10.96.0.7', to: 'pod/shop/api-0' })).toEqual([
      'from',
      '10.96.0.7 is the address of Service shop/api, and no packet starts there. Ask from pod/NAMESPACE/NAME, node/NAME or an IP.',
    ]);
  });

  it.each(['127.0.0.1:80', 'localhost:80', '[::1]:80', '0.0.0.0:80', '224.0.0.1:80', '[ff02::1]:80'])(
    '%s cannot be asked about',
    (to) => {
      expect(refusal({ to })[0]).toBe('to');
    },
  );
});

describe('a pod that is asked at no port', () => {
  it('is not called cut off where policies let one of its ports through', () => {
    const port = (name: string, number: number) =>
      ({ name, protocol: 'tcp', port: number, hostPort: 0, hostAddress: null }) as const;
    const some: NetworkPolicy = {
      ...{ namespace: 'shop', name: 'some', uid: 'uid-of-some', createdAt: null, types: ['ingress'], egress: [] },
      podSelector: { matchLabels: {}, matchExpressions: [] },
      ingress: [{ peers: [], ports: [{ protocol: 'tcp', port: 8080, endPort: null }] }],
    };
    const namespaces = [{ name: 'shop', labels: {}, annotations: {} }];
    const world = {
      api: { ports: [port('http', 8080), port('metrics', 9100)] },
      snapshot: { networkPolicies: [some], namespaces },
    };
    expect(ask(world, { to: 'pod/shop/api-0' }).verdict).toBe('unknown');
    expect(told(ask(world, { to: 'pod/shop/api-0' }), 'L5')[0]).toBe(
      'there unknown: shop/some isolates shop/api-0 (ingress), and no rule lets shop/web-0 in on tcp 9100; shop/some, ingress rule 0, fits but for its ports (8080); other ports pass: ask with a port.',
    );
    expect(ask(world, { to: 'pod/shop/api-0', port: 9100 }).verdict).toBe('broken');
  });
});

describe('a Service of several ports that is asked at none', () => {
  const some: NetworkPolicy = {
    ...{ namespace: 'shop', name: 'some', uid: 'uid-of-some', createdAt: null, types: ['ingress'], egress: [] },
    podSelector: { matchLabels: {}, matchExpressions: [] },
    ingress: [{ peers: [], ports: [{ protocol: 'tcp', port: 8080, endPort: null }] }],
  };
  const snapshot = (ports: readonly number[]) => ({
    services: [api.port(90, 'metrics').built],
    endpointSlices: [
      slice('shop/api')
        .port(ports[0] ?? 0, 'http')
        .port(ports[1] ?? 0, 'metrics')
        .ready('10.244.2.3', { node: 'node-b' }).built,
    ],
    networkPolicies: [some],
    namespaces: [{ name: 'shop', labels: {}, annotations: {} }],
  });

  it('is not called cut off where policies let one of them through', () => {
    const [denied] = told(ask({ snapshot: snapshot([8080, 9100]) }), 'L5');
    expect(denied).toMatch(/^there unknown: .*on tcp 9100; .*; other ports pass: ask with a port\.$/);
  });

  it('is cut off where they let none through', () => {
    expect(told(ask({ snapshot: snapshot([9100, 9101]) }), 'L5')[0]).toMatch(/^there fail: /);
  });
});

describe('an end of both families', () => {
  const both = (...texts: string[]) => ({ addresses: texts.map(address) });
  const world: World = {
    web: both('10.244.1.2', 'fd00:10:244:1::2'),
    api: both('10.244.2.3', 'fd00:10:244:2::3'),
  };

  it.each([
    ['pod/shop/web-0', '10.244.2.3', 'pass'],
    ['pod/shop/web-0', 'fd00:10:244:2::3', 'fail: Packets from node-a to fd00:10:244:2::3 '],
    ['fd00:10:244:1::2', 'pod/shop/api-0', 'fail: Packets from node-a to fd00:10:244:2::3 '],
    ['pod/shop/web-0', 'pod/shop/api-0', 'pass'],
  ])('from %s to %s goes by the family of the address that was asked', (from, to, says) => {
    expect(told(ask(world, { from, to, port: 8080 }), 'L2')[0]).toContain(`there ${says}`);
  });
});

describe('ends that have no family in common', () => {
  it.each<readonly [string, string, Layer, string]>([
    ['pod/shop/web-0', 'fd00:9::1', 'L1', 'pod/shop/web-0 has IPv4 addresses alone and fd00:9::1 is an IPv6 address'],
    ['fd00:9::1', '10.244.2.3', 'L1', 'fd00:9::1 is an IPv6 address and 10.244.2.3 is an IPv4 address'],
    ['203.0.113.7', 'fd00:9::1', 'L2', '203.0.113.7 is an IPv4 address and fd00:9::1 is an IPv6 address'],
    ['fd00:9::1', 'node/node-a', 'L2', 'fd00:9::1 is an IPv6 address and node/node-a has IPv4 addresses alone'],
    ['fd00:9::1', 'svc/shop/api', 'L3', 'fd00:9::1 is an IPv6 address and svc/shop/api:http has IPv4 addresses alone'],
  ])('from %s to %s are told so, and nothing else is walked', (from, to, layer, says) => {
    const { sentence, hops, firstBroken } = ask({}, { from, to });
    expect([sentence, hops, firstBroken?.layer]).toEqual([
      `${layer} broke first: ${says}: no packet can go from one to the other.`,
      [],
      layer,
    ]);
  });
});

describe('a name that ends in a dot', () => {
  it('is completed by no search list, and that is what is said', () => {
    const namespaces = [{ name: 'shop', labels: {}, annotations: {} }];
    expect(told(ask({ snapshot: { namespaces } }, { to: 'api.shop.', port: 80 }), 'L4')[0]).toBe(
      'there fail: api.shop. does not resolve for shop/web-0: it ends in a dot, so no search list completes it; api.shop.svc.cluster.local. is the whole name of a Service.',
    );
  });
});
