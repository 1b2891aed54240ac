import { describe, expect, it } from 'vitest';
import { answersOf, flow, type PolicySpec, policy, world } from '../../../test/policy-world.ts';

const all = { podSelector: {} };
const egress = { ...all, policyTypes: ['Egress'] };
const web = { matchLabels: { app: 'web' } };

function told(specs: readonly PolicySpec[], text: string) {
  const objects = world(specs.map((spec, index) => policy(`shop/p${index}`, spec)));
  return answersOf(objects).flow(flow(text, objects));
}

const ingressOf = (specs: readonly PolicySpec[], text = 'shop/web > shop/db 5432') => told(specs, text).ingress.because;
const egressOf = (specs: readonly PolicySpec[], text = 'shop/web > shop/db 5432') => told(specs, text).egress.because;

describe('why it is let through', () => {
  it.each([
    [ingressOf([]), 'No NetworkPolicy of shop selects the pod for ingress.'],
    [ingressOf([{ ...all, ingress: [{}] }]), 'shop/p0 ingress rule 0 lets it through: from everyone, every port.'],
    [
      ingressOf([{ ...all, ingress: [{ from: [{ podSelector: web }], ports: [{ port: 5432 }] }] }]),
      'shop/p0 ingress rule 0 lets it through: from pods with app=web of shop, 5432/TCP.',
    ],
    [
      ingressOf([{ ...all, ingress: [{ from: [{ namespaceSelector: {} }], ports: [{ port: 5000, endPort: 6000 }] }] }]),
      'shop/p0 ingress rule 0 lets it through: from all pods in every namespace, 5000-6000/TCP.',
    ],
    [
      egressOf([
        { ...egress, egress: [{ to: [{ namespaceSelector: { matchLabels: { env: 'prod' } } }], ports: [{}] }] },
      ]),
      'shop/p0 egress rule 0 lets it through: to all pods in namespaces with env=prod, every port/TCP.',
    ],
    [
      egressOf([{ ...egress, egress: [{ to: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.96.0.0/12'] } }] }] }]),
      'shop/p0 egress rule 0 lets it through: to addresses in 10.0.0.0/8 except 10.96.0.0/12, every port.',
    ],
    [ingressOf([all], 'shop/db > shop/db 1'), 'A pod always reaches itself: no policy can forbid it.'],
    [
      ingressOf([all], 'node-b > shop/db 1'),
      "Traffic between a pod and its own node is always let through, whatever the node's address.",
    ],
  ])('%s', (said, expected) => expect(said).toBe(expected));
});

describe('why it is not', () => {
  it.each([
    [ingressOf([all]), 'shop/p0 selects the pod for ingress, and it has no ingress rule, so nothing is let through.'],
    [
      ingressOf([
        all,
        all,
        all,
        all,
        { ...all, ingress: [{ ports: [{ port: 1 }], from: [{ podSelector: { matchLabels: { app: 'x' } } }] }] },
      ]),
      'shop/p0, shop/p1, shop/p2 and 2 more select the pod for ingress, and none of their ingress rules lets this through.',
    ],
    [
      ingressOf([{ ...all, ingress: [{ ports: [{ port: 80 }, { port: 'http' }] }] }]),
      'shop/p0 selects the pod for ingress, and none of its ingress rules lets this through. shop/p0 ingress rule 0 lets this peer through, to 80/TCP and http/TCP and not to 5432/TCP.',
    ],
    [
      egressOf(
        [{ ...egress, egress: [{ ports: [{ port: 53, protocol: 'UDP' }] }] }],
        'shop/web > kube-system/dns 5353/udp via 10.96.0.10:53',
      ),
      "shop/p0 selects the pod for egress, and none of its egress rules lets this through. shop/p0 egress rule 0 lets this peer through, to 53/UDP and not to 5353/UDP, which the Service's port 53 is translated into before policies see it.",
    ],
  ])('%s', (said, expected) => expect(said).toBe(expected));
});

describe('why it is not known', () => {
  const proxies = { podSelector: { matchLabels: { 'k8s-app': 'proxy' } }, namespaceSelector: {} };

  it.each([
    [
      ingressOf([{ ...all, ingress: [{ from: [proxies] }] }], 'kube-system/proxy-a > shop/db 1'),
      "shop/p0 ingress rule 0 may let it through: it selects the peer, which is in its node's network; most plugins do not know such a pod by its labels, and the API leaves it to them.",
    ],
    [
      ingressOf([all], '203.0.113.9 > shop/db 1 rewritten'),
      "The source's address may be rewritten to a node's on the way through a node port or load balancer, and the API leaves it to the plugin which of the two its policies see.",
    ],
    [
      egressOf(
        [{ ...egress, egress: [{ to: [{ ipBlock: { cidr: '10.96.0.0/12' } }] }] }],
        'shop/web > shop/db 5432 via 10.96.0.5:5432',
      ),
      "shop/p0 egress rule 0 may let it through: it names the Service's own address and not the one that it is translated into; the API leaves it to the plugin which of the two its policies see, and most see the second.",
    ],
  ])('%s', (said, expected) => expect(said).toBe(expected));
});

describe('rules that nearly let it through', () => {
  it('lack the port before they lack the peer, at most five', () => {
    const rule = (index: number) =>
      index === 6
        ? { ports: [{ port: 80 }] }
        : { ports: [{ port: 5432 }], from: [{ podSelector: { matchLabels: { app: `a${index}` } } }] };
    const { nearly } = told([{ ...all, ingress: [0, 1, 2, 3, 4, 5, 6].map(rule) }], 'shop/web > shop/db 5432').ingress;
    expect(nearly.map(({ rule: one, lacks }) => [one.rule, one.peer, one.port, lacks])).toEqual([
      [6, null, null, 'port'],
      [0, null, 0, 'peer'],
      [1, null, 0, 'peer'],
      [2, null, 0, 'peer'],
      [3, null, 0, 'peer'],
    ]);
  });

  it('are none where both lack', () => {
    const far = { ports: [{ port: 80 }], from: [{ podSelector: { matchLabels: { app: 'x' } } }] };
    expect(told([{ ...all, ingress: [far] }], 'shop/web > shop/db 5432').ingress.nearly).toEqual([]);
  });
});
