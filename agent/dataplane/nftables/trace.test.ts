import { describe, expect, it } from 'vitest';
import { frontend } from '../../../test/view-builders.ts';
import { inShort, type NftContents, newShape, oldShape, traceText } from '../../../test/nft-tables.ts';

const web = 'shop/web/tcp/http';
const toWeb = `goto service-WXYZ2345-${web}`;
const even = 'meta l4proto tcp dnat ip to numgen random mod 2 map { 0 : 10.244.1.2 . 80, 1 : 10.244.2.2 . 80 }';
const webChain = { [`service-WXYZ2345-${web}`]: [even] };

function traced(contents: NftContents): ReturnType<typeof inShort> {
  return inShort(traceText(newShape(contents)).table);
}

describe('a cluster IP', () => {
  const elements = { 'service-ips': [`10.96.0.1 . tcp . 80 : ${toWeb}`], 'cluster-ips': ['10.96.0.1'] };

  it('is forwarded, masqueraded from outside the pod range', () => {
    expect(traced({ elements, chains: webChain })).toEqual({
      'tcp 10.96.0.1:80': [
        'pod: 10.244.1.2:80,10.244.2.2:80 masquerade=never hairpin=none',
        'node: 10.244.1.2:80,10.244.2.2:80 masquerade=always',
        'outside: 10.244.1.2:80,10.244.2.2:80 masquerade=always',
      ],
    });
  });

  it('is not masqueraded where it is in no set of cluster IPs', () => {
    const { 'tcp 10.96.0.1:80': fates } = traced({ elements: { ...elements, 'cluster-ips': [] }, chains: webChain });
    expect(fates).toEqual('10.244.1.2:80,10.244.2.2:80 masquerade=never hairpin=none');
  });

  it.each([
    [['10.244.1.2 . 10.244.1.2 . tcp . 80'], 'some'],
    [['10.244.1.2 . 10.244.1.2 . tcp . 80', '10.244.2.2 . 10.244.2.2 . tcp . 80'], 'all'],
    [['10.244.1.2 . 10.244.1.2 . udp . 80', '10.244.2.2 . 10.244.2.2 . tcp . 81'], 'none'],
  ])('with hairpins %j: backends that reach themselves are masqueraded: %s', (hairpins, told) => {
    const { table } = traceText(
      newShape({ elements: { ...elements, 'hairpin-connections': hairpins }, chains: webChain }),
    );
    expect(table.get(frontend('tcp 10.96.0.1:80'))?.forwarding.pod.dress?.hairpin).toBe(told);
  });

  it('without endpoints is rejected', () => {
    const rejects = { 'no-endpoint-services': ['10.96.0.1 . tcp . 80 comment "shop/web:http" : goto reject-chain'] };
    expect(traced({ elements: { ...rejects, 'cluster-ips': ['10.96.0.1'] } })).toEqual({
      'tcp 10.96.0.1:80': 'reject',
    });
  });

  it('that only cluster-ips-check knows is nobody’s frontend', () => {
    expect(traced({ elements: { 'cluster-ips': ['10.96.0.1'] } })).toEqual({});
  });

  it('whose chain was emptied is rejected by cluster-ips-check', () => {
    expect(traced({ elements, chains: { [`service-WXYZ2345-${web}`]: [] } })).toEqual({ 'tcp 10.96.0.1:80': 'reject' });
  });

  it('is none where nothing leads to `services` from the hook of a packet’s origin', () => {
    const chains = { ...webChain, 'nat-prerouting': ['type nat hook prerouting priority dstnat; policy accept;'] };
    expect(traced({ elements, chains })).toEqual({
      'tcp 10.96.0.1:80': ['pod: reject', 'node: 10.244.1.2:80,10.244.2.2:80 masquerade=always', 'outside: reject'],
    });
  });
});

describe('shares', () => {
  const elements = { 'service-ips': [`198.51.100.1 . tcp . 80 : ${toWeb}`] };
  const withRule = (rule: string): unknown =>
    traceText(newShape({ elements, chains: { [`service-WXYZ2345-${web}`]: [rule] } })).table.get(
      frontend('tcp 198.51.100.1:80'),
    )?.forwarding.outside.dress?.shares;

  it('are even where every number leads to another backend', () => {
    expect(withRule(even)).toBe('even');
  });

  it('are told where a number leads nowhere', () => {
    expect(withRule('meta l4proto tcp dnat ip to numgen random mod 4 map { 0 : 10.244.1.2 . 80 }')).toEqual({
      parts: [2 ** 29],
      lost: 3 * 2 ** 29,
    });
  });

  it('are told where one backend has several numbers', () => {
    const rule = 'meta l4proto tcp dnat ip to numgen random mod 4 map { 0-2 : 10.244.1.2 . 80, 3 : 10.244.2.2 . 80 }';
    expect(withRule(rule)).toEqual({ parts: [3 * 2 ** 29, 2 ** 29], lost: 0 });
  });

  it('what a number leads nowhere with goes on to the next rule', () => {
    const chains = {
      [`service-WXYZ2345-${web}`]: [
        'meta l4proto tcp dnat ip to numgen random mod 2 map { 0 : 10.244.1.2 . 80 }',
        'meta l4proto tcp dnat to 10.244.2.2:80',
      ],
    };
    const shares = traceText(newShape({ elements, chains })).table.get(frontend('tcp 198.51.100.1:80'))?.forwarding
      .outside.dress?.shares;
    expect(shares).toBe('even');
  });
});

describe('session affinity', () => {
  const endpoint = (host: string): Readonly<Record<string, readonly string[]>> => ({
    [`endpoint-${host}/80`]: [`update @affinity-${host} { ip saddr }`, `meta l4proto tcp dnat to ${host}:80`],
  });
  const affinity = ['type ipv4_addr', 'flags dynamic,timeout', 'timeout 3h', 'elements = { 10.244.1.9 expires 2h }'];
  const asks = (host: string): string => `ip saddr @affinity-${host} goto endpoint-${host}/80`;
  const draw = 'numgen random mod 2 vmap { 0 : goto endpoint-10.244.1.2/80, 1 : goto endpoint-10.244.2.2/80 }';
  const affinityOf = (rules: readonly string[], second = affinity): unknown => {
    const { table } = traceText(
      newShape({
        elements: { 'service-ips': [`198.51.100.1 . tcp . 80 : ${toWeb}`] },
        sets: { 'affinity-10.244.1.2': affinity, 'affinity-10.244.2.2': second },
        chains: { ...endpoint('10.244.1.2'), ...endpoint('10.244.2.2'), [`service-WXYZ2345-${web}`]: rules },
      }),
    );
    const fate = table.get(frontend('tcp 198.51.100.1:80'))?.forwarding.pod;
    return fate?.route.action === 'forward' && [fate.route.affinitySeconds, fate.dress?.shares];
  };

  it('has the time of the sets, and no share in what new clients get', () => {
    expect(affinityOf([asks('10.244.1.2'), asks('10.244.2.2'), draw])).toEqual([10_800, 'even']);
  });

  it('of some backends only is partial', () => {
    expect(affinityOf([asks('10.244.1.2'), draw])).toEqual(['partial', 'even']);
  });

  it('with unequal times is partial', () => {
    const short = affinity.map((line) => line.replace('3h', '2h'));
    expect(affinityOf([asks('10.244.1.2'), asks('10.244.2.2'), draw], short)).toEqual(['partial', 'even']);
  });

  it('comes to the same where a rule in between has every chain walked one by one', () => {
    const rules = [
      asks('10.244.1.2'),
      'counter packets 1 bytes 2',
      asks('10.244.2.2'),
      'ip saddr 10.0.0.0/8 counter',
      draw,
    ];
    expect(affinityOf(rules)).toEqual([10_800, 'even']);
  });
});

describe('an external address', () => {
  const external = [
    `ip saddr 10.244.0.0/16 ${toWeb} comment "short-circuit pod traffic"`,
    'fib saddr type local meta mark set meta mark | 0x00004000 comment "masquerade local traffic"',
    `fib saddr type local ${toWeb} comment "short-circuit local traffic"`,
  ];
  const elements = {
    'service-ips': [`203.0.113.10 . tcp . 80 : goto external-WXYZ2345-${web}`],
    'no-endpoint-services': ['203.0.113.10 . tcp . 80 comment "shop/web:http" : drop'],
  };

  it('of a Local Service without an endpoint here serves pods and the node, and drops the rest', () => {
    expect(traced({ elements, chains: { ...webChain, [`external-WXYZ2345-${web}`]: external } })).toEqual({
      'tcp 203.0.113.10:80': [
        'pod: 10.244.1.2:80,10.244.2.2:80 masquerade=never hairpin=none',
        'node: 10.244.1.2:80,10.244.2.2:80 masquerade=always',
        'outside: drop',
      ],
    });
  });

  const ranges = { 'firewall-ips': [`203.0.113.11 . tcp . 80 : goto firewall-WXYZ2345-${web}`] };
  const firewall = { [`firewall-WXYZ2345-${web}`]: ['ip saddr != { 10.0.0.0/8, 192.168.100.0/24 } drop'] };

  it('with source ranges serves these only', () => {
    const chains = {
      ...webChain,
      ...firewall,
      [`external-WXYZ2345-${web}`]: ['meta mark set meta mark | 0x00004000 comment "masquerade"', toWeb],
    };
    const { 'tcp 203.0.113.11:80': told } = traced({
      elements: { ...ranges, 'service-ips': [`203.0.113.11 . tcp . 80 : goto external-WXYZ2345-${web}`] },
      chains,
    });
    expect(told).toEqual([
      'pod: 10.244.1.2:80,10.244.2.2:80 masquerade=always',
      // The bridge's address counts as a pod's, and the address itself is in no range.
      'node: 10.244.1.2:80,10.244.2.2:80 sources=192.168.100.11/32 else drop masquerade=always',
      expect.stringMatching(/sources=10\.0\.0\.0\/9,.*,192\.168\.100\.0\/29,.* else drop masquerade=always$/),
    ]);
  });

  it('with source ranges and without endpoints rejects those, and drops whom no range holds', () => {
    const elementsOfBoth = {
      ...ranges,
      'no-endpoint-services': ['203.0.113.11 . tcp . 80 comment "shop/web:http" : goto reject-chain'],
    };
    expect(traced({ elements: elementsOfBoth, chains: firewall })).toEqual({ 'tcp 203.0.113.11:80': 'reject' });
    const nobody = { [`firewall-WXYZ2345-${web}`]: ['ip saddr != 192.0.2.0/24 drop'] };
    expect(traced({ elements: elementsOfBoth, chains: nobody })).toEqual({
      'tcp 203.0.113.11:80': ['pod: drop', 'node: drop', 'outside: reject'],
    });
  });
});

describe('a node port', () => {
  const elements = { 'service-nodeports': [`tcp . 30080 : ${toWeb}`] };

  it('is answered on the addresses that kube-proxy lists', () => {
    expect(Object.keys(traced({ elements, chains: webChain }))).toEqual(['tcp node4:30080']);
  });

  it('is nobody’s where none of those is the node’s own', () => {
    expect(traced({ elements: { ...elements, 'nodeport-ips': ['192.168.100.99'] }, chains: webChain })).toEqual({});
  });

  it('without local endpoints is dropped, on every address where kube-proxy lists none', () => {
    const text = oldShape({ elements: { 'no-endpoint-nodeports': ['tcp . 30080 comment "shop/web:http" : drop'] } });
    expect(inShort(traceText(text).table)).toEqual({ 'tcp node4:30080': 'drop' });
  });
});

describe('the releases with endpoint chains', () => {
  const endpoint = (host: string): Readonly<Record<string, readonly string[]>> => ({
    [`endpoint-${host}/80`]: [`ip saddr ${host} jump mark-for-masquerade`, `meta l4proto tcp dnat to ${host}:80`],
  });
  const chains = {
    ...endpoint('10.244.1.2'),
    ...endpoint('10.244.2.2'),
    [`service-WXYZ2345-${web}`]: [
      'ip daddr 10.96.0.1 tcp dport 80 ip saddr != 10.244.0.0/16 jump mark-for-masquerade',
      'numgen random mod 2 vmap { 0 : goto endpoint-10.244.1.2/80, 1 : goto endpoint-10.244.2.2/80 }',
    ],
  };
  const elements = { 'service-ips': [`10.96.0.1 . tcp . 80 : ${toWeb}`], 'cluster-ips': ['10.96.0.1'] };

  it('mean the same, every backend that reaches itself masqueraded', () => {
    expect(inShort(traceText(oldShape({ elements, chains })).table)).toEqual({
      'tcp 10.96.0.1:80': [
        'pod: 10.244.1.2:80,10.244.2.2:80 masquerade=never',
        'node: 10.244.1.2:80,10.244.2.2:80 masquerade=always',
        'outside: 10.244.1.2:80,10.244.2.2:80 masquerade=always',
      ],
    });
  });

  it('lose the share of a chain that was emptied', () => {
    const damaged = { ...chains, 'endpoint-10.244.2.2/80': [] };
    const fate = traceText(oldShape({ elements, chains: damaged })).table.get(frontend('tcp 10.96.0.1:80'));
    expect(fate?.forwarding.pod.dress?.shares).toEqual({ parts: [2 ** 30], lost: 2 ** 30 });
  });

  it('lose the hairpin of a chain that does not mark', () => {
    const damaged = { ...chains, 'endpoint-10.244.2.2/80': ['meta l4proto tcp dnat to 10.244.2.2:80'] };
    const fate = traceText(oldShape({ elements, chains: damaged })).table.get(frontend('tcp 10.96.0.1:80'));
    expect(fate?.forwarding.pod.dress?.hairpin).toBe('some');
  });
});

describe('what cannot be known', () => {
  const elements = { 'service-ips': [`198.51.100.1 . tcp . 80 : ${toWeb}`] };
  const withRules = (...rules: readonly string[]): unknown =>
    traced({ elements, chains: { [`service-WXYZ2345-${web}`]: [...rules, even] } })['tcp 198.51.100.1:80'];

  it('a rule that is not understood, where packets meet it', () => {
    expect(withRules('tcp flags syn drop')).toBe('unknown unreadable-rule');
  });

  it('nothing, where they do not', () => {
    expect(withRules('ip daddr 192.0.2.1 tcp flags syn drop')).toEqual(withRules());
  });

  it('a match that depends on the packet, where it makes a difference', () => {
    expect(withRules('limit rate 5/second drop')).toBe('unknown undecided-match');
    expect(withRules('limit rate 5/second counter')).toEqual(withRules());
  });

  it('a chain that was not read', () => {
    expect(traced({ elements })).toEqual({ 'tcp 198.51.100.1:80': 'unknown unreadable-target' });
  });

  it('an exemption from tracking', () => {
    expect(withRules('notrack')).toBe('unknown untracked');
  });

  it('which frontends there are, where the skeleton serves some by itself', () => {
    const { unlisted } = traceText(newShape({ chains: { services: ['ip daddr 192.0.2.1 dnat to 10.244.1.2:80'] } }));
    expect(unlisted).toBe('unreadable-rule');
  });
});

describe('a detector by interface', () => {
  it('tells pods apart by the interface they come in by', () => {
    const services = [
      'ip daddr @cluster-ips iifname != "veth*" meta mark set meta mark | 0x00004000',
      'ip daddr . meta l4proto . th dport vmap @service-ips',
    ];
    const text = newShape({
      elements: { 'service-ips': [`10.96.0.1 . tcp . 80 : ${toWeb}`], 'cluster-ips': ['10.96.0.1'] },
      chains: { ...webChain, services },
    });
    const traced = traceText(text, { kind: 'interface', pattern: 'veth+' });
    expect(traced.linkPatterns).toEqual(['veth+']);
    expect(inShort(traced.table)['tcp 10.96.0.1:80']).toEqual([
      'pod: 10.244.1.2:80,10.244.2.2:80 masquerade=never hairpin=none',
      'node: 10.244.1.2:80,10.244.2.2:80 masquerade=always',
      'outside: 10.244.1.2:80,10.244.2.2:80 masquerade=always',
    ]);
  });
});

describe('beside the table', () => {
  const chain = 'service-ULMVA6XW-ns1/svc1/tcp/p80';
  const traced = traceText(
    newShape({
      elements: {
        'service-ips': [`172.30.0.41 . tcp . 80 : goto ${chain}`, `172.30.0.42 . tcp . 80 : ${toWeb}`],
        'no-endpoint-services': ['172.30.0.43 . tcp . 80 comment "ns1/svc1:p80" : drop'],
      },
      chains: { [chain]: [even], ...webChain },
    }),
  );

  it('owners are told where a chain’s name proves them', () => {
    expect([...traced.owners()]).toEqual([['tcp 172.30.0.41:80', 'ns1/svc1:p80']]);
    expect(traced.ownerHint(frontend('tcp 172.30.0.42:80'))).toBeNull();
    expect(traced.ownerHint(frontend('tcp 172.30.0.43:80'))).toBeNull();
  });

  it('the rules and elements that packets meet are told in order', () => {
    const { total, first } = traced.explain(frontend('tcp 172.30.0.41:80'));
    expect([total, ...first.map(({ chain: at, rule }) => `${at}: ${rule}`)]).toEqual([
      7,
      'filter-prerouting-pre-dnat: ct state new jump firewall-check',
      'nat-prerouting: jump services',
      'services: ip daddr . meta l4proto . th dport vmap @service-ips',
      `service-ips: 172.30.0.41 . tcp . 80 : goto ${chain}`,
      `${chain}: ${even}`,
      'filter-output-pre-dnat: ct state new jump firewall-check',
      'nat-output: jump services',
    ]);
    expect(first[0]?.table).toBe('ip kube-proxy');
  });

  it('of a frontend that is not there nothing is told', () => {
    expect(traced.explain(frontend('tcp 192.0.2.1:80'))).toEqual({ total: 0, first: [] });
  });
});
