import { describe, expect, it } from 'vitest';
import { flannelNode, linksWith } from '../../test/flannel-node.ts';
import { calicoFiles, ciliumFiles, settings } from '../../test/network-builders.ts';
import { reported } from '../../test/view-builders.ts';
import { bridgeNetfilterOff } from './bridge-netfilter-off.ts';

const { evaluate } = bridgeNetfilterOff;
const of = (changes: Parameters<typeof settings>[0]) => ({ networkSettings: reported(settings(changes)) });
const off = of({ bridgeCallsIptables: false });
const unloaded = of({ bridgeCallsIptables: 'no-module', bridgeCallsIp6tables: 'no-module' });

describe('bridge-netfilter-off', () => {
  it('the switch is off', () => {
    expect(evaluate(flannelNode({ parts: off }))).toEqual([
      {
        subject: { kind: 'Node', name: 'node-a' },
        summary:
          'Pods of node-a do not reach each other through Services: packets between the 2 ports of cni0 bypass the rules, since net.bridge.bridge-nf-call-iptables is 0.',
        evidence: [{ kind: 'fact', name: 'net.bridge.bridge-nf-call-iptables', value: '0' }],
        remediation: [
          {
            command: 'sysctl -w net.bridge.bridge-nf-call-iptables=1',
            effect: 'Run on node-a: bridged packets meet the rules at once, until the next boot.',
          },
        ],
        frontends: [],
        topics: ['node'],
      },
    ]);
  });

  it("the module is not loaded: the bridge's own setting does nothing without it", () => {
    const own = linksWith({ cni0: { callsIptables: { ipv4: true, ipv6: true } } });
    const told = [unloaded, { ...unloaded, ...own }].map((parts) => evaluate(flannelNode({ parts })));
    expect(told.map(([one]) => [one?.evidence, one?.remediation.map(({ command }) => command)])).toEqual(
      Array.from({ length: 2 }, () => [
        [{ kind: 'fact', name: 'net.bridge.bridge-nf-call-iptables', value: 'absent' }],
        ['modprobe br_netfilter', 'sysctl -w net.bridge.bridge-nf-call-iptables=1'],
      ]),
    );
  });

  it('the bridge has its own switch, and it is on', () => {
    const parts = { ...off, ...linksWith({ cni0: { callsIptables: { ipv4: true, ipv6: false } } }) };
    expect(evaluate(flannelNode({ parts }))).toEqual([]);
  });

  it.each([
    ['it is on', of({})],
    ['it could not be told', of({ bridgeCallsIptables: null })],
    ['only IPv6 is off, and pods have none', of({ bridgeCallsIp6tables: false })],
    ['pods have no bridge (Calico)', { ...off, cni: reported(calicoFiles) }],
    ['pods have no bridge (Cilium)', { ...off, cni: reported(ciliumFiles) }],
    ['the CNI files are not known', { ...off, cni: { state: 'absent' } as const }],
    ['one pod alone has nobody on the bridge', { ...off, ...linksWith({ veth2: null }) }],
  ])('nothing is said where %s', (_, parts) => {
    expect(evaluate(flannelNode({ parts }))).toEqual([]);
  });

  it('nothing is said where programs serve that need no rules; where nobody says who serves, rules may', () => {
    const view = flannelNode({ parts: off });
    const modes = [
      { value: 'cilium', source: 'proxyMode' },
      { source: 'unknown', reason: 'silent' },
    ] as const;
    expect(modes.map((mode) => evaluate({ ...view, profile: { ...view.profile, mode } }).length)).toEqual([0, 1]);
  });
});
