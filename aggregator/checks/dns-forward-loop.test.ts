/** The Corefile is that of kubeadm (cmd/kubeadm/app/phases/addons/dns/manifests.go), but for the line of `forward`. */
import { describe, expect, it } from 'vitest';
import { address } from '../../test/builders.ts';
import { dnsNode, dnsObjects, dnsReport, dnsSnapshot, resolver } from '../../test/dns-node.ts';
import type { ClusterSnapshot, Pod } from '../model/cluster.ts';
import { dnsForwardLoop } from './dns-forward-loop.ts';

const corefile = (forward: string) => `.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    ${forward}
    cache 30
    loop
    reload
    loadbalance
}
`;
const toFile = 'forward . /etc/resolv.conf {\n       max_concurrent 1000\n    }';

interface Sketch {
  readonly forward?: string;
  /** Of the resolv.conf that the kubelet of node-a hands on; null = not known. */
  readonly upstream?: string | null;
  readonly pods?: Partial<Pod>;
  readonly snapshot?: Partial<ClusterSnapshot>;
}

function told({ forward = toFile, upstream = '192.0.2.53', pods = {}, snapshot = {} }: Sketch) {
  const [pod] = dnsSnapshot().pods ?? [];
  const files = { Corefile: corefile(forward) };
  const objects = dnsObjects({
    pods: pod === undefined ? [] : [{ ...pod, ...pods }],
    dnsConfigurations: [{ namespace: 'kube-system', name: 'coredns', files }],
    ...snapshot,
  });
  const { kubelet } = dnsReport();
  const settings = upstream === null ? null : resolver({ nameservers: [address(upstream)] });
  const view = dnsNode(
    'node-a',
    { kubelet: kubelet === null ? null : { ...kubelet, resolvConf: null, upstream: settings } },
    objects,
  );
  return dnsForwardLoop.evaluate({ nodes: [view], objects }).map(({ summary }) => summary);
}

describe('dns-forward-loop', () => {
  it('the file that the kubelet hands on names systemd-resolved', () => {
    expect(told({ upstream: '127.0.0.53' })).toEqual([
      'CoreDNS forwards to itself (Corefile line 13): kube-system/coredns-1: the resolv.conf that node-a gives it names 127.0.0.53.',
    ]);
  });

  it('the pods of CoreDNS ask cluster DNS themselves', () => {
    const dns = { policy: 'ClusterFirst', nameservers: [], searches: [], ndots: null } as const;
    expect(told({ pods: { dns } })[0]).toContain('its dnsPolicy is ClusterFirst');
  });

  it.each([
    [
      "the Service's address",
      'forward . 10.96.0.10',
      'forwards to 10.96.0.10, the Service kube-system/kube-dns itself',
    ],
    ['a replica', 'forward . 10.244.1.4', 'forwards to 10.244.1.4, a replica of kube-system/kube-dns'],
  ])('the line names %s', (_, forward, words) => {
    expect(told({ forward })[0]).toContain(words);
  });

  it.each([
    ['is rewritten first, and comes back as another', 'rewrite name suffix .corp.example .svc.cluster.local', []],
    [
      'is not rewritten',
      '',
      [
        'CoreDNS forwards to itself (Corefile line 21): forwards to 10.96.0.10, the Service kube-system/kube-dns itself.',
      ],
    ],
  ])('a zone of its own goes to cluster DNS and %s', (_, rewrite, summaries) => {
    const zone = `corp.example:53 {\n    ${rewrite}\n    forward . 10.96.0.10\n}\n`;
    const files = { Corefile: `${corefile('forward . 192.0.2.53')}${zone}` };
    const snapshot = { dnsConfigurations: [{ namespace: 'kube-system', name: 'coredns', files }] };
    expect(told({ snapshot })).toEqual(summaries);
  });

  it.each<readonly [string, Sketch]>([
    ['the file names a server above', {}],
    ['the line names a server above', { forward: 'forward . 192.0.2.53' }],
    ['the file of the node is not known', { upstream: null }],
    ["the replica is in its node's network", { upstream: '127.0.0.53', pods: { hostNetwork: true } }],
    ['the Corefile has no end', { forward: 'forward . {', upstream: '127.0.0.53' }],
    ['there is no Corefile', { upstream: '127.0.0.53', snapshot: { dnsConfigurations: [] } }],
  ])('nothing where %s', (_, sketch) => {
    expect(told(sketch)).toEqual([]);
  });
});
