/** How rules are walked: the judge is what the kernel does with one packet of a new connection. */
import { describe, expect, it } from 'vitest';
import { type RuleLines, type Told, toldOfWeb, together, trace, webWith, webWithout } from '../../test/rules-text.ts';

const backend = '10.244.1.2:8080';
const untouched: Told = { pod: backend, node: `${backend} masquerade=always`, outside: `${backend} masquerade=always` };
/** Packets that come in end before kube-proxy's rules; those of the node go their own way. */
const takenOut: Told = { pod: 'none', node: `${backend} masquerade=always`, outside: 'none' };

/** What becomes of a healthy Service when these nat rules stand before kube-proxy's. */
function preceded(...nat: readonly string[]): Told {
  return toldOfWeb(trace(together({ nat }, webWith(backend))));
}

describe('a healthy Service', () => {
  it('is forwarded as kube-proxy means it', () => {
    expect(toldOfWeb(trace(webWith(backend)))).toEqual(untouched);
  });

  it('without endpoints is refused from everywhere', () => {
    expect(toldOfWeb(trace(webWithout))).toBe('reject');
  });
});

describe('jumps', () => {
  it('a chain that ends without a verdict comes back to its caller', () => {
    expect(preceded('-A PREROUTING -j A', '-A A -j B', '-A B -s 192.0.2.1/32 -p udp -j ACCEPT')).toEqual(untouched);
  });

  it('RETURN in a chain that was jumped to comes back to its caller', () => {
    expect(preceded('-A PREROUTING -j A', '-A A -j RETURN', '-A A -j ACCEPT')).toEqual(untouched);
  });

  it('RETURN two jumps deep leaves only the innermost chain', () => {
    expect(
      preceded('-A PREROUTING -j A', '-A A -j B', '-A A -j ACCEPT', '-A B -j RETURN', '-A B -j A2', ':A2'),
    ).toEqual(takenOut);
  });

  it('RETURN in a built-in chain ends it with its policy', () => {
    expect(preceded('-A PREROUTING -j RETURN')).toEqual(takenOut);
  });

  it('a chain that is gone to comes back to where its caller was jumped from', () => {
    const nat = ['-A PREROUTING -j A', '-A A -g B', '-A A -j ACCEPT', '-A B -p udp -j ACCEPT'];
    expect(preceded(...nat)).toEqual(untouched);
  });

  it('a chain that is gone to from a built-in chain ends that one', () => {
    expect(preceded('-A PREROUTING -g A', '-A A -p udp -j ACCEPT')).toEqual(takenOut);
  });

  it('going to a chain without rules ends the chain all the same', () => {
    expect(preceded(':EMPTY', '-A PREROUTING -g EMPTY')).toEqual(takenOut);
    expect(preceded(':EMPTY', '-A PREROUTING -j EMPTY')).toEqual(untouched);
  });

  it('a target without options that nobody knows may do anything', () => {
    expect(preceded('-A PREROUTING -j FULLCONENAT')).toEqual({
      ...takenOut,
      pod: 'unknown unreadable-target',
      outside: 'unknown unreadable-target',
    });
  });
});

/** The same, from outside only: these rules ask for the source. */
function outsidePreceded(...nat: readonly string[]): string {
  const told = preceded(...nat);
  return typeof told === 'string' ? told : told.outside;
}

describe('sources', () => {
  it('a part that is taken away is not forwarded', () => {
    expect(outsidePreceded('-A PREROUTING -s 128.0.0.0/1 -j ACCEPT')).toMatch(
      /^10\.244\.1\.2:8080 sources=0\.0\.0\.0\/5,.* else none masquerade=always$/,
    );
    expect(outsidePreceded('-A PREROUTING ! -s 198.51.100.0/24 -j ACCEPT')).toBe(
      `${backend} sources=198.51.100.0/24 else none masquerade=always`,
    );
  });

  it('parts that different rules take away add up, at every depth', () => {
    const nat = [
      '-A PREROUTING -s 0.0.0.0/1 -j A',
      '-A A ! -s 8.0.0.0/8 -j ACCEPT',
      '-A A -s 8.0.0.0/9 -j ACCEPT',
      '-A PREROUTING ! -s 0.0.0.0/1 -j ACCEPT',
    ];
    expect(outsidePreceded(...nat)).toBe(`${backend} sources=8.128.0.0/9 else none masquerade=always`);
  });

  it('parts that end differently are never made one', () => {
    const filter = ['-A FORWARD -s 198.51.100.0/24 -j DROP'];
    expect(toldOfWeb(trace(together({ filter }, webWithout)))).toEqual({
      pod: 'reject',
      node: 'reject',
      outside: 'unknown source-dependent',
    });
  });

  it('a mask with holes cannot be decided', () => {
    expect(outsidePreceded('-A PREROUTING -s 10.0.0.1/255.0.255.255 -j ACCEPT')).toBe('unknown unreadable-match');
  });

  it('a part with another backend is never made one with the rest', () => {
    const nat = ['-A PREROUTING -s 198.51.100.0/24 -d 10.96.0.1/32 -p tcp -j DNAT --to-destination 192.0.2.9:80'];
    expect(outsidePreceded(...nat)).toBe('unknown source-dependent');
  });

  it('only a part is marked for masquerading', () => {
    const rules: RuleLines = {
      nat: ['-A PREROUTING -s 10.244.3.0/24 -d 10.96.0.1/32 -j KUBE-MARK-MASQ'],
    };
    expect(toldOfWeb(trace(together(rules, webWith(backend))))).toEqual({
      ...untouched,
      pod: `${backend} masquerade=some:10.244.3.0/24`,
    });
  });

  it('everyone is marked but the endpoint itself: it cannot call itself', () => {
    const rules = webWith(backend).nat?.filter((line) => !line.startsWith('-A KUBE-SEP-10.244.1.2 -s')) ?? [];
    const nat = ['-A PREROUTING ! -s 10.244.1.2/32 -d 10.96.0.1/32 -j KUBE-MARK-MASQ', ...rules];
    expect(toldOfWeb(trace({ nat }))).toEqual({
      ...untouched,
      pod: `${backend} masquerade=always hairpin=none`,
    });
  });
});

/** What becomes of the Service where nat PREROUTING lets what meets this match pass un-NATed, on a node with one link. */
function acceptedWhere(match: string): Told {
  const rules = together({ nat: [`-A PREROUTING ${match} -j ACCEPT`] }, webWith(backend));
  return toldOfWeb(trace(rules, { links: ['lo', 'eth0'] }));
}

describe('conditions that every new connection to the Service meets', () => {
  it.each([
    '-p tcp',
    '! -p udp',
    '-p all',
    '-d 10.96.0.1/32',
    '-d 10.96.0.0/12',
    '! -d 10.97.0.1/32',
    '-p tcp -m tcp --dport 80',
    '-p tcp -m tcp ! --dport 81:443',
    '-p tcp -m tcp --dport 79:80',
    '-p tcp -m tcp --dport 0:80',
    '-p tcp -m tcp --sport 0:65535',
    '-p tcp -m multiport --dports 443,70:90',
    '-p tcp -m multiport ! --dports 443,8080',
    '-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN',
    '-p tcp -m tcp ! --tcp-flags SYN NONE',
    '-m conntrack --ctstate NEW',
    '-m conntrack ! --ctstate RELATED,ESTABLISHED',
    '-m state --state INVALID,NEW',
    '-m mark --mark 0x0/0x4000',
    '-m mark ! --mark 0x4000/0x4000',
    '-m connmark --mark 0x0/0xff',
    '-m addrtype ! --dst-type LOCAL',
    '-m addrtype ! --src-type LOCAL',
    '-m addrtype --dst-type UNICAST',
    '! -i lo',
    '! -f',
    '-m comment --comment "never mind"',
    '-m statistic --mode random --probability 1.00000000000',
    '-m statistic --mode nth --every 1 --packet 0',
    '-m recent ! --rcheck --seconds 60 --name BAD --mask 255.255.255.255 --rsource',
  ])('%s', (match) => {
    expect(acceptedWhere(match)).toEqual(takenOut);
  });
});

describe('conditions that no new connection to the Service meets', () => {
  it.each([
    '-p udp',
    '! -p tcp',
    '-p icmp -m icmp --icmp-type 8',
    '-d 10.96.0.2/32',
    '! -d 10.96.0.0/12',
    '-p tcp -m tcp --dport 443',
    '-p tcp -m tcp ! --dport 80',
    '-p tcp -m tcp --dport 81:65535',
    '-p tcp -m multiport --dports 443,8080:9090',
    '-p tcp -m multiport ! --dports 80',
    '-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN',
    '-p tcp -m tcp --tcp-flags SYN,ACK SYN,ACK',
    '-m conntrack --ctstate RELATED,ESTABLISHED',
    '-m conntrack ! --ctstate NEW',
    '-m conntrack --ctstate INVALID',
    '-m state --state ESTABLISHED',
    '-m mark --mark 0x4000/0x4000',
    '-m mark --mark 0x1',
    '-m connmark --mark 0x80/0x80',
    '-m addrtype --dst-type LOCAL',
    '-m addrtype --src-type LOCAL',
    '-m addrtype --dst-type BROADCAST',
    '-i lo',
    '-o eth0',
    '-f',
    '-m rpfilter --invert',
    '-m statistic --mode random --probability 0.00000000000',
    '-p udp -m set --match-set strangers src',
    '-d 10.96.0.2/32 -m owner --uid-owner 0',
    '-m recent --rcheck --seconds 60 --name BAD --mask 255.255.255.255 --rsource',
  ])('%s', (match) => {
    expect(acceptedWhere(match)).toEqual(untouched);
  });
});

describe('conditions that the rules alone do not decide', () => {
  it.each([
    ['-m set --match-set strangers src', 'set-not-read'],
    ['-m set ! --match-set strangers dst,dst', 'set-not-read'],
    ['-p tcp -m tcp --sport 1024:65535', 'undecided-match'],
    ['-p tcp -m multiport --sports 53', 'undecided-match'],
    ['-m limit --limit 3/min', 'undecided-match'],
    ['-m mac --mac-source 02:00:00:00:00:01', 'undecided-match'],
    ['-m addrtype --dst-type UNICAST --limit-iface-in', 'undecided-match'],
    ['-m conntrack --ctstate NEW --ctstatus NONE', 'undecided-match'],
    ['-m something --of-the-future 7', 'unreadable-match'],
    ['-m future [unsupported revision]', 'unreadable-match'],
  ])('%s', (match, reason) => {
    expect(preceded(`-A PREROUTING ${match} -j ACCEPT`)).toEqual({
      ...takenOut,
      pod: `unknown ${reason}`,
      outside: `unknown ${reason}`,
    });
  });

  it('make no difference where both answers come to the same', () => {
    const matches = ['-m set --match-set a src', '-m limit --limit 3/min', '-m mac --mac-source 02:00:00:00:00:01'];
    const nat = matches.map((match) => `-A PREROUTING ${match} -j A`);
    expect(preceded(...nat, '-A A -j MARK --set-xmark 0x1/0x1', '-A A -m mark --mark 0x2/0x2 -j ACCEPT')).toEqual(
      untouched,
    );
  });

  it('a rule that does nothing is not asked for', () => {
    expect(preceded('-A PREROUTING -m limit --limit 3/min -j LOG', '-A PREROUTING -m set --match-set a src')).toEqual(
      untouched,
    );
  });
});

describe('marks', () => {
  const masqueraded = `${backend} masquerade=always`;

  it.each([
    ['another bit', '0x10000/0x10000', untouched],
    ["kube-proxy's bit", '0x4000/0x4000', masqueraded],
    ["kube-proxy's bit among others", '0x4001/0xffff', masqueraded],
    ["kube-proxy's bit turned over", '0x4000/0x0', masqueraded],
  ] as const)('%s set before', (_, mark, expected) => {
    expect(preceded(`-A PREROUTING -j MARK --set-xmark ${mark}`)).toEqual(expected);
  });

  it('set in mangle, taken away in nat', () => {
    const rules: RuleLines = {
      mangle: ['-A PREROUTING -j MARK --set-xmark 0x4000/0x4000'],
      nat: ['-A PREROUTING -m mark --mark 0x4000/0x4000 -j MARK --set-xmark 0x0/0x4000'],
    };
    expect(toldOfWeb(trace(together(rules, webWith(backend))))).toEqual(untouched);
  });
});
