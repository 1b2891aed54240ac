/**
 * What on-call is told of a pair that does not work: ten situations, each out of a recorded cluster with one change that
 * the test names, diagnosed to its layer with its sentence.
 */
import { describe, expect, it } from 'vitest';
import type { DnsReport, Part } from '../../proto/parts.ts';
import { address } from '../builders.ts';
import { dnsReport, lookup } from '../dns-node.ts';
import { listed } from '../network-builders.ts';
import { reported } from '../view-builders.ts';
import { diagnosed, inShort, layersOf, type Situation, withRemedies } from './diagnosed.ts';

type Json = Record<string, unknown>;
type Edit = (text: string) => string;

const json =
  (edit: (content: never) => unknown): Edit =>
  (text) =>
    JSON.stringify(edit(JSON.parse(text) as never));

const items = (edit: (list: Json[]) => Json[]): Edit =>
  json((list: { items: Json[] }) => ({ ...list, items: edit(list.items) }));

const without = (dst: string): Edit => json((routes: Json[]) => routes.filter((route) => route.dst !== dst));

/** What lookups tell where DNS works, by hand: of real resolvers test/kernel/dns-faults.test.ts gets it in this form. */
function dns(changes: Partial<DnsReport> = {}): Part<DnsReport> {
  const { kubelet } = dnsReport();
  const upstream = { nameservers: [address('192.0.2.53')], search: [], ndots: 1, options: [] };
  return reported(
    dnsReport({
      node: null,
      kubelet: kubelet === null ? null : { ...kubelet, upstream },
      names: {
        cluster: 'kubernetes.default.svc.cluster.local.',
        external: 'example.com.',
        absent: 'absent.cluster.local.',
      },
      lookups: [lookup(), lookup({ name: 'external' })],
      ...changes,
    }),
  );
}

/** Of shop/web-0 in s1. */
const uidOfWeb0 = 'd2991d05-9dd6-4136-9b11-7f3aebcb7fd2';

/** shop/web-0 of s1 on node-a, in its first minutes, with the Event that the kubelet writes when no address is left. */
const stuck = {
  'node-a/pods.json': json(({ 'shop/web-0': _, ...pods }: Json) => pods),
  'api/pods.json': items((pods) =>
    pods.map((pod) => {
      const { metadata, status } = pod as { metadata: Json; status: Json };
      if (metadata.namespace !== 'shop' || metadata.name !== 'web-0') return pod;
      const { podIP: _, podIPs: __, ...rest } = status;
      const containerStatuses = [{ name: 'main', state: { waiting: { reason: 'ContainerCreating' } }, ready: false }];
      const conditions = [{ type: 'PodReadyToStartContainers', status: 'False' }];
      return { ...pod, status: { ...rest, phase: 'Pending', conditions, containerStatuses } };
    }),
  ),
  'api/events.json': items((events) => [
    ...events,
    {
      metadata: { namespace: 'shop', name: 'web-0.1', creationTimestamp: '2026-11-22T07:30:00Z' },
      involvedObject: { kind: 'Pod', namespace: 'shop', name: 'web-0', uid: uidOfWeb0 },
      source: { component: 'kubelet', host: 'node-a' },
      type: 'Warning',
      reason: 'FailedCreatePodSandBox',
      message:
        'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "1c52": plugin type="bridge" failed (add): failed to allocate for range 0: no IP addresses available in range set: 10.244.1.1-10.244.1.254',
      count: 9,
      firstTimestamp: '2026-11-22T07:30:00Z',
      lastTimestamp: '2026-11-22T07:39:30Z',
    },
  ]),
};

/** A change of the one policy of s1 in namespace shop, allow-web. */
const allowWeb = (edit: (spec: Json) => Json): Edit =>
  items((policies) =>
    policies.map((policy) => {
      const { metadata, spec } = policy as { metadata: Json; spec: Json };
      return metadata.name === 'allow-web' ? { ...policy, spec: edit(spec) } : policy;
    }),
  );

describe('on-call asks about one pair', () => {
  it('1: a pod is stuck in ContainerCreating', async () => {
    const told = await diagnosed(
      { recording: 's1-healthy', files: stuck },
      { from: 'pod/shop/web-1', to: 'pod/shop/web-0', port: 8080 },
    );
    expect(inShort(told)).toEqual({
      verdict: 'broken',
      layer: 'L1',
      direction: 'there',
      by: 'pod-without-ip',
      sentence:
        'L1 broke first: shop/web-0 has waited for its network on node-a for 10 minutes: no address is left in 10.244.1.1-10.244.1.254; on the node, 24 addresses are reserved by host-local.',
      remedy: 'ls /var/lib/cni/networks/* | wc -l; crictl pods -q | wc -l',
    });
  });

  it('2: a pod has an address and reaches no pods on other nodes', async () => {
    const files = {
      'node-a/net/ip-route-all.json': json((routes: Json[]) =>
        routes.filter(({ dst }) => dst !== '10.244.2.0/24' && dst !== '10.244.3.0/24'),
      ),
    };
    const told = await diagnosed(
      { recording: 's1-healthy', files },
      { from: 'pod/shop/web-0', to: 'pod/shop/api-3', port: 9090 },
    );
    expect(inShort(told)).toEqual({
      verdict: 'broken',
      layer: 'L2',
      direction: 'there',
      by: 'peer-route-missing',
      sentence:
        'L2 broke first: Pods of node-a do not reach pods of node-c: packets for 10.244.3.0/24 take the default route via 192.168.100.1 dev eth0.',
      remedy: 'ip route replace 10.244.3.0/24 via 192.168.100.13',
    });
  });

  describe('3: the address of a pod works, and that of its Service does not: a rule is stale', () => {
    const situation = { recording: 's2-stale-stopped' };

    it('is L3 on the node of who asks', async () => {
      const told = await diagnosed(situation, { from: 'pod/shop/web-1', to: 'svc/shop/web', port: 80 });
      expect(inShort(told)).toEqual({
        verdict: 'broken',
        layer: 'L3',
        direction: 'there',
        by: 'stale-endpoint',
        sentence:
          "L3 broke first: node-b's kube-proxy still sends 1 of 3 connections to shop/web (tcp 10.96.27.42:80) to 10.244.3.2:8080, a pod that is gone.",
        // Its kube-proxy is stopped: the finding's cause is proxy-down.
        remedy: 'kubectl -n kube-system get pods --field-selector spec.nodeName=node-b -l k8s-app=kube-proxy -o wide',
      });
      expect(layersOf(told)).toEqual(['L1 pass', 'L2 pass', 'L3 fail', 'L4 not-looked-at', 'L5 pass']);
    });

    it('is nothing to a pod of another node', async () => {
      const told = await diagnosed(situation, { from: 'pod/shop/web-0', to: 'svc/shop/web', port: 80 });
      expect([told.verdict, layersOf(told)]).toEqual([
        'works',
        ['L1 pass', 'L2 pass', 'L3 pass', 'L4 not-looked-at', 'L5 pass'],
      ]);
    });

    it('is nothing to who asks the pod itself', async () => {
      const told = await diagnosed(situation, { from: 'pod/shop/web-1', to: '10.244.1.2:8080' });
      expect([told.verdict, told.to.text]).toEqual(['works', 'pod/shop/web-0']);
    });
  });

  it('4: a Service has no endpoints, because its selector says orders and the pods say order', async () => {
    const renamed: Edit = (text) =>
      text.replaceAll(/"app": ?"web"/g, '"app": "order"').replaceAll(/"app": ?"wbe"/g, '"app": "orders"');
    const files = { 'api/services.json': renamed, 'api/pods.json': renamed };
    const told = await diagnosed({ recording: 's1-healthy', files }, { from: 'pod/shop/api-0', to: 'svc/shop/typo' });
    expect(inShort(told)).toEqual({
      verdict: 'broken',
      layer: 'L3',
      direction: 'there',
      by: 'service-selects-nothing',
      sentence: 'L3 broke first: shop/typo selects app=orders, which no pod in shop has; 3 pods have app=order.',
      remedy: 'kubectl -n shop get pods -l app=order --show-labels',
    });
  });

  describe('5: the short name fails, the full name works', () => {
    const parts = { 'node-a': { dns: dns() } };

    it('where the Service is in another namespace', async () => {
      const told = await diagnosed(
        { recording: 's1-healthy', parts },
        { from: 'pod/edge/ingress-0', to: 'api', port: 9090 },
      );
      expect(inShort(told)).toEqual({
        verdict: 'broken',
        layer: 'L4',
        direction: 'there',
        by: null,
        sentence:
          'L4 broke first: api does not resolve for edge/ingress-0: its search list completes it in edge, where no Service has that name; there is one in shop, so api.shop is the name to ask for.',
        remedy: 'getent hosts api.shop.svc.cluster.local.',
      });
      const full = await diagnosed(
        { recording: 's1-healthy', parts },
        { from: 'pod/edge/ingress-0', to: 'api.shop.svc.cluster.local:9090' },
      );
      expect([full.verdict, layersOf(full)]).toEqual([
        'works',
        ['L1 pass', 'L2 pass', 'L3 pass', 'L4 pass', 'L5 pass'],
      ]);
    });

    it("where the pod's search list lacks its own namespace", async () => {
      const settings = { nameservers: [address('10.96.0.10')], search: ['localdomain'], ndots: 5, options: [] };
      const seen = { 'node-a': { dns: dns({ pods: listed([{ uid: uidOfWeb0, settings }]) }) } };
      const told = await diagnosed(
        { recording: 's1-healthy', parts: seen },
        { from: 'pod/shop/web-0', to: 'api', port: 9090 },
      );
      expect(inShort(told)).toEqual({
        verdict: 'broken',
        layer: 'L4',
        direction: 'there',
        by: null,
        sentence:
          'L4 broke first: api does not resolve for shop/web-0, and api.shop.svc.cluster.local does: the search list of its resolv.conf (localdomain) lacks shop.svc.cluster.local.',
        remedy: 'getent hosts api.shop.svc.cluster.local.',
      });
    });
  });

  it('6: names of the cluster work, and names outside of it are SERVFAIL', async () => {
    const failing = { name: 'external', rcode: 'SERVFAIL', addresses: [] } as const;
    const lookups = [lookup(), lookup(failing), lookup({ ...failing, server: address('192.0.2.53'), by: 'upstream' })];
    const parts = { 'node-a': { dns: dns({ lookups }) } };
    const asked = (to: string) => diagnosed({ recording: 's1-healthy', parts }, { from: 'pod/shop/web-0', to });
    expect(inShort(await asked('example.org:443'))).toEqual({
      verdict: 'broken',
      layer: 'L4',
      direction: 'there',
      by: 'dns-upstream-failing',
      sentence:
        'L4 broke first: 10.96.0.10 gives node-a SERVFAIL for names outside of the cluster, and the server above 192.0.2.53 fails (SERVFAIL) too when asked directly.',
      remedy: 'kubectl -n kube-system logs -l k8s-app=kube-dns --tail=50 --prefix',
    });
    expect((await asked('api.shop:9090')).verdict).toBe('works');
  });

  describe('policies', () => {
    /** Told, and what is left once the remedies were applied. */
    async function mended(situation: Situation, asked: Parameters<typeof diagnosed>[1]) {
      const enforced = { ...situation, enforcesPolicies: true } as const;
      const told = await diagnosed(enforced, asked);
      const { by: _, remedy, ...short } = inShort(told);
      const after = await diagnosed(withRemedies(enforced, told), asked);
      return { ...short, remedy, after: after.verdict };
    }
    const denied = {
      verdict: 'broken',
      layer: 'L5',
      direction: 'there',
      remedy: "kubectl apply -f - <<'EOF'",
      after: 'works',
    };

    it('7: the first NetworkPolicy of a namespace cuts off who asks from another one', async () => {
      const asked = { from: 'pod/shop/api-0', to: 'svc/payments/ledger:http' };
      expect(await mended({ recording: 's1-healthy' }, asked)).toEqual({
        ...denied,
        sentence:
          'L5 broke first: payments/default-deny isolates payments/ledger-0 and payments/ledger-1 (ingress), and no rule lets shop/api-0 in on tcp 7000; it is the only NetworkPolicy in payments, there since 2026-11-22T07:29:41Z.',
      });
    });

    it("8: a policy allows the Service's port in place of the pod's", async () => {
      const files = {
        'api/networkpolicies.json': allowWeb((spec) => {
          const [rule] = spec.ingress as Json[];
          return { ...spec, ingress: [{ ...rule, ports: [{ protocol: 'TCP', port: 80 }] }] };
        }),
      };
      const asked = { from: 'pod/edge/ingress-0', to: 'svc/shop/web', port: 80 };
      expect(await mended({ recording: 's1-healthy', files }, asked)).toEqual({
        ...denied,
        sentence:
          "L5 broke first: shop/allow-web, ingress rule 0, lets edge/ingress-0 reach shop/web-0, shop/web-1 and shop/web-2 at port 80, which is the Service's; policies see the pods' own port 8080, and no rule allows that.",
      });
    });

    it('9: everything is denied but one Service, and DNS was forgotten', async () => {
      const files = {
        'api/networkpolicies.json': allowWeb(() => ({
          podSelector: { matchLabels: { app: 'web' } },
          policyTypes: ['Egress'],
          egress: [
            { to: [{ podSelector: { matchLabels: { app: 'api' } } }], ports: [{ protocol: 'TCP', port: 9090 }] },
          ],
        })),
      };
      const situation = {
        recording: 's1-healthy',
        files,
        parts: { 'node-a': { dns: dns() } },
        enforcesPolicies: true,
      } as const;
      expect(await mended(situation, { from: 'pod/shop/web-0', to: 'api:9090' })).toEqual({
        ...denied,
        sentence:
          'L5 broke first: shop/allow-web isolates shop/web-0 (egress), and no rule lets it reach kube-system/coredns-0 and kube-system/coredns-1 on udp 53, so names are not resolved; it is the only NetworkPolicy in shop, there since 2026-11-22T07:29:41Z.',
      });
      const direct = await diagnosed(situation, { from: 'pod/shop/web-0', to: 'svc/shop/api:grpc' });
      expect(direct.verdict).toBe('works');
    });
  });

  describe('10: a CNI is upgraded, and one node has lost its way to one other', () => {
    /** node-b has the new one, which has not written the route to node-a yet. */
    const files = { 'node-b/net/ip-route-all.json': without('10.244.1.0/24') };
    const situation = { recording: 's1-healthy', files };

    it('is L2, on the way back, to who asks from the other node', async () => {
      const told = await diagnosed(situation, { from: 'pod/shop/api-0', to: 'svc/shop/cart:redis' });
      expect(inShort(told)).toEqual({
        verdict: 'broken',
        layer: 'L2',
        direction: 'back',
        by: 'peer-route-missing',
        sentence:
          'L2 broke first on the way back: Pods of node-b do not reach pods of node-a: packets for 10.244.1.0/24 take the default route via 192.168.100.1 dev eth0.',
        remedy: 'ip route replace 10.244.1.0/24 via 192.168.100.11',
      });
    });

    it('is L2 to who asks from that node', async () => {
      const told = await diagnosed(situation, { from: 'pod/shop/cart-0', to: 'pod/shop/api-0', port: 9090 });
      expect(inShort(told)).toEqual({
        verdict: 'broken',
        layer: 'L2',
        direction: 'there',
        by: 'peer-route-missing',
        sentence:
          'L2 broke first: Pods of node-b do not reach pods of node-a: packets for 10.244.1.0/24 take the default route via 192.168.100.1 dev eth0.',
        remedy: 'ip route replace 10.244.1.0/24 via 192.168.100.11',
      });
    });

    it('is nothing between other nodes', async () => {
      const told = await diagnosed(situation, { from: 'pod/shop/cart-0', to: 'pod/shop/api-3', port: 9090 });
      expect(told.verdict).toBe('works');
    });
  });
});
