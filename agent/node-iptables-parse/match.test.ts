import { describe, expect, it } from 'vitest';
import type { Match } from './rule.ts';
import { ruleOf } from './sample.ts';

const transport = { kind: 'tcp', sourcePorts: null, destinationPorts: null, other: [] } as const;
const recent = {
  kind: 'recent',
  action: 'rcheck',
  name: 'KUBE-SEP-A',
  seconds: 10800,
  hitcount: null,
  reap: true,
  ttl: false,
  side: 'source',
  mask: '255.255.255.255',
  negated: false,
} as const;
const addrtype = {
  kind: 'addrtype',
  sourceType: null,
  destinationType: null,
  limitIn: false,
  limitOut: false,
} as const;

const typed: readonly (readonly [string, readonly Match[]])[] = [
  [
    '-s 10.0.0.7/32 ! -d fd00::/56',
    [
      { kind: 'source', prefix: '10.0.0.7/32', negated: false },
      { kind: 'destination', prefix: 'fd00::/56', negated: true },
    ],
  ],
  ['-s ! 10.0.0.0/8', [{ kind: 'source', prefix: '10.0.0.0/8', negated: true }]],
  [
    '-i cali+ ! -o eth0',
    [
      { kind: 'inInterface', name: 'cali+', negated: false },
      { kind: 'outInterface', name: 'eth0', negated: true },
    ],
  ],
  ['! -p tcp', [{ kind: 'protocol', protocol: 'tcp', negated: true }]],
  ['! -f', [{ kind: 'fragment', negated: true }]],
  ['-m tcp', [transport]],
  ['-m tcp --dport 80', [{ ...transport, destinationPorts: { first: 80, last: 80, negated: false } }]],
  [
    '-m udp --sport 1024:65535 ! --dport 53',
    [
      {
        kind: 'udp',
        other: [],
        sourcePorts: { first: 1024, last: 65535, negated: false },
        destinationPorts: { first: 53, last: 53, negated: true },
      },
    ],
  ],
  ['-m tcp --dport ! 53', [{ ...transport, destinationPorts: { first: 53, last: 53, negated: true } }]],
  [
    '-m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN',
    [{ ...transport, other: ['!', '--tcp-flags', 'FIN,SYN,RST,ACK', 'SYN'] }],
  ],
  [
    '-m comment --comment "the pod\\\'s \\"own\\" \\\\ -j DROP"',
    [{ kind: 'comment', text: 'the pod\'s "own" \\ -j DROP' }],
  ],
  ['-m comment --comment plain', [{ kind: 'comment', text: 'plain' }]],
  ['-m comment --comment -j', [{ kind: 'comment', text: '-j' }]],
  ['-m comment --comment "für ☂"', [{ kind: 'comment', text: 'für ☂' }]],
  [
    '-m statistic --mode random --probability 0.33333333349',
    [{ kind: 'statistic', mode: 'random', probability: 715827883, negated: false }],
  ],
  [
    '-m statistic --mode random ! --probability 1.00000000000',
    [{ kind: 'statistic', mode: 'random', probability: 2 ** 31, negated: true }],
  ],
  [
    '-m statistic --mode nth --every 3 --packet 1',
    [{ kind: 'statistic', mode: 'nth', every: 3, packet: 1, negated: false }],
  ],
  ['-m recent --rcheck --seconds 10800 --reap --name KUBE-SEP-A --mask 255.255.255.255 --rsource', [recent]],
  [
    '-m recent ! --update --hitcount 4 --rttl --name X --rdest',
    [
      {
        ...recent,
        action: 'update',
        name: 'X',
        seconds: null,
        hitcount: 4,
        reap: false,
        ttl: true,
        side: 'dest',
        mask: null,
        negated: true,
      },
    ],
  ],
  [
    '-m recent --set --name KUBE-SEP-A --mask 255.255.255.255 --rsource',
    [{ ...recent, action: 'set', seconds: null, reap: false }],
  ],
  ['-m mark ! --mark 0x4000/0x4000', [{ kind: 'mark', value: 0x4000, mask: 0x4000, negated: true }]],
  ['-m connmark --mark 0x1', [{ kind: 'connmark', value: 1, mask: 0xffffffff, negated: false }]],
  [
    '-m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT',
    [{ kind: 'conntrack', states: { names: ['RELATED', 'ESTABLISHED', 'DNAT'], negated: true }, other: [] }],
  ],
  [
    '-m conntrack --ctstate NEW ! --ctorigdst 10.0.0.1',
    [{ kind: 'conntrack', states: { names: ['NEW'], negated: false }, other: ['!', '--ctorigdst', '10.0.0.1'] }],
  ],
  ['-m state --state NEW,RELATED', [{ kind: 'state', states: ['NEW', 'RELATED'], negated: false }]],
  ['-m addrtype --dst-type LOCAL', [{ ...addrtype, destinationType: { types: ['LOCAL'], negated: false } }]],
  [
    '-m addrtype ! --src-type LOCAL --limit-iface-out',
    [{ ...addrtype, sourceType: { types: ['LOCAL'], negated: true }, limitOut: true }],
  ],
  [
    '-m multiport --dports 80,443,8000:8080',
    [
      {
        kind: 'multiport',
        which: 'destination',
        negated: false,
        ports: [
          { first: 80, last: 80 },
          { first: 443, last: 443 },
          { first: 8000, last: 8080 },
        ],
      },
    ],
  ],
  ['-m nfacct --nfacct-name  localhost_nps_accepted_pkts', [{ kind: 'nfacct', name: 'localhost_nps_accepted_pkts' }]],
  [
    '-m set ! --match-set weave-P.B|!ZhkAr5q=XZ?3}tMBA+0 src,dst --return-nomatch',
    [
      {
        kind: 'set',
        name: 'weave-P.B|!ZhkAr5q=XZ?3}tMBA+0',
        dimensions: ['src', 'dst'],
        negated: true,
        other: ['--return-nomatch'],
      },
    ],
  ],
  ['-m physdev ! --physdev-is-in', [{ kind: 'physdev', words: ['!', '--physdev-is-in'], negated: true }]],
  [
    '-m limit --limit 3/min --limit-burst 10',
    [{ kind: 'limit', words: ['--limit', '3/min', '--limit-burst', '10'], negated: false }],
  ],
  [
    '-m geoip ! --source-country NL',
    [{ kind: 'other', module: 'geoip', words: ['!', '--source-country', 'NL'], negated: true }],
  ],
];

describe('a match that iptables-save prints', () => {
  it.each(typed)('%s', (text, matches) => {
    expect(ruleOf(`${text} -j ACCEPT`)).toEqual({
      chain: 'KUBE-SVC-A',
      counters: null,
      matches,
      target: { kind: 'accept' },
      unreadable: null,
    });
  });
});

describe('a match that cannot be read is kept and said to be unreadable', () => {
  it.each([
    ['-m tcp --dport http', 'cannot read --dport http'],
    ['-m tcp --dport 90:80', 'cannot read --dport 90:80'],
    ['-m tcp --dport 1 --dport 2', 'cannot read --dport 2'],
    ['-m tcp --dport 65536', 'cannot read --dport 65536'],
    ['-m mark --mark 0x1ffffffff', 'cannot read --mark 0x1ffffffff'],
    ['-m mark --mark 12x', 'cannot read --mark 12x'],
    ['-m statistic --mode random --probability 1.5', 'cannot read statistic --mode random --probability 1.5'],
    ['-m statistic --mode random --probability .', 'cannot read statistic --mode random --probability .'],
    ['-m statistic --mode nth --every 0', 'cannot read statistic --mode nth --every 0'],
    ['-m recent --rcheck --set --name X', 'cannot read recent --rcheck --set --name X'],
    ['-m comment [unsupported revision]', '[unsupported revision]'],
    ['-m set --match-set', 'cannot read set'],
    ['-m multiport --dports 80,,90', 'cannot read --dports 80,,90'],
    ['-m', '-m without a module'],
    ['-s', '-s wants one value'],
    ['--dport 80', 'options outside any module'],
  ])('%s', (text, unreadable) => {
    const rule = ruleOf(`${text} -j ACCEPT`);
    expect([rule.unreadable, rule.matches.map((match) => match.kind)]).toEqual([unreadable, ['other']]);
  });
});
