import { describe, expect, it } from 'vitest';
import type { RuleAhead } from '../../proto/parts.ts';
import {
  everyone,
  excerpt,
  forwardTo,
  frontend,
  nodeView,
  preroutingJump,
  rejected,
  structure,
  untaken,
} from '../../test/view-builders.ts';
import { baseJumpOrder } from './base-jump-order.ts';

const web = 'tcp 10.96.0.1:80';
const cart = 'tcp 10.96.0.3:6379';
const served = everyone(forwardTo('10.244.1.2:8080'));
const onlyNode = { ...served, pod: untaken, outside: untaken };
const accept = '-A PREROUTING -d 10.96.0.0/12 -j ACCEPT';

function ahead(other: Partial<RuleAhead> = {}): RuleAhead {
  const line = { table: 'nat', chain: 'PREROUTING', rule: accept };
  return { ...line, ahead: preroutingJump, origins: ['pod', 'outside'], frontends: excerpt(frontend(web)), ...other };
}

// test/scenarios/built-rules.test.ts has the same on recorded rules, test/published/foreign-structure.test.ts the rules
// of CNI plugins and firewalls that stand before kube-proxy's and take nothing.
describe('base-jump-order', () => {
  it('a rule before the jump takes the packets of a frontend that differs: its cause', () => {
    const view = nodeView({
      desired: [
        [web, served],
        [cart, served],
      ],
      observed: [
        [web, onlyNode],
        [cart, served],
      ],
      structures: [structure({ rulesAhead: excerpt(ahead()) })],
    });
    expect(baseJumpOrder.evaluate(view)).toEqual([
      {
        subject: { kind: 'Rule', name: 'nat PREROUTING -> KUBE-SERVICES (iptables-nft)' },
        summary:
          '1 foreign rule before the jump nat PREROUTING -> KUBE-SERVICES (ipv4) on node-a: 1 frontend served otherwise than asked for.',
        severity: 'high',
        evidence: [
          { kind: 'rule', table: 'nat', rule: accept, note: 'takes packets from pods and outside clients' },
          { kind: 'fact', name: 'frontends touched', value: '1' },
        ],
        remediation: [
          expect.objectContaining({ command: 'iptables-nft-save > rules-before-repair.txt' }),
          {
            command: `printf '%s\\n' '*nat' '-D PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES' '-I PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES' 'COMMIT' | iptables-nft-restore --noflush`,
            effect:
              'Moves the jump PREROUTING -> KUBE-SERVICES to the head of PREROUTING; where kube-proxy wrote it in other words, nothing is changed.',
          },
        ],
        frontends: [frontend(web)],
        explains: [frontend(web)],
      },
    ]);
  });

  it('in the filter table it is medium: packets are let through that should be refused', () => {
    const jump = { table: 'filter', from: 'FORWARD', to: 'KUBE-SERVICES' };
    const rule = ahead({ table: 'filter', chain: 'FORWARD', rule: '-A FORWARD -j ACCEPT', ahead: jump });
    const view = nodeView({
      desired: [[web, everyone(rejected)]],
      observed: [[web, { ...everyone(rejected), pod: untaken, outside: untaken }]],
      structures: [structure({ rulesAhead: excerpt(rule) })],
    });
    const [found] = baseJumpOrder.evaluate(view);
    expect([found?.severity, found?.explains]).toEqual([undefined, [frontend(web)]]);
  });

  it('a rule of which a report lists only a part may be the cause of every frontend that differs so', () => {
    const frontends = { total: 5000, first: [frontend(web)] };
    const view = nodeView({
      desired: [[cart, served]],
      observed: [[cart, onlyNode]],
      structures: [structure({ rulesAhead: excerpt(ahead({ frontends })) })],
    });
    expect(baseJumpOrder.evaluate(view).map(({ explains }) => explains)).toEqual([[frontend(cart)]]);
  });

  it('Calico stands first by design: its rules take packets, and nothing differs', () => {
    const rule = ahead({ chain: 'cali-fip-dnat' });
    const structures = [structure({ rulesAhead: excerpt(rule) })];
    const rows = [[web, served]] as const;
    expect(baseJumpOrder.evaluate(nodeView({ desired: rows, observed: rows, structures }))).toEqual([]);
  });

  it('what differs for another origin, or elsewhere, is not laid to it', () => {
    const view = nodeView({
      desired: [
        [web, served],
        [cart, served],
      ],
      observed: [
        [web, { ...served, node: untaken }],
        [cart, onlyNode],
      ],
      structures: [structure({ rulesAhead: excerpt(ahead()) })],
    });
    expect(baseJumpOrder.evaluate(view)).toEqual([]);
  });

  it('a backend without service rules may have what it likes before them', () => {
    const other = structure({ backend: 'legacy', hasServiceRules: false, rulesAhead: excerpt(ahead()) });
    const view = nodeView({ desired: [[web, served]], observed: [], structures: [other] });
    expect(baseJumpOrder.evaluate(view)).toEqual([]);
  });
});

describe('a rule behind the jump to KUBE-NODEPORTS', () => {
  const external = 'tcp 192.168.100.11:30080';
  const late = '-A KUBE-SERVICES -d 192.168.100.11/32 -p tcp -m tcp --dport 30080 -j KUBE-EXT-WEB';
  const structures = [
    structure({ rulesAfterNodePorts: excerpt({ table: 'nat', chain: 'KUBE-SERVICES', rule: late }) }),
  ];
  const nodePort = ['tcp node4:30080', everyone(forwardTo('10.244.1.9:80'))] as const;

  it("is the cause where one of the node's own addresses is served as a node port", () => {
    const view = nodeView({
      desired: [nodePort, [external, served]],
      observed: [nodePort, [external, everyone(forwardTo('10.244.1.9:80'))]],
      structures,
    });
    expect(baseJumpOrder.evaluate(view)).toMatchObject([
      {
        subject: { kind: 'Rule', name: 'nat KUBE-SERVICES -> KUBE-NODEPORTS (iptables-nft)' },
        explains: [frontend(external)],
      },
    ]);
  });

  it('does no harm where no port is both', () => {
    const view = nodeView({ desired: [[external, served]], observed: [], structures });
    expect(baseJumpOrder.evaluate(view)).toEqual([]);
  });
});
