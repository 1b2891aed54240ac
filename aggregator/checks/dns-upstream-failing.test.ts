import { describe, expect, it } from 'vitest';
import type { Lookup } from '../../proto/parts.ts';
import { address } from '../../test/builders.ts';
import { dnsNode, dnsObjects, failed, lookup, silent } from '../../test/dns-node.ts';
import { dnsUpstreamFailing } from './dns-upstream-failing.ts';

const corefile = '.:53 {\n    kubernetes cluster.local\n    forward . 192.0.2.53\n}\n';
const objects = dnsObjects({
  dnsConfigurations: [{ namespace: 'kube-system', name: 'coredns', files: { Corefile: corefile } }],
});
const told = (...seen: readonly (readonly Lookup[])[]) => {
  const nodes = seen.map((lookups, number) => dnsNode(`node-${'abc'[number]}`, { lookups }, objects));
  return dnsUpstreamFailing.evaluate({ nodes, objects });
};
const summaries = (...seen: readonly (readonly Lookup[])[]) => told(...seen).map(({ summary }) => summary);
const well = lookup();
const outside = lookup({ name: 'external', addresses: [address('203.0.113.7')] });
const broken = lookup({ name: 'external', ...failed });
const upstream = (changes: Partial<Lookup> = {}) =>
  lookup({ by: 'upstream', server: address('192.0.2.53'), name: 'external', ...changes });

describe('dns-upstream-failing', () => {
  it('names the server above that fails when it is asked directly', () => {
    expect(summaries([well, broken, upstream(silent)], [well, broken, upstream(silent)])).toEqual([
      'Names outside of the cluster do not resolve on node-a and node-b (SERVFAIL), while names of the cluster do: 192.0.2.53:53 above fails too (no answer).',
    ]);
  });

  it('says that it is the way from the pods, where the server above answers the nodes', () => {
    expect(summaries([well, broken, upstream()])[0]).toContain(
      'the servers above answer the nodes, so it is the way from the pods of cluster DNS to them',
    );
  });

  it('says what the Corefile names, where no server above is asked', () => {
    expect(summaries([well, broken])[0]).toContain('the Corefile says forward . 192.0.2.53 (Corefile:3)');
  });

  it('the server above that nodes ask is not the one that CoreDNS asks', () => {
    const other = upstream({ server: address('198.51.100.7') });
    expect(summaries([well, broken, other])[0]).toContain(
      'which server above fails is not known; the Corefile says forward . 192.0.2.53 (Corefile:3); 198.51.100.7:53 answered the nodes',
    );
  });

  it('nor is the server that fails for nodes the one that CoreDNS asks', () => {
    const other = upstream({ server: address('198.51.100.7'), ...silent });
    expect(summaries([well, broken, other])[0]).toContain(
      'which server above fails is not known; the Corefile says forward . 192.0.2.53 (Corefile:3).',
    );
  });

  it("a node's own stub, which pods do not reach, is no server above", () => {
    const stub = upstream({ server: address('127.0.0.53'), ...silent });
    expect(summaries([well, broken, stub])[0]).toContain('which server above fails is not known');
    expect(told([well, outside, stub])).toEqual([]);
  });

  it('the server above has not been asked often enough', () => {
    expect(summaries([well, broken, upstream({ ...silent, sent: 2 })])[0]).toContain(
      'which server above fails is not known',
    );
  });

  it('one server above of several fails, and names resolve', () => {
    const [violation] = told([well, outside, upstream(silent)]);
    expect([violation?.severity, violation?.subject]).toEqual(['medium', { kind: 'Address', name: '192.0.2.53' }]);
  });

  it.each<readonly [string, readonly Lookup[]]>([
    ['the name resolves', [well, outside, upstream()]],
    ['no external name is asked for', [well, lookup({ by: 'backend' })]],
    ['the name does not exist', [well, lookup({ name: 'external', rcode: 'NXDOMAIN', addresses: [] })]],
    ['names of the cluster fail as well', [lookup(failed), broken]],
    ['the window is not full', [well, { ...broken, sent: 2 }]],
  ])('nothing where %s', (_, seen) => {
    expect(summaries(seen)).toEqual([]);
  });
});
