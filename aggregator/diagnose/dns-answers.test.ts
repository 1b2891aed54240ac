import { describe, expect, it } from 'vitest';
import type { DnsReport, Lookup } from '../../proto/parts.ts';
import { address, service } from '../../test/builders.ts';
import { api, ask, told } from '../../test/diagnosis-world.ts';
import { dnsReport, failed, lookup, replicas, silent } from '../../test/dns-node.ts';
import { finding } from '../../test/report-builders.ts';
import { reported } from '../../test/view-builders.ts';

const kubernetes = service('default/kubernetes').clusterIP('10.96.0.1').port(443, 'https').built;
const above = address('192.0.2.53');

/** What is said of those who answer, where node-a tells this of names and CoreDNS has this Corefile. */
function answers(to: string, report: Partial<DnsReport>, corefile = '.:53 {\n forward . 192.0.2.53\n}\n') {
  const dnsConfigurations = [{ namespace: 'kube-system', name: 'coredns', files: { Corefile: corefile } }];
  const snapshot = { services: [api.built, kubernetes], dnsConfigurations };
  const parts = { 'node-a': { dns: reported(dnsReport(report)) } };
  return told(ask({ snapshot, parts }, { to }), 'L4').slice(1);
}

describe('names of the cluster', () => {
  it('resolve where the Service answers', () => {
    expect(answers('api', { lookups: [lookup()] })).toEqual([
      'there pass: 10.96.0.10 answers node-a for names of the cluster.',
    ]);
  });

  it('are not there in the other family of a cluster of two, which is no failure', () => {
    const other = lookup({ server: address('fd00:96::a'), addresses: [] });
    expect(answers('api', { lookups: [other, lookup()] })).toEqual([
      'there pass: 10.96.0.10 answers node-a for names of the cluster.',
    ]);
  });

  const [first, second] = replicas;
  const replica = (server: Lookup['server'], changes: Partial<Lookup> = {}) =>
    lookup({ by: 'backend', server, ...changes });

  it.each<readonly [string, readonly Lookup[], string]>([
    ['of whose replicas nothing is known', [], '.'],
    [
      'whose replicas fail as well',
      [replica(first, silent), replica(second, silent)],
      ', and its replicas 10.244.1.4 and 10.244.2.4 fail (no answer) too when asked directly.',
    ],
    [
      'whose only replica fails as well',
      [replica(first, failed)],
      ', and its replica 10.244.1.4 fails (SERVFAIL) too when asked directly.',
    ],
    [
      'of whose replicas one fails',
      [replica(first, silent), replica(second)],
      '; of its replicas 10.244.1.4 fails when asked directly, and 10.244.2.4 answers.',
    ],
    [
      'whose replicas answer',
      [replica(first), replica(second)],
      ', though its replicas 10.244.1.4 and 10.244.2.4 answer when asked directly: the way through the Service is broken.',
    ],
  ])('do not resolve by a Service %s', (_, backends, says) => {
    expect(answers('api', { lookups: [lookup(silent), ...backends] })).toEqual([
      `there fail: 10.96.0.10 gives node-a no answer for names of the cluster${says}`,
    ]);
  });

  it.each<readonly [string, Partial<Lookup>, string]>([
    [
      'at which nobody listens',
      { by: 'node-local', server: address('169.254.20.10'), error: 'ECONNREFUSED' },
      '169.254.20.10, the DNS cache on node-a, gives it no answer (ECONNREFUSED: nobody listens there)',
    ],
    [
      'to which the node itself sends nothing',
      { error: 'EPERM' },
      '10.96.0.10 gives node-a no answer (EPERM: something on node-a itself forbids it)',
    ],
  ])('do not resolve by a server %s', (_, changes, says) => {
    expect(answers('api', { lookups: [lookup({ ...silent, ...changes })] })).toEqual([
      `there fail: ${says} for names of the cluster.`,
    ]);
  });
});

describe('names outside of the cluster that do not resolve', () => {
  const outside = 'example.org:443';
  const broken = lookup({ name: 'external', ...failed });
  const upstream = (changes: Partial<Lookup>) =>
    lookup({ by: 'upstream', name: 'external', server: above, ...changes });
  const begins = 'there fail: 10.96.0.10 gives node-a SERVFAIL for names outside of the cluster';

  it.each<readonly [string, Partial<Lookup>, string]>([
    ['fails as well', failed, ', and the server above 192.0.2.53 fails (SERVFAIL) too when asked directly.'],
    ['is silent', silent, ', and the server above 192.0.2.53 fails (no answer) too when asked directly.'],
    [
      'answers',
      {},
      ', though the server above, 192.0.2.53, answers the node itself: look at the way from the pods of cluster DNS to it.',
    ],
  ])('where the server that the Corefile names %s', (_, seen, says) => {
    expect(answers(outside, { lookups: [broken, upstream(seen)] })).toEqual([`${begins}${says}`]);
  });

  it.each<readonly [string, Partial<Lookup>]>([
    ['answers', {}],
    ['fails', silent],
  ])('say nothing of a server that %s and that CoreDNS does not ask', (_, seen) => {
    const other = upstream({ server: address('198.51.100.7'), ...seen });
    expect(answers(outside, { lookups: [broken, other] })).toEqual([`${begins}.`]);
  });

  it('name several servers above in the plural', () => {
    const corefile = '.:53 {\n forward . 192.0.2.53 192.0.2.54\n}\n';
    const both = (changes: Partial<Lookup>) => [
      upstream(changes),
      upstream({ ...changes, server: address('192.0.2.54') }),
    ];
    expect([
      answers(outside, { lookups: [broken, ...both(failed)] }, corefile),
      answers(outside, { lookups: [broken, ...both({})] }, corefile),
    ]).toEqual([
      [`${begins}, and the servers above 192.0.2.53 and 192.0.2.54 fail (SERVFAIL) too when asked directly.`],
      [
        `${begins}, though the servers above, 192.0.2.53 and 192.0.2.54, answer the node itself: look at the way from the pods of cluster DNS to them.`,
      ],
    ]);
  });

  it('name the cause of the finding that says the same: CoreDNS that forwards to itself', () => {
    const loop = finding('dns-forward-loop', { layer: 'L4', node: null, summary: 'CoreDNS forwards to itself.' });
    const above = finding('dns-upstream-failing', {
      layer: 'L4',
      node: null,
      parent: loop.fingerprint,
      severity: 'high',
    });
    const parts = {
      'node-a': {
        dns: reported(dnsReport({ lookups: [broken, upstream({ server: address('127.0.0.53'), ...silent })] })),
      },
    };
    expect(told(ask({ parts, findings: [loop, above] }, { to: outside }), 'L4')[1]).toBe(
      `${begins}: CoreDNS forwards to itself.`,
    );
  });

  it("where CoreDNS asks those of the kubelet's file, which need not be the node's", () => {
    const file = '.:53 {\n forward . /etc/resolv.conf\n}\n';
    const settings = { nameservers: [above], search: [], ndots: 1, options: [] };
    const kubelet = {
      file: 'config.yaml',
      clusterDns: [address('10.96.0.10')],
      clusterDomain: 'cluster.local',
      resolvConf: '/run/systemd/resolve/resolv.conf',
      upstream: settings,
    };
    const lookups = [broken, upstream({})];
    expect([
      answers(outside, { lookups, kubelet }, file),
      answers(
        outside,
        { lookups, kubelet: { ...kubelet, upstream: { ...settings, nameservers: [address('198.51.100.7')] } } },
        file,
      ),
    ]).toEqual([
      [
        `${begins}, though the server above, 192.0.2.53, answers the node itself: look at the way from the pods of cluster DNS to it.`,
      ],
      [`${begins}.`],
    ]);
  });
});
