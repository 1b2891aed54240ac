import { describe, expect, it } from 'vitest';
import { everyone, forwardTo, frontend, nodeView, structure, unreadable } from '../../test/view-builders.ts';
import { mixedBackends } from './mixed-backends.ts';

const web = 'tcp 10.96.0.1:80';
const refunds = 'tcp 10.96.0.9:80';
const asked = everyone(forwardTo('10.244.1.2:8080'));
const disputed = everyone(unreadable('order-not-visible'));
const both = [structure(), structure({ backend: 'legacy', kubeRules: { nat: 70, filter: 9 } })];

describe('mixed-backends', () => {
  it('the backends disagree: one finding for the node, one in state unknown for each service', () => {
    const view = nodeView({
      desired: [[web, asked]],
      observed: [
        [web, disputed],
        [refunds, disputed],
      ],
      owners: { [web]: 'shop/web' },
      hints: { [refunds]: 'payments/refunds:http' },
      structures: both,
    });
    expect(mixedBackends.evaluate(view)).toMatchObject([
      {
        subject: { kind: 'Node', name: 'node-a' },
        summary:
          "node-a holds kube-proxy's service rules in iptables-legacy and in iptables-nft: for 2 frontends they disagree and the outcome cannot be told.",
        evidence: [
          { kind: 'fact', name: 'iptables-nft, ipv4', value: 'kube-proxy rules: 80 in nat, 10 in filter' },
          { kind: 'fact', name: 'iptables-legacy, ipv4', value: 'kube-proxy rules: 70 in nat, 9 in filter' },
          { kind: 'fact', name: 'frontends on which they disagree', value: '2' },
        ],
        frontends: [frontend(web), frontend(refunds)],
        explains: [frontend(web), frontend(refunds)],
      },
      {
        subject: { kind: 'Service', namespace: 'shop', name: 'web', port: '', protocol: 'tcp' },
        state: 'unknown',
        frontends: [frontend(web)],
      },
      {
        subject: { kind: 'Service', namespace: 'payments', name: 'refunds', port: 'http', protocol: 'tcp' },
        state: 'unknown',
        frontends: [frontend(refunds)],
      },
    ]);
  });

  it('the backends agree: the node is told all the same', () => {
    const view = nodeView({ desired: [[web, asked]], observed: [[web, asked]], structures: both });
    expect(mixedBackends.evaluate(view).map(({ summary }) => summary)).toEqual([
      "node-a holds kube-proxy's service rules in iptables-legacy and in iptables-nft: they agree on every service address.",
    ]);
  });

  it('rules of other software in the second backend are harmless', () => {
    const structures = [structure(), structure({ backend: 'legacy', hasServiceRules: false })];
    expect(mixedBackends.evaluate(nodeView({ structures }))).toEqual([]);
  });

  it('of another mode both are left over, which is told once, by leftover-proxy-rules', () => {
    const mode = { value: 'nftables', source: 'proxyMode' } as const;
    expect(mixedBackends.evaluate(nodeView({ structures: both, profile: { mode } }))).toEqual([]);
  });
});
