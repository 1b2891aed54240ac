/** Interfaces, the node's addresses and its pods: what the rules ask of a packet beside its own words. */
import { describe, expect, it } from 'vitest';
import type { LocalDetector } from '../../proto/profile.ts';
import { prefix } from '../../test/builders.ts';
import {
  endpointChain,
  type RuleLines,
  skeleton,
  type TracedNode,
  told,
  toldOfWeb,
  together,
  trace,
  traceBoth,
  webEntry,
  webWith,
  webWithout,
} from '../../test/rules-text.ts';

const backend = '10.244.1.2:8080';
const masqueraded = `${backend} masquerade=always`;
const healthy = { pod: backend, node: masqueraded, outside: masqueraded };
const links = ['lo', 'eth0', 'cni0', 'docker0', 'br-4f1c'];

describe('interfaces', () => {
  const taken = (match: string, node: TracedNode = {}) =>
    toldOfWeb(trace(together({ nat: [`-A PREROUTING ${match} -j ACCEPT`] }, webWith(backend)), node));

  it.each([
    ['-i docker0', 'a bridge of containers'],
    ['-i br-4f1c', "another of Docker's"],
    ['-i lo', 'loopback'],
    ['-i wg0', 'a link that is not there'],
    ['-i cali+', 'links that are not there'],
  ])('%s: %s carries no packet of a pod or another host', (match) => {
    expect(taken(match, { links })).toEqual(healthy);
  });

  it.each(['-i eth0', '-i cni0', '! -i eth0', '-i cni+', '! -i cali+ -i eth+'])(
    '%s takes some packets and not others',
    (match) => {
      expect(taken(match, { links })).toEqual({
        pod: 'unknown interface-dependent',
        node: masqueraded,
        outside: 'unknown interface-dependent',
      });
    },
  );

  it.each(['-i +', '! -i wg0', '! -i docker0', '! -i lo'])('%s takes every packet that comes in', (match) => {
    expect(taken(match, { links })).toEqual({ pod: 'none', node: masqueraded, outside: 'none' });
  });

  it('whose links are not known may be any', () => {
    expect(taken('-i wg0')).toEqual({
      pod: 'unknown interface-dependent',
      node: masqueraded,
      outside: 'unknown interface-dependent',
    });
  });

  it('whose links are not known: a link may fit a wide pattern and no narrow one', () => {
    const nat = ['-A PREROUTING -i eth0 -j RETURN', '-A PREROUTING ! -i eth+ -j RETURN'];
    const rules = { nat: [...nat.map((line) => line.replace('-A PREROUTING', '-A A')), '-A PREROUTING -j A'] };
    const ending = { nat: ['-A A -j ACCEPT'] };
    expect(toldOfWeb(trace(together(rules, ending, webWith(backend))))).toMatchObject({
      outside: 'unknown interface-dependent',
    });
  });

  it('packets of the node come in by none, and over lo when they go to the node', () => {
    const nat = ['-A OUTPUT ! -i eth0 -d 10.96.0.1/32 -j ACCEPT'];
    expect(toldOfWeb(trace(together({ nat }, webWith(backend))))).toEqual({ ...healthy, node: 'none' });
  });

  it('where packets leave is known where every link fits, or none', () => {
    const refused = (match: string, own: readonly string[]) =>
      toldOfWeb(trace(together({ filter: [`-A FORWARD ${match} -j ACCEPT`] }, webWithout), { links: own }));
    const accepted = { pod: 'none', node: 'reject', outside: 'none' };
    const doubt = 'unknown interface-dependent';
    expect(refused('-o wg0', links)).toBe('reject');
    expect(refused('-o docker0', links)).toBe('reject');
    expect(refused('! -o docker0', links)).toEqual(accepted);
    expect(refused('-o eth+', ['lo', 'eth0', 'eth1'])).toEqual(accepted);
    expect(refused('-o eth0', ['lo', 'eth0', 'eth1'])).toEqual({ ...accepted, pod: doubt, outside: doubt });
  });
});

describe('how kube-proxy knows its pods', () => {
  const marked = (match: string): RuleLines =>
    together(skeleton, {
      nat: [
        webEntry,
        `-A KUBE-SVC-WEB ${match} -d 10.96.0.1/32 -p tcp -m tcp --dport 80 -j KUBE-MARK-MASQ`,
        '-A KUBE-SVC-WEB -j KUBE-SEP-10.244.1.2',
        ...endpointChain(backend),
      ],
    });
  const byInterface = (pattern: string, own?: readonly string[]): TracedNode => {
    const localDetector: LocalDetector = { kind: 'interface', pattern };
    return {
      localDetector: { ipv4: localDetector, ipv6: localDetector },
      ...(own === undefined ? {} : { links: own }),
    };
  };

  it('by their bridge', () => {
    expect(toldOfWeb(trace(marked('! -i cni0'), byInterface('cni0', links)))).toEqual(healthy);
    expect(toldOfWeb(trace(marked('! -i cni0'), byInterface('cni0')))).toEqual(healthy);
  });

  it('by the names of their links', () => {
    expect(toldOfWeb(trace(marked('! -i veth+'), byInterface('veth+', ['lo', 'eth0', 'veth1', 'veth2'])))).toEqual(
      healthy,
    );
  });

  it('by a bridge that is made with the first pod: until then nothing is wrong', () => {
    expect(toldOfWeb(trace(marked('! -i cni0'), byInterface('cni0', ['lo', 'eth0'])))).toEqual(healthy);
    expect(toldOfWeb(trace(marked('! -i veth+'), byInterface('veth+', ['lo', 'eth0'])))).toEqual(healthy);
  });

  it("by a bridge that is named like Docker's", () => {
    expect(toldOfWeb(trace(marked('! -i br-pods'), byInterface('br-pods', ['lo', 'eth0', 'br-pods'])))).toEqual(
      healthy,
    );
  });

  it('by another bridge than its configuration says: pods are masqueraded', () => {
    expect(toldOfWeb(trace(marked('! -i cni0'), byInterface('br0', ['lo', 'eth0', 'br0'])))).toBe(masqueraded);
  });

  it('by a narrower prefix than its configuration says: a part of them is', () => {
    expect(toldOfWeb(trace(marked('! -s 10.244.1.0/24')))).toMatchObject({
      pod: expect.stringMatching(/^10\.244\.1\.2:8080 masquerade=some:10\.244\.0\.0\/24,/),
    });
  });

  it('not at all: nobody is masqueraded', () => {
    const none: LocalDetector = { kind: 'none' };
    const nat =
      marked('').nat?.filter((line) => !line.includes('-d 10.96.0.1/32 -p tcp -m tcp --dport 80 -j KUBE-MARK')) ?? [];
    expect(toldOfWeb(trace({ nat }, { localDetector: { ipv4: none, ipv6: none } }))).toBe(backend);
  });
});

describe('node ports', () => {
  const entry = '-A KUBE-NODEPORTS -p tcp -m comment --comment "shop/web" -m tcp --dport 30080 -j KUBE-EXT-WEB';
  const dispatch = '-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS';
  const external = ['-A KUBE-EXT-WEB -j KUBE-MARK-MASQ', '-A KUBE-EXT-WEB -j KUBE-SVC-WEB'];
  const picked = ['-A KUBE-SVC-WEB -j KUBE-SEP-10.244.1.2', ...endpointChain(backend)];
  const rules = (...first: readonly string[]): RuleLines =>
    together({ nat: first }, skeleton, { nat: [dispatch, entry, ...external, ...picked] });
  const key = 'tcp node4:30080';

  it('answer on every address of the node', () => {
    expect(told(trace(rules()))).toEqual({ [key]: masqueraded });
  });

  it('are unknown while the addresses of the node are', () => {
    expect(told(trace(rules(), { localAddresses: [] }))).toEqual({ [key]: 'unknown node-addresses-unknown' });
  });

  it('are not there on a node without an address of the family', () => {
    expect(told(trace(rules(), { localAddresses: ['127.0.0.1', 'fd00::1'] }))).toEqual({});
  });

  it('are judged by the address that serves least', () => {
    const taken = rules('-A PREROUTING -d 10.244.1.1/32 -j ACCEPT');
    expect(told(trace(taken))).toEqual({ [key]: { pod: 'none', node: masqueraded, outside: 'none' } });
  });

  it('on two addresses with two backends are unknown', () => {
    const taken = rules('-A PREROUTING -d 10.244.1.1/32 -p tcp -j DNAT --to-destination 192.0.2.9:80');
    const doubt = 'unknown address-dependent';
    expect(told(trace(taken))).toEqual({ [key]: { pod: doubt, node: masqueraded, outside: doubt } });
  });

  it('asked for on some addresses are judged by those', () => {
    const taken = rules('-A PREROUTING -d 10.244.1.1/32 -j ACCEPT');
    const nodePortAddresses = [prefix('192.168.100.0/24'), prefix('fd00::/8')];
    expect(told(trace(taken, { nodePortAddresses }))).toEqual({ [key]: masqueraded });
    expect(told(trace(taken, { nodePortAddresses: [prefix('fd00::/8')] }))).toEqual(told(trace(taken)));
    expect(told(trace(rules(), { nodePortAddresses: [prefix('198.51.100.0/24')] }))).toEqual({});
  });

  it('without endpoints are refused: the node reaches itself over loopback', () => {
    const refusing = together(skeleton, {
      nat: [dispatch, ':KUBE-NODEPORTS'],
      filter: ['-A KUBE-EXTERNAL-SERVICES -p tcp -m addrtype --dst-type LOCAL -m tcp --dport 30080 -j REJECT'],
    });
    expect(told(trace(refusing))).toEqual({ [key]: 'reject' });
  });

  it("published by another program before kube-proxy's go elsewhere", () => {
    const docker = rules(
      '-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
      '-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER',
      '-A DOCKER ! -i docker0 -p tcp -m tcp --dport 30080 -j DNAT --to-destination 172.17.0.2:80',
    );
    expect(told(trace(docker, { links }))).toEqual({
      [key]: { pod: '172.17.0.2:80', node: '172.17.0.2:80', outside: '172.17.0.2:80 hairpin=none' },
    });
  });
});

describe('a Service on an address of the node itself', () => {
  const entry = '-A KUBE-SERVICES -d 192.168.100.11/32 -p tcp -m tcp --dport 80 -j KUBE-EXT-WEB';
  const key = 'tcp 192.168.100.11:80';

  it('is served as on any other', () => {
    const nat = [
      entry,
      '-A KUBE-EXT-WEB -j KUBE-MARK-MASQ',
      '-A KUBE-EXT-WEB -j KUBE-SEP-10.244.1.2',
      ...endpointChain(backend),
    ];
    expect(told(trace(together(skeleton, { nat })))).toEqual({ [key]: masqueraded });
  });

  it('without endpoints is refused to the node too: its packets come back in over lo', () => {
    const filter = ['-A KUBE-EXTERNAL-SERVICES -d 192.168.100.11/32 -p tcp -m tcp --dport 80 -j REJECT'];
    expect(told(trace(together(skeleton, { filter })))).toEqual({ [key]: 'reject' });
    expect(told(trace(together({ filter: ['-A INPUT -i lo -j ACCEPT'] }, skeleton, { filter })))).toEqual({
      [key]: { pod: 'reject', node: 'none', outside: 'reject' },
    });
  });

  it('on an address elsewhere is refused to all but the node: nothing of kube-proxy hangs on its way out', () => {
    const filter = ['-A KUBE-EXTERNAL-SERVICES -d 203.0.113.1/32 -p tcp -m tcp --dport 80 -j REJECT'];
    expect(told(trace(together(skeleton, { filter })))).toEqual({
      'tcp 203.0.113.1:80': { pod: 'reject', node: 'none', outside: 'reject' },
    });
  });
});

describe('IPv6', () => {
  const rules: RuleLines = together(skeleton, {
    nat: [
      '-A KUBE-SERVICES -d fd00:96::1/128 -p tcp -m tcp --dport 80 -j KUBE-SVC-WEB',
      '-A KUBE-SVC-WEB ! -s fd00:244::/56 -d fd00:96::1/128 -p tcp -m tcp --dport 80 -j KUBE-MARK-MASQ',
      '-A KUBE-SVC-WEB -j KUBE-SEP-6',
      '-A KUBE-SEP-6 -s fd00:244::2/128 -j KUBE-MARK-MASQ',
      '-A KUBE-SEP-6 -p tcp -m tcp -j DNAT --to-destination [fd00:244::2]:8080',
    ],
  });

  it('a Service is served as in IPv4', () => {
    const sixth = '[fd00:244::2]:8080';
    expect(told(trace(rules, { family: 'ipv6' }))).toEqual({
      'tcp [fd00:96::1]:80': { pod: sixth, node: `${sixth} masquerade=always`, outside: `${sixth} masquerade=always` },
    });
  });

  it('an endpoint without the mark for itself', () => {
    const nat = rules.nat?.filter((line) => !line.startsWith('-A KUBE-SEP-6 -s')) ?? [];
    expect(told(trace({ ...rules, nat }, { family: 'ipv6' }))).toMatchObject({
      'tcp [fd00:96::1]:80': { pod: '[fd00:244::2]:8080 hairpin=none' },
    });
  });

  it('and IPv4 are two tables that know nothing of each other', () => {
    expect(traceBoth({ nft: rules }, { family: 'ipv4' }).table.size).toBe(0);
  });
});
