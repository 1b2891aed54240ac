import { describe, expect, it } from 'vitest';
import type { BaseJump } from '../../proto/parts.ts';
import {
  everyone,
  forwardTo,
  frontend,
  nodeView,
  preroutingJump,
  rejected,
  structure,
  untaken,
} from '../../test/view-builders.ts';
import { missingBaseJump } from './missing-base-jump.ts';

const web = 'tcp 10.96.0.1:80';
const cart = 'tcp 10.96.0.3:6379';
const web6 = 'tcp [fd00:10:96::1]:80';
const served = everyone(forwardTo('10.244.1.2:8080'));
const onlyNode = { ...served, pod: untaken, outside: untaken };

function lost(...missingBaseJumps: readonly BaseJump[]) {
  return [structure({ missingBaseJumps })];
}

describe('missing-base-jump', () => {
  it('PREROUTING no longer leads to KUBE-SERVICES: one finding accounts for all services of the family', () => {
    const view = nodeView({
      desired: [
        [web, served],
        [cart, served],
      ],
      observed: [
        [web, onlyNode],
        [cart, onlyNode],
      ],
      structures: lost(preroutingJump),
    });
    expect(missingBaseJump.evaluate(view)).toEqual([
      {
        subject: { kind: 'Node', name: 'node-a' },
        summary:
          'The jump nat PREROUTING -> KUBE-SERVICES is missing (ipv4) on node-a: the rules of 2 service addresses are passed by.',
        evidence: [
          { kind: 'fact', name: 'missing jump', value: 'nat PREROUTING -> KUBE-SERVICES (iptables-nft)' },
          { kind: 'fact', name: 'frontends touched', value: '2' },
        ],
        remediation: [
          {
            command:
              'iptables-nft -t nat -I PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
            effect: 'Puts the jump PREROUTING -> KUBE-SERVICES back at once, without waiting for kube-proxy.',
          },
          {
            command: 'kubectl -n kube-system delete pod --field-selector spec.nodeName=node-a -l k8s-app=kube-proxy',
            effect:
              "Restarts kube-proxy on node-a: its first sync writes every chain and base jump anew. The label is kubeadm's; other installers name the pods differently or run kube-proxy as a service of the node.",
          },
        ],
        frontends: [frontend(web), frontend(cart)],
        explains: [frontend(web), frontend(cart)],
      },
    ]);
  });

  it('a service that the node itself does not reach either is not accounted for, nor one of the other family', () => {
    const view = nodeView({
      desired: [
        [web, served],
        [cart, served],
        [web6, everyone(forwardTo('[fd00:10:244:1::2]:8080'))],
      ],
      observed: [[web, onlyNode]],
      structures: lost(preroutingJump),
    });
    expect(missingBaseJump.evaluate(view).map(({ explains }) => explains)).toEqual([[frontend(web)]]);
  });

  it('a jump of the filter table accounts for lost refusals only, and is high', () => {
    const view = nodeView({
      desired: [
        [web, everyone(rejected)],
        [cart, served],
      ],
      observed: [[web, { ...everyone(rejected), node: untaken }]],
      structures: lost({ table: 'filter', from: 'OUTPUT', to: 'KUBE-SERVICES' }),
    });
    expect(missingBaseJump.evaluate(view)).toMatchObject([{ severity: 'high', explains: [frontend(web)] }]);
  });

  it("a backend in which kube-proxy's service rules do not live may lack all jumps", () => {
    const other = structure({ backend: 'legacy', hasServiceRules: false, missingBaseJumps: [preroutingJump] });
    expect(missingBaseJump.evaluate(nodeView({ structures: [structure(), other] }))).toEqual([]);
  });

  it('all rules of a family are gone: one finding, since kube-proxy itself says that it runs in iptables mode', () => {
    const three = ['10.96.0.1', '10.96.0.2', '10.96.0.3'].map((ip) => [`tcp ${ip}:80`, served] as const);
    const view = nodeView({ desired: three, observed: [], structures: [] });
    expect(missingBaseJump.evaluate(view)).toMatchObject([
      {
        summary:
          "kube-proxy's chains are gone from the nat table (ipv4) on node-a: the rules of 3 service addresses are passed by.",
        explains: three.map(([key]) => frontend(key)),
      },
    ]);
  });

  it('one address of several is missing: the chains are reached', () => {
    const three = ['10.96.0.1', '10.96.0.2', '10.96.0.3'].map((ip) => [`tcp ${ip}:80`, served] as const);
    expect(missingBaseJump.evaluate(nodeView({ desired: three, observed: three.slice(1) }))).toEqual([]);
  });

  it('no rules at all and a mode that was only guessed: nothing is said', () => {
    const three = ['10.96.0.1', '10.96.0.2', '10.96.0.3'].map((ip) => [`tcp ${ip}:80`, served] as const);
    const profile = { mode: { value: 'iptables', source: 'rules' } } as const;
    expect(missingBaseJump.evaluate(nodeView({ desired: three, structures: [], profile }))).toEqual([]);
  });
});
