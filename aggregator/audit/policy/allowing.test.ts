import { describe, expect, it } from 'vitest';
import { answersOf, flow, pods, policy, world } from '../../../test/policy-world.ts';

const everything = policy('shop/deny', { podSelector: {}, policyTypes: ['Ingress', 'Egress'] });

function proposed(text: string, changes: Parameters<typeof world>[1] = {}): readonly string[] {
  const objects = world([everything], changes);
  return answersOf(objects).allowing(flow(text, objects))?.split('\n') ?? [];
}

describe('the policy that would allow a flow', () => {
  it('names the peer by its labels and its namespace, and the port', () => {
    expect(proposed('test/web > shop/db 5432')).toEqual([
      'apiVersion: networking.k8s.io/v1',
      'kind: NetworkPolicy',
      'metadata:',
      '  name: "allow-5432-tcp-from-test-3c940"',
      '  namespace: "shop"',
      'spec:',
      '  podSelector:',
      '    matchLabels:',
      '      app: "db"',
      '      tier: "back"',
      '  policyTypes: [Ingress]',
      '  ingress:',
      '    - from:',
      '        - namespaceSelector:',
      '            matchLabels:',
      '              kubernetes.io/metadata.name: "test"',
      '          podSelector:',
      '            matchLabels:',
      '              app: "web"',
      '              tier: "front"',
      '      ports:',
      '        - protocol: TCP',
      '          port: 5432',
      '',
    ]);
  });

  it('says where a pod has no label to be known by', () => {
    expect(proposed('shop/bare > kube-system/dns 5353/udp').slice(3)).toEqual([
      '  name: "allow-5353-udp-to-kube-system-a69b9"',
      '  namespace: "shop"',
      'spec:',
      '  # The pod has no label that lasts, so this means every pod of its namespace.',
      '  podSelector: {}',
      '  policyTypes: [Egress]',
      '  egress:',
      '    - to:',
      '        - namespaceSelector:',
      '            matchLabels:',
      '              kubernetes.io/metadata.name: "kube-system"',
      '          podSelector:',
      '            matchLabels:',
      '              k8s-app: "kube-dns"',
      '      ports:',
      '        - protocol: UDP',
      '          port: 5353',
      '',
    ]);
  });

  it('is two where both sides deny, the source first', () => {
    const lines = proposed('shop/web > shop/db 5432');
    expect(lines.filter((line) => /^---$|policyTypes|namespaceSelector/.test(line))).toEqual([
      '  policyTypes: [Egress]',
      '---',
      '  policyTypes: [Ingress]',
    ]);
  });

  it('has a name of its own for what it allows, and the same for the same', () => {
    const name = (text: string) => proposed(text)[3];
    expect(name('test/web > shop/db 5432')).toBe(name('test/web > shop/db 5432'));
    expect(name('test/web > shop/db 5432')).not.toBe(name('test/cron > shop/db 5432'));
  });

  it('names what is no pod by its addresses', () => {
    const blocks = (text: string) => proposed(text).filter((line) => line.includes('cidr'));
    expect([
      blocks('203.0.113.9 > shop/db 5432'),
      blocks('shop/web > 2001:db8::9 443'),
      blocks('node-f > shop/db 5432'),
      blocks('kube-system/proxy-a > shop/db 5432'),
    ]).toEqual([
      ['            cidr: "203.0.113.9/32"'],
      ['            cidr: "2001:db8::9/128"'],
      ['            cidr: "192.168.100.13/32"', '            cidr: "10.244.3.0/32"'],
      ['            cidr: "192.168.100.11/32"'],
    ]);
  });

  it('leaves out labels that change with each roll-out, and quotes what could be read as something else', () => {
    const labels = { yes: 'no', 'pod-template-hash': '5d4f', App: '1.5', 'helm.sh/chart': 'web-1', 'x\n': '"\n' };
    const changed = pods.map((pod) => (pod.name === 'db' ? { ...pod, labels } : pod));
    expect(proposed('test/web > shop/db 5432', { pods: changed }).slice(6, 11)).toEqual([
      '  podSelector:',
      '    matchLabels:',
      '      "App": "1.5"',
      String.raw`      "x\n": "\"\n"`,
      '      "yes": "no"',
    ]);
  });

  it('is none where nothing is denied', () => {
    expect([proposed('test/web > kube-system/dns 5353/udp'), proposed('shop/web > shop/web 1')]).toEqual([[], []]);
  });
});
