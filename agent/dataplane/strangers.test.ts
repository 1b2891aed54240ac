/** Rules of others on a node with a healthy Service: what they really change is told, and nothing else. */
import { describe, expect, it } from 'vitest';
import {
  type RuleLines,
  skeleton,
  type Told,
  toldOfWeb,
  together,
  trace,
  webEntry,
  webWith,
  webWithout,
} from '../../test/rules-text.ts';

const backend = '10.244.1.2:8080';
const healthy: Told = { pod: backend, node: `${backend} masquerade=always`, outside: `${backend} masquerade=always` };

/** A Service with an endpoint, and others' rules before kube-proxy's. */
function served(strangers: RuleLines): Told {
  return toldOfWeb(trace(together(strangers, webWith(backend))));
}

/** A Service without endpoints, and others' rules before kube-proxy's: its packets go on to filter. */
function refused(strangers: RuleLines): Told {
  return toldOfWeb(trace(together(strangers, webWithout)));
}

/** The packets that come in fare so, those of the node as on a healthy one. */
const comingIn = (told: string): Told => ({ ...healthy, pod: told, outside: told });

describe('another translation before kube-proxy', () => {
  it('to another backend: that is where packets go', () => {
    expect(served({ nat: ['-A PREROUTING -d 10.96.0.1/32 -p tcp -j DNAT --to-destination 192.0.2.9:80'] })).toEqual({
      ...healthy,
      pod: '192.0.2.9:80',
      outside: '192.0.2.9:80 hairpin=none',
    });
  });

  it.each([
    ['REDIRECT', '-j REDIRECT --to-ports 15001'],
    ['a range', '-j DNAT --to-destination 192.0.2.1-192.0.2.9'],
    ['NETMAP', '-j NETMAP --to 192.0.2.0/24'],
    ['TPROXY', '-j TPROXY --on-port 1 --on-ip 127.0.0.1 --tproxy-mark 0x1/0x1'],
    ['NFQUEUE', '-j NFQUEUE --queue-num 0'],
  ])('%s: where they go cannot be said', (_, target) => {
    expect(served({ nat: [`-A PREROUTING -d 10.96.0.1/32 -p tcp ${target}`] })).toEqual(
      comingIn('unknown unreadable-target'),
    );
  });

  it('of another address, port or protocol is passed', () => {
    const nat = [
      '-A PREROUTING -d 10.96.0.2/32 -j REDIRECT',
      '-A PREROUTING -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80',
      '-A PREROUTING -p udp -j NFQUEUE --queue-num 0',
      '-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
      '-A DOCKER -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.17.0.2:80',
    ];
    expect(served({ nat })).toEqual(healthy);
  });
});

describe('a source range that leaves an endpoint out', () => {
  it('asks nobody whether that one reaches itself', () => {
    const nat = [
      '-A PREROUTING ! -s 10.244.2.0/24 -j ACCEPT',
      webEntry,
      '-A KUBE-SVC-WEB -m statistic --mode random --probability 0.50000000000 -j KUBE-SEP-1',
      '-A KUBE-SVC-WEB -j KUBE-SEP-2',
      '-A KUBE-SEP-1 -p tcp -j DNAT --to-destination 10.244.1.2:80',
      '-A KUBE-SEP-2 -p tcp -j DNAT --to-destination 10.244.2.2:80',
    ];
    expect(toldOfWeb(trace(together({ nat }, skeleton)))).toMatchObject({
      pod: '10.244.1.2:80,10.244.2.2:80 sources=10.244.2.0/24 else none hairpin=none',
    });
  });
});

describe('raw and mangle', () => {
  it('packets exempt from tracking are seen by no service rule', () => {
    expect(served({ raw: ['-A PREROUTING -d 10.96.0.1/32 -p tcp -m tcp --dport 80 -j CT --notrack'] })).toEqual(
      comingIn('unknown untracked'),
    );
    expect(served({ raw: ['-A PREROUTING -d 10.96.0.1/32 -j NOTRACK'] })).toEqual(comingIn('unknown untracked'));
  });

  it('other addresses that are exempt, as by node-local DNS, do not matter', () => {
    const dns = ['-p udp -m udp --dport 53', '-p tcp -m tcp --dport 53', '-p tcp -m tcp --dport 8080'];
    const raw = dns.map((match) => `-A PREROUTING -d 10.96.0.10/32 ${match} -j CT --notrack`);
    expect(served({ raw: [...raw, '-A PREROUTING -j CT --zone 1'] })).toEqual(healthy);
  });

  it('what they drop never comes to nat', () => {
    expect(served({ raw: ['-A PREROUTING -d 10.96.0.0/12 -j DROP'] })).toEqual(comingIn('drop'));
    expect(served({ mangle: ['-A PREROUTING -p tcp -j DROP'] })).toEqual(comingIn('drop'));
    expect(served({ mangle: ['-A OUTPUT -j DROP'] })).toEqual({ ...healthy, node: 'drop' });
    expect(served({ mangle: [':PREROUTING DROP'] })).toEqual(comingIn('drop'));
  });

  it('what mangle drops on the way through the node meets no packet that nat has sent to a backend', () => {
    expect(served({ mangle: ['-A FORWARD -d 10.96.0.1/32 -j DROP', '-A INPUT -j DROP'] })).toEqual(healthy);
    expect(refused({ mangle: ['-A FORWARD -d 10.96.0.1/32 -j DROP'] })).toEqual({
      pod: 'drop',
      node: 'reject',
      outside: 'drop',
    });
  });

  it('what only counts, logs, copies or dresses packets changes nothing', () => {
    const mangle = [
      '-A PREROUTING -j LOG --log-prefix "in "',
      '-A PREROUTING -j NFLOG --nflog-group 1',
      '-A PREROUTING -j TEE --gateway 192.0.2.1',
      '-A PREROUTING -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu',
      '-A PREROUTING -p tcp -j TCPOPTSTRIP --strip-options timestamp',
      '-A PREROUTING -j CONNMARK --set-xmark 0x80/0x80',
      '-A PREROUTING -j SET --add-set seen src',
      '-A PREROUTING -j DSCP --set-dscp 0x10',
      '-A PREROUTING',
    ];
    expect(served({ mangle })).toEqual(healthy);
  });
});

describe('filter', () => {
  it('is not asked about packets that nat has sent to a backend', () => {
    const filter = [':FORWARD DROP', ':OUTPUT DROP', '-A FORWARD -d 10.96.0.1/32 -m set --match-set a src -j DROP'];
    expect(served({ filter })).toEqual(healthy);
  });

  it('its policy takes what no rule does', () => {
    const filter = [':FORWARD DROP', ':OUTPUT DROP'];
    const nothing = { nat: [webEntry, ':KUBE-SVC-WEB'] };
    expect(toldOfWeb(trace(together(skeleton, nothing, { filter })))).toBe('drop');
    expect(toldOfWeb(trace(together(skeleton, nothing)))).toBe('none');
  });

  it('a policy DROP behind kube-proxy changes nothing for what kube-proxy refuses', () => {
    expect(refused({ filter: [':FORWARD DROP', ':OUTPUT DROP', ':INPUT DROP'] })).toBe('reject');
  });

  it('a rule that lets packets through before kube-proxy can refuse them', () => {
    expect(refused({ filter: ['-A FORWARD -s 10.244.0.0/16 -j ACCEPT'] })).toEqual({
      pod: 'none',
      node: 'reject',
      outside: 'reject',
    });
  });

  it('a rule that drops a part of them by chance', () => {
    const filter = ['-A FORWARD -m statistic --mode random --probability 0.50000000000 -j DROP'];
    expect(refused({ filter })).toEqual({
      pod: 'unknown source-dependent',
      node: 'reject',
      outside: 'unknown source-dependent',
    });
  });

  it('clients that come too often are nobody new', () => {
    const list = '--name FLOOD --mask 255.255.255.255 --rsource';
    const filter = [
      `-A FORWARD -m recent --set ${list}`,
      `-A FORWARD -m recent --update --seconds 60 --hitcount 100 ${list} -j DROP`,
    ];
    expect(refused({ filter })).toBe('reject');
  });

  it('a limit before what kube-proxy refuses', () => {
    const filter = ['-A FORWARD -m limit --limit 10/sec -j RETURN', '-A FORWARD -j DROP'];
    expect(refused({ filter })).toEqual({
      pod: 'unknown undecided-match',
      node: 'reject',
      outside: 'unknown undecided-match',
    });
  });
});

describe('rules that cannot be read', () => {
  it('before kube-proxy make unknown what they may reach', () => {
    expect(served({ nat: ['-A PREROUTING -p tcp -m future [unsupported revision] -j DROP'] })).toEqual(
      comingIn('unknown unreadable-match'),
    );
    expect(served({ mangle: ['-A PREROUTING -j FUTURE [unsupported revision]'] })).toEqual(
      comingIn('unknown unreadable-rule'),
    );
  });

  it('are passed where the rest of the rule excludes the frontend', () => {
    const nat = [
      '-A PREROUTING -p udp -m future [unsupported revision] -j DROP',
      '-A PREROUTING -d 10.97.0.1/32 -j FUTURE [unsupported revision]',
      '-A PREROUTING -p tcp -m tcp --dport 443 -j FUTURE [unsupported revision]',
    ];
    expect(served({ nat })).toEqual(healthy);
  });

  it('behind kube-proxy are met by nobody that it serves', () => {
    const behind = together(webWith(backend), {
      nat: ['-A PREROUTING -j FUTURE [unsupported revision]', '-A OUTPUT -j FUTURE [unsupported revision]'],
    });
    expect(toldOfWeb(trace(behind))).toEqual(healthy);
  });

  it("in kube-proxy's own list mean that more may be served than is listed", () => {
    const listed = together(webWith(backend), { nat: ['-A KUBE-SERVICES -j FUTURE [unsupported revision]'] });
    expect(trace(listed).unlisted).toBe('unreadable-rule');
    expect(trace(webWith(backend)).unlisted).toBeNull();
  });

  it("in kube-proxy's own list but with an address and port are known to be about that frontend alone", () => {
    const entry = '-A KUBE-SERVICES -d 10.96.0.9/32 -p tcp -m tcp --dport 80 -j FUTURE [unsupported revision]';
    const traced = trace(together(webWith(backend), { nat: [entry] }));
    expect(traced.unlisted).toBeNull();
    expect([...traced.table.keys()].sort()).toEqual(['tcp 10.96.0.1:80', 'tcp 10.96.0.9:80']);
  });
});
