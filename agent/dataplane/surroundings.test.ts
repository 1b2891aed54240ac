import { describe, expect, it } from 'vitest';
import { address, prefixDetector } from '../../test/builders.ts';
import { type RuleLines, rulesetOf, skeleton, together, webKey, webWith, webWithout } from '../../test/rules-text.ts';
import type { NodeFacts } from './node-facts.ts';
import { ruleTables } from './rule-tables.ts';
import { surroundingsOf } from './surroundings.ts';

const nodeA: NodeFacts = {
  family: 'ipv4',
  localAddresses: [address('127.0.0.1'), address('192.168.100.11'), address('10.244.1.1')],
  localDetector: prefixDetector('10.244.0.0/16'),
  links: ['lo', 'eth0', 'cni0', 'veth1'],
};
const webJump = { table: 'nat', from: 'PREROUTING', to: 'KUBE-SERVICES' };

function around(rules: RuleLines, node: Partial<NodeFacts> = {}) {
  return surroundingsOf(ruleTables(rulesetOf(rules), 'ipv4'), { ...nodeA, ...node }, 14);
}

const web = webWith('10.244.1.2:8080');
const ahead = (...nat: readonly string[]) => around(together({ nat }, web)).rulesAhead;

describe('a rule before the jump of PREROUTING', () => {
  it('that accepts the service range takes the packets of its frontends, of pods and of others', () => {
    const rule = '-A PREROUTING -d 10.96.0.0/12 -j ACCEPT';
    expect(ahead(rule)).toEqual({
      total: 1,
      first: [
        {
          table: 'nat',
          chain: 'PREROUTING',
          rule,
          ahead: webJump,
          origins: ['pod', 'outside'],
          frontends: { total: 1, first: [webKey] },
        },
      ],
    });
  });

  it.each([
    ['translates them', '-A PREROUTING -d 10.96.0.1/32 -p tcp -j DNAT --to-destination 203.0.113.7:80'],
    ['returns from the built-in chain', '-A PREROUTING -d 10.96.0.1/32 -j RETURN'],
    ['takes those of some sources', '-A PREROUTING -s 10.244.7.0/24 -j ACCEPT'],
  ])('and %s takes them', (_, rule) => {
    expect(ahead(rule).first.map((one) => one.rule)).toEqual([rule]);
  });

  it('in a chain of its own is named itself, not the jump to it', () => {
    const rule = '-A STRANGER -d 10.96.0.1/32 -j ACCEPT';
    const found = ahead('-A PREROUTING -j STRANGER', '-A STRANGER -s 192.0.2.0/24 -j RETURN', rule);
    expect(found.first.map((one) => [one.chain, one.rule])).toEqual([['STRANGER', rule]]);
  });

  it.each([
    ['another address', '-A PREROUTING -d 203.0.113.0/24 -j ACCEPT'],
    ['another port', '-A PREROUTING -d 10.96.0.1/32 -p tcp -m tcp --dport 443 -j ACCEPT'],
    ['addresses of the node, as portmap and Docker do', '-A PREROUTING -m addrtype --dst-type LOCAL -j ACCEPT'],
    ['packets that are no new connections', '-A PREROUTING -m conntrack --ctstate ESTABLISHED -j ACCEPT'],
    ['nothing but a mark', '-A PREROUTING -j MARK --set-xmark 0x10000/0x10000'],
    ['what comes by one interface, so that the fate is unknown anyway', '-A PREROUTING -i eth0 -j ACCEPT'],
    ['what cannot be decided', '-A PREROUTING -m set --match-set some src -j ACCEPT'],
  ])('and takes %s is none', (_, rule) => {
    expect(ahead(rule)).toEqual({ total: 0, first: [] });
  });

  it('or behind it is none', () => {
    const rule = '-A PREROUTING -d 10.96.0.0/12 -j ACCEPT';
    expect(around(together(web, { nat: [rule] })).rulesAhead.total).toBe(0);
  });
});

describe('a rule before the jumps of FORWARD', () => {
  const accepted = '-A FORWARD -s 10.244.0.0/16 -j ACCEPT';

  it("that accepts whatever pods send lets through what kube-proxy's rejects", () => {
    const { rulesAhead } = around(together({ filter: [accepted] }, webWithout));
    expect(
      rulesAhead.first.map(({ rule, ahead: jump, origins, frontends }) => [rule, jump.to, origins, frontends.first]),
    ).toEqual([[accepted, 'KUBE-SERVICES', ['pod'], [webKey]]]);
  });

  it('takes nothing that is translated before it gets there', () => {
    expect(around(together({ filter: [accepted] }, web)).rulesAhead.total).toBe(0);
  });
});

describe('the rules of KUBE-SERVICES', () => {
  const last = '-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS';

  it('behind the jump to KUBE-NODEPORTS are told', () => {
    const late = '-A KUBE-SERVICES -d 192.168.100.11/32 -p tcp -m tcp --dport 30080 -j KUBE-SVC-WEB';
    const rules = together(web, { nat: [':KUBE-NODEPORTS', last, late] });
    expect(around(rules).rulesAfterNodePorts).toEqual({
      total: 1,
      first: [{ table: 'nat', chain: 'KUBE-SERVICES', rule: late }],
    });
  });

  it('that lead there for each address of the node are all last', () => {
    const each = ['192.168.100.11', '203.0.113.9'].map((ip) => `-A KUBE-SERVICES -d ${ip}/32 -j KUBE-NODEPORTS`);
    expect(around(together(web, { nat: [':KUBE-NODEPORTS', ...each] })).rulesAfterNodePorts.total).toBe(0);
  });
});

describe("kube-proxy's mark 0x4000", () => {
  const effects = (rules: RuleLines) =>
    around(together(rules, web)).markRules.first.map(({ effect, rule }) => `${effect}: ${rule}`);

  it.each([
    ['mangle', '-A PREROUTING -i tun0 -j MARK --set-xmark 0x4000/0x4000'],
    ['mangle', '-A OUTPUT -m owner --uid-owner 1337 -j MARK --set-xmark 0xca6c/0xffffffff'],
    ['nat', '-A PREROUTING -d 203.0.113.9/32 -j MARK --set-xmark 0x4000/0x0'],
  ] as const)('is set by a stranger in %s: %s', (table, rule) => {
    expect(effects({ [table]: [rule] })).toEqual([`sets: ${rule}`]);
  });

  it.each([
    ['mangle', '-A POSTROUTING -o wg0 -j MARK --set-xmark 0x1/0xffffffff'],
    ['filter', '-A FORWARD -j MARK --set-xmark 0x0/0xffff'],
  ] as const)(
    'is cleared by a stranger in %s between the rule that sets it and the one that reads it: %s',
    (table, rule) => {
      expect(effects({ [table]: [rule] })).toEqual([`clears: ${rule}`]);
    },
  );

  it('is set where the mark of a connection is, if another rule restores that', () => {
    const sets = '-A PREROUTING -i eth1 -j CONNMARK --set-xmark 0x4000/0x4000';
    const restores = '-A PREROUTING -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff';
    expect(effects({ mangle: [sets] })).toEqual([]);
    expect(effects({ mangle: [sets, restores] })).toEqual([`sets: ${sets}`]);
  });

  it.each([
    ["Calico's bits", 'mangle', '-A FORWARD -j MARK --set-xmark 0x10000/0xffff0000'],
    ["portmap's bit", 'nat', '-A CNI-HOSTPORT-SETMARK -j MARK --set-xmark 0x2000/0x2000'],
    [
      'a mark of its own before kube-proxy sets its',
      'mangle',
      '-A PREROUTING -i wg0 -j MARK --set-xmark 0x1/0xffffffff',
    ],
    [
      'all bits of packets that do not have it',
      'mangle',
      '-A POSTROUTING -m mark --mark 0x1 -j MARK --set-xmark 0x0/0xffffffff',
    ],
    ['a match on it', 'filter', '-A FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT'],
    [
      'the marks of connections restored, which nobody sets',
      'mangle',
      '-A FORWARD -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff',
    ],
    ['a chain that nothing leads to', 'mangle', '-A UNUSED -j MARK --set-xmark 0x4000/0x4000'],
    ['packets to the node itself', 'mangle', '-A INPUT -j MARK --set-xmark 0x4000/0x4000'],
    ['packets that have been masqueraded already', 'nat', '-A POSTROUTING -j MARK --set-xmark 0x0/0xffffffff'],
  ] as const)('is let alone by %s', (_, table, rule) => {
    expect(around(together(web, { [table]: [rule] })).markRules.total).toBe(0);
  });
});

describe('new connections among pods', () => {
  const forwarding = (filter: readonly string[], node: Partial<NodeFacts> = {}) =>
    around(together(web, { filter }), node).podForwarding;
  const kubeForward = '-A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT';
  const kube = ['-A FORWARD -j KUBE-FORWARD', '-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP', kubeForward];
  const byPolicy = { fate: 'dropped', by: null, pods: '10.244.0.0/16' };

  it('are accepted where nothing drops them', () => {
    expect(forwarding(kube)).toEqual({ fate: 'accepted' });
  });

  it("are dropped by the policy: KUBE-FORWARD accepts what has kube-proxy's mark, and they have none", () => {
    expect(forwarding([':FORWARD DROP', ...kube])).toEqual(byPolicy);
  });

  it("are dropped by the policy where Docker's rules accept its own containers' only", () => {
    const docker = [
      '-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
      '-A FORWARD -i docker0 -j ACCEPT',
    ];
    const links = ['lo', 'eth0', 'cni0', 'docker0'];
    expect(forwarding([':FORWARD DROP', ...kube, ...docker], { links })).toEqual(byPolicy);
  });

  it('are dropped by a rule, which is told', () => {
    const rule = '-A HARDENED -j REJECT --reject-with icmp-port-unreachable';
    const by = { table: 'filter', chain: 'HARDENED', rule };
    expect(forwarding(['-A FORWARD -j HARDENED', rule])).toEqual({ fate: 'dropped', by, pods: '10.244.0.0/16' });
  });

  it('are dropped where the accepted range is another', () => {
    expect(forwarding([':FORWARD DROP', '-A FORWARD -s 10.42.0.0/16 -j ACCEPT'])).toEqual(byPolicy);
  });

  it("are accepted by flannel's rules for the pods' range", () => {
    const flannel = ['-A FORWARD -j FLANNEL-FWD', '-A FLANNEL-FWD -s 10.244.0.0/16 -j ACCEPT'];
    expect(forwarding([':FORWARD DROP', ...kube, ...flannel])).toEqual({ fate: 'accepted' });
  });

  it("are unknown where the bridge's interface decides", () => {
    const unknown = { fate: 'unknown', reason: 'interface-dependent' };
    expect(forwarding([':FORWARD DROP', '-A FORWARD -i cni0 -j ACCEPT'])).toEqual(unknown);
    expect(forwarding([':FORWARD DROP', '-A FORWARD -o cni0 -j ACCEPT'])).toEqual(unknown);
  });

  it("are not judged by the rules of single pods, a policy engine's", () => {
    const policy = ['-A FORWARD -d 10.244.1.9/32 -j DROP', '-A FORWARD -s 10.244.1.9/32 -j DROP'];
    expect(forwarding(policy)).toEqual({ fate: 'accepted' });
    expect(forwarding([':FORWARD DROP', '-A FORWARD -d 10.244.1.9/32 -j ACCEPT'])).toEqual(byPolicy);
  });

  it('are unknown where some ranges are dropped and some are not', () => {
    const rule = '-A FORWARD -d 10.244.2.0/24 -j DROP';
    expect(forwarding([rule])).toEqual({ fate: 'unknown', reason: 'address-dependent' });
  });

  it('are anybody to anybody where the range of pods is not known', () => {
    const nobodyKnows = { localDetector: { kind: 'none' } } as const;
    expect(forwarding([':FORWARD DROP'], nobodyKnows)).toEqual({ fate: 'dropped', by: null, pods: 'any' });
    const narrow = '-A FORWARD -s 10.0.0.0/8 -j ACCEPT';
    expect(forwarding([':FORWARD DROP', narrow], nobodyKnows).fate).toBe('unknown');
  });
});

describe('host ports', () => {
  const portmap = [
    '-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT',
    '-A CNI-HOSTPORT-DNAT -p tcp -m multiport --dports 8088 -j CNI-DN-8b54de9ef9ce11b42b1e5',
    '-A CNI-DN-8b54de9ef9ce11b42b1e5 -s 10.244.1.0/24 -p tcp -m tcp --dport 8088 -j CNI-HOSTPORT-SETMARK',
    '-A CNI-DN-8b54de9ef9ce11b42b1e5 -p tcp -m tcp --dport 8088 -j DNAT --to-destination 10.244.1.8:8080',
    ':CNI-HOSTPORT-SETMARK',
  ];
  const ports = (nat: readonly string[]) => around(together(web, { nat })).hostPorts;

  it("are portmap's, and no port of kube-proxy's", () => {
    const first = [{ protocol: 'tcp', port: 8088, address: null, backend: '10.244.1.8:8080' }];
    expect(ports(portmap)).toEqual({ total: 1, first });
  });

  it("are CRI-O's, in chains that are named like kube-proxy's", () => {
    const crio = [
      '-A PREROUTING -m addrtype --dst-type LOCAL -j KUBE-HOSTPORTS',
      '-A KUBE-HOSTPORTS -p udp -m udp --dport 53 -j KUBE-HP-WLTFZLTJ4QV7FRX3',
      '-A KUBE-HP-WLTFZLTJ4QV7FRX3 -d 192.168.100.11/32 -p udp -m udp --dport 53 -j DNAT --to-destination 10.244.1.9:53',
    ];
    const first = [{ protocol: 'udp', port: 53, address: '192.168.100.11', backend: '10.244.1.9:53' }];
    expect(ports(crio)).toEqual({ total: 1, first });
  });

  it("are CRI-O's, whose translations leave the port to the rule before", () => {
    const crio = [
      '-A PREROUTING -m addrtype --dst-type LOCAL -j KUBE-HOSTPORTS',
      '-A KUBE-HOSTPORTS -p tcp -m tcp --dport 443 -j KUBE-HP-A7HWACIJNU4N3R5W',
      '-A KUBE-HOSTPORTS -p tcp -m tcp --dport 80 -j KUBE-HP-K2CN5AJ7QZ2LWNBR',
      '-A KUBE-HP-A7HWACIJNU4N3R5W -s 10.244.1.8/32 -j KUBE-MARK-MASQ',
      '-A KUBE-HP-A7HWACIJNU4N3R5W -p tcp -m tcp -j DNAT --to-destination 10.244.1.8:8443',
      '-A KUBE-HP-K2CN5AJ7QZ2LWNBR -p tcp -m tcp -j DNAT --to-destination 10.244.1.9:8080',
    ];
    expect(ports(crio).first.map(({ port, backend }) => `${port} ${backend}`)).toEqual([
      '443 10.244.1.8:8443',
      '80 10.244.1.9:8080',
    ]);
  });

  it('that nothing leads to any more are none', () => {
    expect(ports(portmap.slice(2))).toEqual({ total: 0, first: [] });
    expect(ports(portmap.filter((line) => !line.startsWith('-A PREROUTING')))).toEqual({ total: 0, first: [] });
  });
});

describe("kube-proxy's own rules", () => {
  it('name the health check node ports, each once', () => {
    const accept =
      '-A KUBE-NODEPORTS -p tcp -m comment --comment "edge/ingress:http health check node port" -m tcp --dport 32000 -j ACCEPT';
    const https = accept.replace(':http ', ':https ');
    expect(around(together(skeleton, { filter: [accept, https] })).healthCheckPorts).toEqual([32000]);
  });

  it('that drop for want of a local endpoint are counted, others that drop are not', () => {
    const filter = [
      '-A KUBE-SERVICES -d 10.96.0.9/32 -p tcp -m comment --comment "ns/svc:p has no local endpoints" -m tcp --dport 80 -j DROP',
      '-A KUBE-EXTERNAL-SERVICES -p tcp -m comment --comment "ns/svc:p has no local endpoints" -m addrtype --dst-type LOCAL -m tcp --dport 30080 -j DROP',
      '-A KUBE-PROXY-FIREWALL -d 203.0.113.11/32 -p tcp -m tcp --dport 80 -j DROP',
    ];
    expect(around(together(skeleton, { filter })).localDrops).toBe(2);
    expect(around(webWithout).localDrops).toBe(0);
  });
});
