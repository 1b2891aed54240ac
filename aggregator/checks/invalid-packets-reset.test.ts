import { describe, expect, it } from 'vitest';
import type { IptablesStructure, KernelReport } from '../../proto/parts.ts';
import { nodeView, reported, structure, type ViewSketch } from '../../test/view-builders.ts';
import { invalidPacketsReset } from './invalid-packets-reset.ts';

const strict: KernelReport = { conntrackTcpBeLiberal: false, xtablesLock: null };

function evaluate(changed: readonly Partial<IptablesStructure>[], kernel = strict, sketch: ViewSketch = {}) {
  const structures = changed.map((other) => structure(other));
  return invalidPacketsReset.evaluate(nodeView({ ...sketch, structures, parts: { kernel: reported(kernel) } }));
}

const through = { dropsInvalid: false };

describe('invalid-packets-reset', () => {
  it('neither a rule drops them nor does the kernel take them', () => {
    expect(evaluate([through, { family: 'ipv6' }])).toEqual([
      {
        subject: { kind: 'Rule', name: 'filter KUBE-FORWARD ctstate INVALID (ipv4)' },
        summary:
          'node-a (ipv4) forwards packets in state INVALID: long connections through Services are reset at random.',
        evidence: [
          { kind: 'fact', name: 'rule that drops INVALID packets', value: 'none' },
          { kind: 'fact', name: 'nf_conntrack_tcp_be_liberal', value: '0' },
        ],
        remediation: [
          {
            command: 'kubectl -n kube-system delete pod --field-selector spec.nodeName=node-a -l k8s-app=kube-proxy',
            effect:
              "Restarts kube-proxy on node-a: its first sync writes every chain and base jump anew. The label is kubeadm's; other installers name the pods differently or run kube-proxy as a service of the node.",
          },
          {
            command: 'iptables-nft -t filter -I KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP',
            effect: 'Run on node-a: puts the rule where kube-proxy has it, at once.',
          },
        ],
        frontends: [],
      },
    ]);
  });

  it('is unknown where the setting was not read', () => {
    const violations = evaluate([through], { ...strict, conntrackTcpBeLiberal: null });
    expect(violations.map(({ state, summary }) => [state, summary])).toEqual([
      [
        'unknown',
        'node-a (ipv4) forwards packets in state INVALID; whether connection tracking takes them (nf_conntrack_tcp_be_liberal), is not known.',
      ],
    ]);
  });

  it.each<readonly [string, ReturnType<typeof evaluate>]>([
    ['a rule drops them', evaluate([{}])],
    [
      'the kernel takes them, so kube-proxy writes no rule',
      evaluate([through], { ...strict, conntrackTcpBeLiberal: true }),
    ],
    ['one of two backends drops them', evaluate([through, { backend: 'legacy' }])],
    ['table filter was not recorded', evaluate([{ ...through, tables: ['nat'] }])],
    [
      'the jump to the chain is missing, which missing-base-jump says',
      evaluate([{ ...through, missingBaseJumps: [{ table: 'filter', from: 'FORWARD', to: 'KUBE-FORWARD' }] }]),
    ],
    ['the rules are not those of kube-proxy', evaluate([{ ...through, hasServiceRules: false }])],
    [
      'nftables mode leaves it to the setting on purpose',
      evaluate([through], strict, { profile: { mode: { value: 'nftables', source: 'proxyMode' } } }),
    ],
    [
      'ipvs mode never had such a rule',
      evaluate([through], strict, { profile: { mode: { value: 'ipvs', source: 'proxyMode' } } }),
    ],
  ])('%s: nothing', (_, violations) => {
    expect(violations).toEqual([]);
  });
});
