import { describe, expect, it } from 'vitest';
import type { Dress } from '../../proto/forwarding.ts';
import { everyone, forwardWith, frontend, nodeView, prefix, structure } from '../../test/view-builders.ts';
import { missingMasquerade } from './missing-masquerade.ts';

const web = 'tcp node4:30080';
const owners = { [web]: 'shop/web:http' };

function sketch(wanted: Partial<Dress>, real: Partial<Dress>) {
  const [asked, done] = [wanted, real].map((dress) => everyone(forwardWith(['10.244.1.2:8080'], { dress })));
  if (asked === undefined || done === undefined) throw new Error('two dresses make two forwardings');
  return { desired: [[web, asked]], observed: [[web, done]], owners } as const;
}

describe('missing-masquerade', () => {
  it('the chains of one service lost their mark', () => {
    expect(missingMasquerade.evaluate(nodeView(sketch({ masquerade: 'always' }, {})))).toMatchObject([
      {
        subject: { kind: 'Service', namespace: 'shop', name: 'web', port: 'http', protocol: 'tcp' },
        summary: `node-a masquerades all packets to shop/web:http at ${web} otherwise than asked: never where always is right.`,
        frontends: [frontend(web)],
      },
    ]);
  });

  it('only some pods can reach themselves', () => {
    const violations = missingMasquerade.evaluate(nodeView(sketch({}, { hairpin: 'some' })));
    expect(violations.map(({ summary, severity }) => ({ summary, severity }))).toEqual([
      {
        summary: `node-a masquerades all packets to shop/web:http at ${web} otherwise than asked: hairpin for some of the backends where all is right.`,
        severity: undefined,
      },
    ]);
  });

  it('masquerading more than asked only loses the address of clients: medium', () => {
    const more = { masquerade: { some: [prefix('10.244.1.7/32')] } };
    const violations = missingMasquerade.evaluate(nodeView(sketch({ masquerade: 'never' }, more)));
    expect(violations.map(({ summary, severity }) => ({ summary, severity }))).toEqual([
      {
        summary: `node-a masquerades all packets to shop/web:http at ${web} otherwise than asked: from 10.244.1.7/32 where never is right (the client's address is lost, replies still arrive).`,
        severity: 'medium',
      },
    ]);
  });

  it('the mark chain is empty: one finding for the node accounts for all services of the family', () => {
    const view = nodeView({
      ...sketch({ masquerade: 'always' }, {}),
      structures: [structure({ masqueradePath: 'mark-not-set' })],
    });
    expect(missingMasquerade.evaluate(view)).toMatchObject([
      {
        subject: { kind: 'Rule', name: 'nat KUBE-MARK-MASQ (ipv4)' },
        summary: "On node-a (ipv4) chain KUBE-MARK-MASQ does not set kube-proxy's mark, so nothing is masqueraded.",
        frontends: [],
        explains: [frontend(web)],
      },
      { subject: { kind: 'Service' } },
    ]);
  });

  it('a missing POSTROUTING jump is told by missing-base-jump', () => {
    const jump = { table: 'nat', from: 'POSTROUTING', to: 'KUBE-POSTROUTING' } as const;
    const structures = [structure({ masqueradePath: 'not-masqueraded', missingBaseJumps: [jump] })];
    expect(missingMasquerade.evaluate(nodeView({ structures }))).toEqual([]);
  });

  it("a backend that holds none of kube-proxy's service rules is not asked", () => {
    const structures = [
      structure(),
      structure({ backend: 'legacy', hasServiceRules: false, masqueradePath: 'mark-not-set' }),
    ];
    expect(missingMasquerade.evaluate(nodeView({ structures }))).toEqual([]);
  });
});
