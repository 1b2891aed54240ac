import { describe, expect, it } from 'vitest';
import { audit, finding, node, unknownNode } from '../../test/report-builders.ts';
import { headline, humanReport, type ReportStyle } from './human-report.ts';

const plain: ReportStyle = { detail: 'short', colours: false, columns: 80 };

describe('the first sentence', () => {
  it('says of a cluster in sync that it is', () => {
    expect(headline([node('a')])).toBe('The node does what the cluster asked for.');
    expect(headline([node('a'), node('b')])).toBe('Both nodes do what the cluster asked for.');
    expect(headline([node('a'), node('b'), node('c')])).toBe('All 3 nodes do what the cluster asked for.');
  });

  it('never counts unknown nodes among those in sync', () => {
    expect(headline([node('a'), unknownNode('b')])).toBe(
      '1 of 2 nodes does what the cluster asked for. 1 is unknown: b.',
    );
    expect(headline([unknownNode('a'), unknownNode('b')])).toBe(
      'No node could be told completely. 2 are unknown: a, b.',
    );
  });

  it('names the nodes that differ, the first few of many', () => {
    const differing = (name: string) => node(name, { state: 'unhealthy' });
    expect(headline([node('a'), differing('b')])).toBe('1 of 2 nodes differs from what the cluster asked for: b.');
    expect(headline(['a', 'b', 'c', 'd', 'e', 'f'].map(differing))).toBe(
      '6 of 6 nodes differ from what the cluster asked for: a, b, c, d and 2 more.',
    );
  });
});

const restart = { command: 'kubectl delete pod kube-proxy', effect: 'Restarts kube-proxy.' };

describe('a report of a clean cluster', () => {
  it('is a sentence and the nodes', () => {
    expect(humanReport(audit([node('node-a')]), plain)).toBe(`The node does what the cluster asked for.

NODE     MODE       STATE     FRONTENDS   IN SYNC   DRIFTED   UNKNOWN
node-a   iptables   healthy   10          10        0         0
`);
  });
});

describe('a report with a cause and what follows from it', () => {
  const cause = finding('proxy-down', {
    subject: { kind: 'Node', name: 'node-b' },
    summary: 'kube-proxy on node-b does not answer.',
    evidence: [{ kind: 'fact', name: 'healthz', value: 'no answer' }],
    remediation: [restart],
  });
  const child = finding('stale-endpoint', {
    parent: cause.fingerprint,
    summary: 'node-b forwards shop/web to 10.0.0.9:80.',
    evidence: [
      { kind: 'backend', frontend: 'tcp 10.96.0.1:80', backend: '10.0.0.9:80', state: 'stale' },
      { kind: 'forwarding', frontend: 'tcp 10.96.0.1:80', wanted: 'pod: drop; node: none', real: 'no rule' },
      { kind: 'rule', table: 'nat', rule: '-A KUBE-SEP-X -j DNAT', note: 'leads astray' },
    ],
    remediation: [{ command: 'never shown', effect: 'It goes with its cause.' }],
  });
  const nodes = [
    node('node-b', { state: 'unhealthy', frontends: { total: 10, inSync: 9, drifted: 1, unknown: 0 } }),
    unknownNode('node-c'),
  ];
  const broken = audit(nodes, [cause, child], { 'node-c': 'not recorded' });

  it('folds it under the cause, and gives the remedies of causes only', () => {
    expect(humanReport(broken, plain)).toBe(`1 of 2 nodes differs from what the cluster asked for: node-b. 1 is unknown:
node-c.

NODE     MODE       STATE       FRONTENDS   IN SYNC   DRIFTED   UNKNOWN
node-b   iptables   unhealthy   10          9         1         0
node-c   unknown    unknown     -           -         -         -

node-c is unknown: not recorded.

SEVERITY   CHECK        NODE     SUBJECT
critical   proxy-down   node-b   node-b
  kube-proxy on node-b does not answer.
  1 finding follows from it:
    critical   stale-endpoint   shop/web

WHAT TO DO
  kubectl delete pod kube-proxy
    Restarts kube-proxy.
`);
  });

  it('shows everything, with evidence, in full detail', () => {
    const lines = humanReport(broken, { ...plain, detail: 'all' }).split('\n');
    expect(lines.slice(lines.indexOf('critical   proxy-down   node-b   node-b'), lines.indexOf('WHAT TO DO'))).toEqual([
      'critical   proxy-down   node-b   node-b',
      '  kube-proxy on node-b does not answer.',
      '  | healthz: no answer',
      '  1 finding follows from it:',
      '    critical   stale-endpoint   shop/web',
      '      node-b forwards shop/web to 10.0.0.9:80.',
      '      | tcp 10.96.0.1:80: 10.0.0.9:80 is stale',
      '      | tcp 10.96.0.1:80',
      '      |   wanted  pod: drop',
      '      |           node: none',
      '      |   real    no rule',
      '      | nat: -A KUBE-SEP-X -j DNAT',
      '      |   leads astray',
      '',
    ]);
  });

  it('has no escape sequence without colours, and the same words with them', () => {
    const coloured = humanReport(broken, { ...plain, colours: true });
    const colourCode = new RegExp(`${String.fromCharCode(27)}\\[[0-9]+m`, 'g');
    expect(coloured).toMatch(colourCode);
    expect(coloured.replace(colourCode, '')).toBe(humanReport(broken, plain));
  });
});

describe('a report with more below one cause than a person reads', () => {
  it('says how many are not shown', () => {
    const cause = finding('missing-base-jump');
    const children = Array.from({ length: 40 }, (_, index) =>
      finding('missing-service', { fingerprint: `child-${index}`, parent: cause.fingerprint }),
    );
    const text = humanReport(audit([node('node-b', { state: 'unhealthy' })], [cause, ...children]), plain);
    expect(text.split('\n').filter((line) => line.includes('missing-service'))).toHaveLength(12);
    expect(text).toContain('  40 findings follow from it:\n');
    expect(text).toContain('    and 28 more: see -o wide\n');
  });
});

describe('remedies of several causes', () => {
  it('are given once each, those that mend most first', () => {
    const look = { command: 'kubectl get endpointslices', effect: 'Shows them.' };
    const findings = [
      finding('stale-endpoint', { remediation: [look, restart] }),
      finding('missing-endpoint', { remediation: [restart] }),
    ];
    const text = humanReport(audit([node('node-b', { state: 'unhealthy' })], findings), plain);
    expect(text.slice(text.indexOf('WHAT TO DO'))).toBe(`WHAT TO DO
  kubectl delete pod kube-proxy
    Restarts kube-proxy.
    For all 2 of them.
  kubectl get endpointslices
    Shows them.
    For stale-endpoint shop/web.
`);
  });
});

describe('what could not be decided', () => {
  it('stands as unknown in place of its severity, and an unhealthy node is not called unknown for it', () => {
    const undecided = finding('mixed-backends', { state: 'unknown' });
    const text = humanReport(
      audit([node('node-b', { state: 'unhealthy' })], [undecided], { 'node-b': '7 frontends: order-not-visible' }),
      plain,
    );
    expect(text).toContain('\nunknown    mixed-backends   node-b   shop/web\n');
    expect(text).toContain('\nNot all of node-b could be told: 7 frontends: order-not-visible.\n');
  });
});
