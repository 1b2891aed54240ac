import { describe, expect, it } from 'vitest';
import { address, prefix, prefixDetector } from '../../test/builders.ts';
import { fateInShort } from '../../test/fate-in-short.ts';
import { type RuleLines, rulesetOf, together } from '../../test/rules-text.ts';
import { backend, frontend } from '../../test/view-builders.ts';
import { origins } from '../../proto/forwarding.ts';
import type { IptablesBackend } from '../../proto/parts.ts';
import { type IpvsTraceInput, traceIpvs } from './ipvs.ts';
import type { BalancedService } from './ipvs/balancer.ts';
import { readIpSets } from './ipvs/ipsets.ts';
import { type ServerKey, serverKey } from './ipvs/server.ts';
import { parseFrontendKey } from '../../proto/canonical.ts';

/** What kube-proxy v1.36 writes in ipvs mode, recorded on node-d of s6-ipvs-healthy; comments left out. */
const kubeProxy: RuleLines = {
  nat: [
    '-A PREROUTING -j KUBE-SERVICES',
    '-A OUTPUT -j KUBE-SERVICES',
    '-A POSTROUTING -j KUBE-POSTROUTING',
    '-A KUBE-LOAD-BALANCER -m set --match-set KUBE-LOAD-BALANCER-LOCAL dst,dst -j RETURN',
    '-A KUBE-LOAD-BALANCER -j KUBE-MARK-MASQ',
    '-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000',
    '-A KUBE-NODE-PORT -p tcp -m set --match-set KUBE-NODE-PORT-LOCAL-TCP dst -j RETURN',
    '-A KUBE-NODE-PORT -p tcp -m set --match-set KUBE-NODE-PORT-TCP dst -j KUBE-MARK-MASQ',
    '-A KUBE-POSTROUTING -m set --match-set KUBE-LOOP-BACK dst,dst,src -j MASQUERADE',
    '-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN',
    '-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0',
    '-A KUBE-POSTROUTING -j MASQUERADE --random-fully',
    '-A KUBE-SERVICES -s 127.0.0.0/8 -j RETURN',
    '-A KUBE-SERVICES -m set --match-set KUBE-LOAD-BALANCER dst,dst -j KUBE-LOAD-BALANCER',
    '-A KUBE-SERVICES ! -s 10.244.0.0/16 -m set --match-set KUBE-CLUSTER-IP dst,dst -j KUBE-MARK-MASQ',
    '-A KUBE-SERVICES -m set --match-set KUBE-EXTERNAL-IP dst,dst -j KUBE-MARK-MASQ',
    '-A KUBE-SERVICES -m set --match-set KUBE-EXTERNAL-IP dst,dst -m physdev ! --physdev-is-in -m addrtype ! --src-type LOCAL -j ACCEPT',
    '-A KUBE-SERVICES -m set --match-set KUBE-EXTERNAL-IP dst,dst -m addrtype --dst-type LOCAL -j ACCEPT',
    '-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODE-PORT',
    '-A KUBE-SERVICES -m set --match-set KUBE-CLUSTER-IP dst,dst -j ACCEPT',
    '-A KUBE-SERVICES -m set --match-set KUBE-LOAD-BALANCER dst,dst -j ACCEPT',
  ],
  filter: [
    '-A INPUT -j KUBE-IPVS-FILTER',
    '-A INPUT -j KUBE-PROXY-FIREWALL',
    '-A FORWARD -j KUBE-PROXY-FIREWALL',
    '-A OUTPUT -j KUBE-IPVS-OUT-FILTER',
    '-A KUBE-IPVS-FILTER -m set --match-set KUBE-LOAD-BALANCER dst,dst -j RETURN',
    '-A KUBE-IPVS-FILTER -m set --match-set KUBE-CLUSTER-IP dst,dst -j RETURN',
    '-A KUBE-IPVS-FILTER -m set --match-set KUBE-EXTERNAL-IP dst,dst -j RETURN',
    '-A KUBE-IPVS-FILTER -m conntrack --ctstate NEW -m set --match-set KUBE-IPVS-IPS dst -j REJECT --reject-with icmp-port-unreachable',
    '-A KUBE-IPVS-OUT-FILTER -s 203.0.113.11/32 -m ipvs --vproto 6 --vaddr 203.0.113.11 --vport 80 -j DROP',
    '-A KUBE-PROXY-FIREWALL -m set --match-set KUBE-LOAD-BALANCER-FW dst,dst -j KUBE-SOURCE-RANGES-FIREWALL',
    '-A KUBE-SOURCE-RANGES-FIREWALL -m set --match-set KUBE-LOAD-BALANCER-SOURCE-CIDR dst,dst,src -j RETURN',
    '-A KUBE-SOURCE-RANGES-FIREWALL -j DROP',
  ],
};

const setTypes = {
  'KUBE-CLUSTER-IP': 'hash:ip,port',
  'KUBE-EXTERNAL-IP': 'hash:ip,port',
  'KUBE-IPVS-IPS': 'hash:ip',
  'KUBE-LOAD-BALANCER': 'hash:ip,port',
  'KUBE-LOAD-BALANCER-FW': 'hash:ip,port',
  'KUBE-LOAD-BALANCER-LOCAL': 'hash:ip,port',
  'KUBE-LOAD-BALANCER-SOURCE-CIDR': 'hash:ip,port,net',
  'KUBE-LOOP-BACK': 'hash:ip,port,ip',
  'KUBE-NODE-PORT-LOCAL-TCP': 'bitmap:port',
  'KUBE-NODE-PORT-TCP': 'bitmap:port',
} as const;
type SetEntries = { readonly [name in keyof typeof setTypes]?: readonly string[] };

const clusterIp: SetEntries = { 'KUBE-CLUSTER-IP': ['10.96.0.1,tcp:80'], 'KUBE-IPVS-IPS': ['10.96.0.1'] };
const limited: SetEntries = {
  'KUBE-LOAD-BALANCER': ['203.0.113.11,tcp:80'],
  'KUBE-LOAD-BALANCER-FW': ['203.0.113.11,tcp:80'],
  'KUBE-LOAD-BALANCER-SOURCE-CIDR': ['203.0.113.11,tcp:80,198.51.100.0/24'],
  'KUBE-IPVS-IPS': ['203.0.113.11'],
};
const web = 'tcp 10.96.0.1:80';
const remote = '10.244.1.2:8080';

function savedSets(entries: SetEntries): string {
  const lines = Object.entries(setTypes).flatMap(([name, type]) => [
    `create ${name} ${type} family inet`,
    ...(entries[name as keyof typeof setTypes] ?? []).map((entry) => `add ${name} ${entry}`),
  ]);
  return `${lines.join('\n')}\n`;
}

/** A virtual server written as its frontend's key, and its real servers with their weights. */
function serving(
  key: string,
  servers: Readonly<Record<string, number>>,
  other: Partial<BalancedService> = {},
): readonly [ServerKey, BalancedService] {
  const parsed = parseFrontendKey(key);
  if (parsed === null || parsed.address === 'node') throw new Error(`${key} is no virtual server`);
  const { protocol, address: at, port } = parsed;
  const all = Object.entries(servers).map(([to, weight]) => ({
    backend: backend(to),
    method: 'masq' as const,
    weight,
    activeConnections: 0,
    inactiveConnections: 0,
  }));
  const service = {
    protocol,
    address: at,
    port,
    scheduler: 'rr',
    persistentTicks: null,
    affinitySeconds: 0,
    servers: all,
  };
  return [serverKey(protocol, at, port), { ...service, ...other }];
}

interface Sketch extends Partial<Omit<IpvsTraceInput, 'services' | 'sets' | 'rulesets' | 'boundAddresses'>> {
  readonly services: readonly (readonly [ServerKey, BalancedService])[];
  readonly sets?: SetEntries | null;
  readonly rules?: RuleLines;
  readonly more?: { readonly backend: IptablesBackend; readonly rules: RuleLines };
  readonly bound?: readonly string[];
}

function trace({ services, sets = clusterIp, rules = kubeProxy, more, bound, ...other }: Sketch) {
  const read = readIpSets(savedSets(sets ?? {}), () => sets !== null);
  if (!read.ok) throw new Error(read.problem);
  const own = new Set(['192.0.2.1', '192.0.2.2']);
  const addresses = services.map(([, one]) => one.address).filter((one) => !own.has(one));
  return traceIpvs({
    services: new Map(services),
    boundAddresses: (bound ?? addresses).map(address),
    rulesets: [
      { backend: 'legacy', family: 'ipv4', ruleset: rulesetOf(rules) },
      ...(more === undefined
        ? []
        : [{ backend: more.backend, family: 'ipv4' as const, ruleset: rulesetOf(more.rules) }]),
    ],
    sets: read.value,
    tracksConnections: true,
    localAddresses: [address('192.0.2.1')],
    localDetector: { ipv4: prefixDetector('10.244.0.0/16'), ipv6: { kind: 'none' } },
    ...other,
  });
}

/** The table in few words: one text where all origins are alike, else pod, node, outside. */
function told(sketch: Sketch): Readonly<Record<string, string | readonly string[]>> {
  const { table } = trace(sketch);
  return Object.fromEntries(
    [...table].map(([key, { forwarding }]) => {
      const texts = origins.map((origin) => fateInShort(forwarding[origin]));
      return [key, new Set(texts).size === 1 ? (texts[0] ?? '') : texts];
    }),
  );
}

const masqueraded = `${remote} masquerade=always`;
const farHairpin = `${remote} masquerade=never hairpin=none`;

describe('a cluster IP', () => {
  it('is masqueraded for all but pods; a backend elsewhere is not when it reaches itself', () => {
    expect(told({ services: [serving(web, { [remote]: 1 })] })).toEqual({
      [web]: [farHairpin, masqueraded, masqueraded],
    });
  });

  it('of a pod on this node: KUBE-LOOP-BACK masquerades what it sends to itself', () => {
    const own = '10.244.3.2:8080';
    const sets = { ...clusterIp, 'KUBE-LOOP-BACK': ['10.244.3.2,tcp:8080,10.244.3.2'] };
    expect([
      told({ services: [serving(web, { [own]: 1 })], sets }),
      told({ services: [serving(web, { [own]: 1, [remote]: 1 })], sets }),
    ]).toEqual([
      { [web]: [`${own} masquerade=never`, `${own} masquerade=always`, `${own} masquerade=always`] },
      {
        [web]: [
          `${remote},${own} masquerade=never hairpin=some`,
          `${remote},${own} masquerade=always`,
          `${remote},${own} masquerade=always`,
        ],
      },
    ]);
  });

  it('without a real server, or with none that takes new clients, is refused to everybody', () => {
    expect([told({ services: [serving(web, {})] }), told({ services: [serving(web, { [remote]: 0 })] })]).toEqual([
      { [web]: 'reject' },
      { [web]: 'reject' },
    ]);
  });

  it('leaves drained servers out, and is kept by clients as long as it says', () => {
    const services = [serving(web, { [remote]: 1, '10.244.2.2:8080': 0 }, { affinitySeconds: 10_800 })];
    const kept = `${remote} affinity=10800`;
    expect(told({ services })).toEqual({
      [web]: [`${kept} masquerade=never hairpin=none`, `${kept} masquerade=always`, `${kept} masquerade=always`],
    });
  });

  it('whose entry in the sets is gone is refused where packets come in, and not masqueraded from the node', () => {
    const sets = { 'KUBE-IPVS-IPS': ['10.96.0.1'] };
    expect(told({ services: [serving(web, { [remote]: 1 })], sets })).toEqual({
      [web]: ['reject', farHairpin, 'reject'],
    });
  });

  it('on no link of the node is routed away, but for what the node itself sends', () => {
    expect([
      told({ services: [serving(web, { [remote]: 1 })], bound: [] }),
      told({ services: [serving(web, {})], bound: [] }),
    ]).toEqual([{ [web]: ['none', masqueraded, 'none'] }, { [web]: ['none', 'reject', 'none'] }]);
  });

  it('where kube-proxy tells no pods, only what a service address sends to itself is masqueraded', () => {
    const nat = (kubeProxy.nat ?? []).map((rule) =>
      rule.replace(
        '! -s 10.244.0.0/16 -m set --match-set KUBE-CLUSTER-IP dst,dst',
        '-m set --match-set KUBE-CLUSTER-IP src,dst',
      ),
    );
    const localDetector = { ipv4: { kind: 'none' }, ipv6: { kind: 'none' } } as const;
    const sets = { 'KUBE-CLUSTER-IP': ['10.96.0.1,tcp:80', '10.96.0.7,tcp:80'] };
    const services = [serving(web, { [remote]: 1 })];
    expect(
      told({ services, rules: { ...kubeProxy, nat }, sets, localDetector, bound: ['10.96.0.1', '10.96.0.7'] }),
    ).toEqual({
      [web]: [farHairpin, `${remote} masquerade=some:10.96.0.1/32 hairpin=none`, farHairpin],
    });
  });
});

describe('addresses from outside', () => {
  it('an external one is masqueraded for everybody, whether or not pods hang on a bridge', () => {
    const sets = { 'KUBE-EXTERNAL-IP': ['198.51.100.50,tcp:80'], 'KUBE-IPVS-IPS': ['198.51.100.50'] };
    const external = 'tcp 198.51.100.50:80';
    expect(told({ services: [serving(external, { [remote]: 1 })], sets })).toEqual({ [external]: masqueraded });
  });

  it('a load balancer’s is too, unless its policy is Local', () => {
    const balancer = 'tcp 203.0.113.10:80';
    const sets = { 'KUBE-LOAD-BALANCER': ['203.0.113.10,tcp:80'], 'KUBE-IPVS-IPS': ['203.0.113.10'] };
    const local = { ...sets, 'KUBE-LOAD-BALANCER-LOCAL': ['203.0.113.10,tcp:80'] };
    const services = [serving(balancer, { [remote]: 1 })];
    expect([told({ services, sets }), told({ services, sets: local })]).toEqual([
      { [balancer]: masqueraded },
      { [balancer]: farHairpin },
    ]);
  });

  it('source ranges hold where packets come in; the node is dropped only as the address itself', () => {
    const balancer = 'tcp 203.0.113.11:80';
    expect(told({ services: [serving(balancer, { [remote]: 1 })], sets: limited })).toEqual({
      [balancer]: [
        'drop',
        `${remote} sources=192.0.2.1/32 else drop masquerade=always`,
        `${remote} sources=198.51.100.0/24 else drop masquerade=always`,
      ],
    });
  });

  it('behind source ranges and without endpoints whoever is let in is refused', () => {
    const balancer = 'tcp 203.0.113.11:80';
    expect(told({ services: [serving(balancer, {})], sets: limited })).toEqual({
      [balancer]: ['drop', 'reject', 'reject'],
    });
  });
});

describe('node ports', () => {
  const sets = { 'KUBE-NODE-PORT-TCP': ['30080'] };
  const at = (host: string) => serving(`tcp ${host}:30080`, { [remote]: 1 });

  it('are virtual servers at the node’s own addresses', () => {
    const local = { ...sets, 'KUBE-NODE-PORT-LOCAL-TCP': ['30080'] };
    expect([told({ services: [at('192.0.2.1')], sets }), told({ services: [at('192.0.2.1')], sets: local })]).toEqual([
      { 'tcp node4:30080': masqueraded },
      { 'tcp node4:30080': farHairpin },
    ]);
  });

  it('answer on every address that has any, or not at all', () => {
    const localAddresses = [address('192.0.2.1'), address('192.0.2.2'), address('127.0.0.1')];
    const other = serving('tcp 192.0.2.2:30090', { [remote]: 1 });
    expect([
      // An address that came after kube-proxy’s last sync has no virtual server at all.
      told({ services: [at('192.0.2.1')], sets, localAddresses }),
      told({ services: [at('192.0.2.1'), at('192.0.2.2')], sets, localAddresses }),
      told({ services: [at('192.0.2.1'), other], sets, localAddresses }),
      told({ services: [at('192.0.2.1'), other], sets, localAddresses, nodePortAddresses: [prefix('192.0.2.1/32')] }),
    ]).toEqual([
      { 'tcp node4:30080': masqueraded },
      { 'tcp node4:30080': masqueraded },
      {},
      { 'tcp node4:30080': masqueraded },
    ]);
  });

  it('at an address that the node has lost are nobody’s any more', () => {
    expect(told({ services: [at('192.0.2.1'), at('198.51.100.9')], sets, bound: [] })).toEqual({
      'tcp node4:30080': masqueraded,
    });
  });

  it('a Service’s own address on a link of the node is told as that address', () => {
    const external = { 'KUBE-EXTERNAL-IP': ['192.0.2.1,tcp:80'], 'KUBE-IPVS-IPS': ['192.0.2.1'] };
    expect(told({ services: [serving('tcp 192.0.2.1:80', { [remote]: 1 })], sets: external })).toEqual({
      'tcp 192.0.2.1:80': masqueraded,
    });
  });
});

describe('what cannot be known, or is not as it should be', () => {
  it('weights share unequally only where the scheduler heeds them', () => {
    const servers = { [remote]: 3, '10.244.2.2:8080': 1 };
    const shares = (scheduler: string) => {
      const dress = trace({ services: [serving(web, servers, { scheduler })] }).table.get(frontend(web))?.forwarding
        .node.dress;
      return dress?.shares;
    };
    expect([shares('rr'), shares('wrr')]).toEqual(['even', { parts: [1_610_612_736, 536_870_912], lost: 0 }]);
  });

  it('sets that were not read leave it open', () => {
    expect(told({ services: [serving(web, { [remote]: 1 })], sets: null })).toEqual({
      [web]: 'unknown set-not-read',
    });
  });

  it('so do a server that is not translated to, and clients kept for nobody knows how long', () => {
    const [key, service] = serving(web, { [remote]: 1 });
    const tunnel = { ...service, servers: service.servers.map((server) => ({ ...server, method: 'tunnel' as const })) };
    expect([
      told({ services: [[key, tunnel]] }),
      told({ services: [serving(web, { [remote]: 1 }, { affinitySeconds: null })] }),
    ]).toEqual([{ [web]: 'unknown unreadable-target' }, { [web]: 'unknown unreadable-rule' }]);
  });

  it('without connection tracking nothing is masqueraded', () => {
    expect(told({ services: [serving(web, { [remote]: 1 })], tracksConnections: false })).toEqual({
      [web]: farHairpin,
    });
  });

  it('without any rules too, and everything gets in', () => {
    expect(told({ services: [serving(web, { [remote]: 1 })], rules: { nat: [] } })).toEqual({
      [web]: farHairpin,
    });
  });

  it('a stranger’s rule before the load balancer is heeded', () => {
    const rules = together({ filter: ['-A INPUT -s 198.51.100.0/24 -p tcp -m tcp --dport 80 -j DROP'] }, kubeProxy);
    const text = told({ services: [serving(web, { [remote]: 1 })], rules })[web];
    expect(text?.[2]).toMatch(/else drop masquerade=always$/);
  });

  it('rules of kube-proxy in both backends that differ leave it open for those they differ for', () => {
    const unmarking = { ...kubeProxy, nat: (kubeProxy.nat ?? []).filter((rule) => !rule.includes('KUBE-MARK-MASQ')) };
    const more = { backend: 'nft', rules: unmarking } as const;
    expect(told({ services: [serving(web, { [remote]: 1 })], more })).toEqual({
      [web]: [farHairpin, 'unknown order-not-visible', 'unknown order-not-visible'],
    });
  });
});

describe('the lines behind a frontend', () => {
  it('are the virtual server as ipvsadm prints it, then the rules that its packets meet', () => {
    const { explain } = trace({ services: [serving(web, { [remote]: 1 }, { affinitySeconds: 600 })] });
    const { first, total } = explain(frontend(web));
    expect(first.slice(0, 4)).toEqual([
      { table: 'ipvs', chain: '10.96.0.1:80', rule: '-A -t 10.96.0.1:80 -s rr -p 600' },
      { table: 'ipvs', chain: '10.96.0.1:80', rule: '-a -t 10.96.0.1:80 -r 10.244.1.2:8080 -m -w 1' },
      { table: 'nat', chain: 'PREROUTING', rule: '-A PREROUTING -j KUBE-SERVICES' },
      expect.objectContaining({ chain: 'KUBE-SERVICES', rule: expect.stringContaining('KUBE-NODE-PORT') }),
    ]);
    expect(total).toBe(first.length);
  });

  it('are none of a frontend that is not there', () => {
    expect(trace({ services: [] }).explain(frontend(web))).toEqual({ total: 0, first: [] });
  });
});
