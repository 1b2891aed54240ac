/** One packet's way through the rules: its verdict, and the rules that it met. */
import { describe, expect, it } from 'vitest';
import { address } from '../../test/builders.ts';
import {
  nodeAddresses,
  type RuleLines,
  rulesetOf,
  together,
  webEntry,
  webRefused,
  webWith,
  webWithout,
} from '../../test/rules-text.ts';
import { type PacketAnswer, type PacketQuestion, tracePacket } from './packet-path.ts';

type Sent = Partial<Pick<PacketQuestion, 'port' | 'protocol'>> & { readonly from?: string; readonly to?: string };

function send(
  rules: RuleLines | { readonly nft: RuleLines; readonly legacy: RuleLines },
  sent: Sent = {},
): PacketAnswer {
  const { from = '10.244.1.9', to = '10.96.0.1', port = 80, protocol = 'tcp' } = sent;
  const both: { readonly nft: RuleLines; readonly legacy?: RuleLines } = 'nft' in rules ? rules : { nft: rules };
  return tracePacket({
    rulesets: (['nft', 'legacy'] as const).flatMap((backend) => {
      const own = both[backend];
      return own === undefined ? [] : [{ backend, family: 'ipv4' as const, ruleset: rulesetOf(own) }];
    }),
    from: address(from),
    to: address(to),
    port,
    protocol,
    localAddresses: nodeAddresses.map(address),
  });
}

/** The answer without the way. */
function verdict(...question: Parameters<typeof send>): Omit<PacketAnswer, 'path'> {
  const { path: _, ...answer } = send(...question);
  return answer;
}

const web = webWith('10.244.1.2:8080', '10.244.2.2:8080');
const backends = [
  { ip: '10.244.1.2', port: 8080 },
  { ip: '10.244.2.2', port: 8080 },
];
const ended = (how: PacketAnswer['verdict']) => ({ verdict: how, backends: [], masquerade: false });

describe('a packet to a Service', () => {
  it('from a pod keeps its source', () => {
    expect(verdict(web)).toEqual({ verdict: 'forward', backends, masquerade: false });
  });

  it.each([
    ['198.51.100.7', 'outside'],
    ['192.168.100.11', 'the node'],
    ['127.0.0.1', "the node's loopback"],
    ['127.0.0.53', 'another address of loopback'],
    ['10.244.1.2', 'its own endpoint'],
  ])('from %s, %s, is masqueraded', (from) => {
    expect(verdict(web, { from })).toEqual({ verdict: 'forward', backends, masquerade: true });
  });

  it('to another port, protocol or address is taken by no rule', () => {
    expect(verdict(web, { port: 443 })).toEqual(ended('none'));
    expect(verdict(web, { protocol: 'udp' })).toEqual(ended('none'));
    expect(verdict(web, { to: '10.96.0.2' })).toEqual(ended('none'));
  });

  it('without endpoints is refused; behind a firewall that drops or lets through before, it is not', () => {
    expect(verdict(webWithout)).toEqual(ended('reject'));
    expect(verdict(together({ filter: ['-A FORWARD -s 10.244.0.0/16 -j DROP'] }, webWithout))).toEqual(ended('drop'));
    expect(verdict(together({ filter: ['-A FORWARD -s 10.244.0.0/16 -j ACCEPT'] }, webWithout))).toEqual(
      ended('accept'),
    );
  });

  it('that is exempt from tracking is seen by no service rule', () => {
    const raw = ['-A PREROUTING -d 10.96.0.1/32 -j CT --notrack'];
    expect(verdict(together({ raw }, web))).toEqual({ ...ended('unknown'), reason: 'untracked' });
  });

  it('before which a rule cannot be decided, with its reason', () => {
    const set = { nat: ['-A PREROUTING -m set --match-set a src -j ACCEPT'] };
    expect(verdict(together(set, web))).toEqual({ ...ended('unknown'), reason: 'set-not-read' });
    const many = Array.from(
      { length: 20 },
      (_, i) => `-A PREROUTING -m set --match-set s${i} src -j MARK --set-xmark 0x1/0x1`,
    );
    expect(verdict(together({ mangle: many }, web))).toEqual({ ...ended('unknown'), reason: 'set-not-read' });
  });

  it('that two backends translate: not if they do the same', () => {
    const other = webWith('10.244.9.9:8080');
    expect(verdict({ nft: web, legacy: web })).toEqual({ verdict: 'forward', backends, masquerade: false });
    expect(verdict({ nft: web, legacy: other })).toEqual({ ...ended('unknown'), reason: 'order-not-visible' });
  });

  it('that one backend translates and the filter of the other would drop goes on', () => {
    const strangers: RuleLines = { filter: [':FORWARD DROP'] };
    expect(verdict({ nft: web, legacy: strangers })).toEqual({ verdict: 'forward', backends, masquerade: false });
    expect(verdict({ nft: strangers, legacy: web })).toEqual({ verdict: 'forward', backends, masquerade: false });
    expect(verdict({ nft: web, legacy: { raw: [':PREROUTING DROP'] } })).toEqual(ended('drop'));
    expect(verdict({ nft: webWithout, legacy: strangers })).toEqual({
      ...ended('unknown'),
      reason: 'order-not-visible',
    });
  });

  it('on a node without rules', () => {
    expect(
      tracePacket({
        rulesets: [],
        from: address('10.0.0.1'),
        to: address('10.0.0.2'),
        port: 1,
        protocol: 'tcp',
        localAddresses: [],
      }),
    ).toEqual({
      ...ended('none'),
      path: [],
    });
  });
});

describe('the way of a packet', () => {
  it('names the rules that it matches, in order, and none beside', () => {
    const single = webWith('10.244.1.2:8080');
    expect(send(single, { from: '198.51.100.7' }).path).toEqual([
      {
        table: 'nat',
        chain: 'PREROUTING',
        rule: '-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
      },
      { table: 'nat', chain: 'KUBE-SERVICES', rule: webEntry },
      {
        table: 'nat',
        chain: 'KUBE-SVC-WEB',
        rule: '-A KUBE-SVC-WEB ! -s 10.244.0.0/16 -d 10.96.0.1/32 -p tcp -m tcp --dport 80 -j KUBE-MARK-MASQ',
      },
      { table: 'nat', chain: 'KUBE-MARK-MASQ', rule: '-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000' },
      { table: 'nat', chain: 'KUBE-SVC-WEB', rule: '-A KUBE-SVC-WEB -j KUBE-SEP-10.244.1.2' },
      {
        table: 'nat',
        chain: 'KUBE-SEP-10.244.1.2',
        rule: '-A KUBE-SEP-10.244.1.2 -p tcp -m tcp -j DNAT --to-destination 10.244.1.2:8080',
      },
    ]);
  });

  it('of one that is refused ends with the rule that refuses it; chains that can do nothing are left out', () => {
    expect(send(webWithout).path.map(({ rule }) => rule)).toEqual([
      '-A FORWARD -m conntrack --ctstate NEW -j KUBE-SERVICES',
      webRefused,
    ]);
  });
});

describe('a packet of which nobody says where it came in', () => {
  const elsewhere = '-j DNAT --to-destination 172.17.0.2:80';

  it('is unknown where a rule asks for the interface and it makes a difference', () => {
    const asked = together({ nat: [`-A PREROUTING -i eth0 -d 10.96.0.1/32 ${elsewhere}`] }, web);
    expect(verdict(asked)).toEqual({ ...ended('unknown'), reason: 'interface-dependent' });
    // The node's own packets come in nowhere.
    expect(verdict(asked, { from: '192.168.100.11' }).verdict).toBe('forward');
  });

  it('is known where it makes none', () => {
    const asked = together({ nat: [`-A PREROUTING -i eth0 -d 10.96.0.2/32 ${elsewhere}`] }, web);
    expect(verdict(asked)).toEqual({ verdict: 'forward', backends, masquerade: false });
  });
});
