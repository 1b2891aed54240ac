/** Which frontends are asked for, whose they claim to be, and the rules that are shown for one. */
import { describe, expect, it } from 'vitest';
import type { FrontendKey } from '../../proto/forwarding.ts';
import { address, prefixDetector } from '../../test/builders.ts';
import {
  endpointChain,
  nodeAddresses,
  type RuleLines,
  rulesetOf,
  skeleton,
  together,
  trace,
  webEntry,
  webKey,
  webRefused,
  webWith,
} from '../../test/rules-text.ts';
import { traceIptables } from './iptables.ts';
import { listFrontends } from './listed-frontends.ts';
import { ruleTables } from './rule-tables.ts';

function listing(rules: RuleLines) {
  const { frontends, complete } = listFrontends(ruleTables(rulesetOf(rules), 'ipv4'));
  return { frontends: [...frontends.keys()].sort(), complete };
}

describe("the frontends of kube-proxy's chains", () => {
  it('are those that they name by address or node port, each once', () => {
    const rules: RuleLines = {
      nat: [
        webEntry,
        webEntry,
        '-A KUBE-SERVICES -d 10.96.0.10/32 -p udp -m udp --dport 53 -j KUBE-SVC-DNS',
        '-A KUBE-SERVICES -d 10.96.0.11/32 -p sctp -m sctp --dport 9 -j KUBE-SVC-SCTP',
        '-A KUBE-SERVICES -d 203.0.113.1/32 -p tcp -m tcp --dport 80 -j KUBE-FW-LB',
        ':KUBE-EXT-WEB',
        '-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS',
        '-A KUBE-NODEPORTS -d 127.0.0.0/8 -p tcp -m tcp --dport 30080 -m nfacct --nfacct-name localhost_nps_accepted_pkts -j KUBE-EXT-WEB',
        '-A KUBE-NODEPORTS -p tcp -m tcp --dport 30080 -j KUBE-EXT-WEB',
      ],
      filter: [
        '-A KUBE-SERVICES -d 10.96.0.20/32 -p tcp -m tcp --dport 80 -j REJECT',
        '-A KUBE-EXTERNAL-SERVICES -p udp -m addrtype --dst-type LOCAL -m udp --dport 30053 -j DROP',
        '-A KUBE-EXTERNAL-SERVICES -d 203.0.113.2/32 -p tcp -m tcp --dport 80 -j REJECT',
        '-A KUBE-PROXY-FIREWALL -d 203.0.113.3/32 -p tcp -m tcp --dport 80 -j DROP',
      ],
    };
    expect(listing(rules)).toEqual({
      complete: true,
      frontends: [
        'sctp 10.96.0.11:9',
        'tcp 10.96.0.1:80',
        'tcp 10.96.0.20:80',
        'tcp 203.0.113.1:80',
        'tcp 203.0.113.2:80',
        'tcp 203.0.113.3:80',
        'tcp node4:30080',
        'udp 10.96.0.10:53',
        'udp node4:30053',
      ],
    });
  });

  it('are not those of other programs', () => {
    const nat = [
      '-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80',
      '-A CNI-HOSTPORT-DNAT -p tcp -m multiport --dports 80 -j CNI-DN-1',
      '-A PREROUTING -d 192.168.100.11/32 -p tcp -m tcp --dport 22 -j ACCEPT',
    ];
    expect(listing({ nat })).toEqual({ complete: true, frontends: [] });
  });

  it('are named by rules with an address, a port and a protocol only', () => {
    const nat = [
      '-A KUBE-SERVICES -d 10.96.0.0/12 -p tcp -m tcp --dport 80 -j KUBE-SVC-A',
      '-A KUBE-SERVICES ! -d 10.96.0.1/32 -p tcp -m tcp --dport 80 -j KUBE-SVC-A',
      '-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -j KUBE-SVC-A',
      '-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m tcp --dport 80:90 -j KUBE-SVC-A',
      '-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m tcp ! --dport 80 -j KUBE-SVC-A',
      '-A KUBE-SERVICES -d 10.96.0.1/32 -p icmp -j KUBE-SVC-A',
      ':KUBE-SVC-A',
    ];
    expect(listing({ nat })).toEqual({ complete: true, frontends: [] });
  });

  it('may be more than are named where a rule cannot be read', () => {
    expect(listing({ nat: [webEntry, '-A KUBE-SERVICES -j FUTURE [unsupported revision]', ':KUBE-SVC-WEB'] })).toEqual({
      complete: false,
      frontends: [webKey],
    });
  });

  it('may be more than are named where a rule was widened', () => {
    const chain = '-A KUBE-SVC-A -p tcp -m tcp -j DNAT --to-destination 10.244.1.2:8080';
    const widened = [
      '-d 10.96.0.0/24 -p tcp -m tcp --dport 80',
      '-d 10.96.0.1/32 -p tcp',
      '-d 10.96.0.1/32 -p tcp -m tcp --dport 80:90',
      '-p tcp -m tcp --dport 80',
    ];
    for (const conditions of widened) {
      expect(listing({ nat: [`-A KUBE-SERVICES ${conditions} -j KUBE-SVC-A`, chain] })).toEqual({
        complete: false,
        frontends: [],
      });
    }
    const icmp = '-A KUBE-SERVICES -d 10.96.0.0/24 -p icmp -j KUBE-SVC-A';
    expect(listing({ nat: [icmp, chain] })).toEqual({ complete: true, frontends: [] });
  });

  it('that no packet is forwarded or refused for are not in the table', () => {
    const unreached = together({
      nat: [webEntry, '-A KUBE-SVC-WEB -j KUBE-SEP-10.244.1.2', ...endpointChain('10.244.1.2:80')],
    });
    expect(trace(unreached).table.size).toBe(0);
  });
});

describe('the owner of a frontend', () => {
  const real = 'KUBE-SVC-E3PXEPMWAWIUT6ZV';

  function ownerOf(entry: string): string | undefined {
    const rules = together(skeleton, {
      nat: [
        entry,
        `-A ${real} -j KUBE-SEP-10.244.1.2`,
        '-A KUBE-SVC-WEB -j KUBE-SEP-10.244.1.2',
        ...endpointChain('10.244.1.2:80'),
      ],
    });
    return trace(rules)
      .owners()
      .get(webKey as FrontendKey);
  }

  it('is the name in the comment that hashes to the chain', () => {
    expect(ownerOf(webEntry.replace('KUBE-SVC-WEB', real))).toBe('shop/web');
  });

  it('is the whole comment where nothing stands behind the name, as for node ports', () => {
    const comment = '--comment "shop/web"';
    expect(ownerOf(webEntry.replace(/--comment ("[^"]*"|\S+)/, comment).replace('KUBE-SVC-WEB', real))).toBe(
      'shop/web',
    );
  });

  it('can be asked for when the rules are long released', () => {
    const entry = webEntry.replace('KUBE-SVC-WEB', real);
    const ruleset = rulesetOf(together(skeleton, { nat: [entry, `-A ${real} -j ACCEPT`], filter: [webRefused] }));
    const detector = prefixDetector('10.244.0.0/16');
    const traced = traceIptables({
      rulesets: [{ backend: 'nft', family: 'ipv4', ruleset }],
      localAddresses: nodeAddresses.map(address),
      localDetector: { ipv4: detector, ipv6: detector },
    });
    ruleset.release();
    const hints = [webKey, 'tcp 10.96.0.77:80'].map((key) => traced.ownerHint(key as FrontendKey));
    expect(hints).toEqual(['shop/web', null]);
  });

  it('is nobody where the chain is of another name', () => {
    expect(ownerOf(webEntry)).toBeUndefined();
    expect(ownerOf(webEntry.replace('KUBE-SVC-WEB', real).replace('shop/web', 'evil/web'))).toBeUndefined();
  });

  it('is nobody where there is no comment', () => {
    expect(ownerOf(`-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m tcp --dport 80 -j ${real}`)).toBeUndefined();
  });

  it('is nobody where the same hash is for another protocol', () => {
    const udp = webEntry.replace('-p tcp', '-p udp').replace('-m tcp', '-m udp').replace('KUBE-SVC-WEB', real);
    expect(ownerOf(udp)).toBeUndefined();
  });
});

describe('the rules that are shown for a frontend', () => {
  const shown = (rules: RuleLines, key: string): readonly string[] =>
    trace(rules)
      .explain(key as FrontendKey)
      .first.map(({ rule }) => rule);

  it('are those that its packets meet, of all origins, each once', () => {
    expect(shown(webWith('10.244.1.2:8080'), webKey)).toEqual([
      '-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
      webEntry,
      '-A KUBE-SVC-WEB -j KUBE-SEP-10.244.1.2',
      '-A KUBE-SEP-10.244.1.2 -s 10.244.1.2/32 -j KUBE-MARK-MASQ',
      '-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000',
      '-A KUBE-SEP-10.244.1.2 -p tcp -m tcp -j DNAT --to-destination 10.244.1.2:8080',
      '-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
      '-A KUBE-SVC-WEB ! -s 10.244.0.0/16 -d 10.96.0.1/32 -p tcp -m tcp --dport 80 -j KUBE-MARK-MASQ',
    ]);
  });

  it('are at most 40, and all are counted', () => {
    const backends = Array.from({ length: 30 }, (_, i) => `10.244.1.${i + 1}:80`);
    const { total, first } = trace(webWith(...backends)).explain(webKey as FrontendKey);
    // Three on the way in, two on the way of the node's own, and three for each backend.
    expect([total, first.length]).toEqual([95, 40]);
  });

  it('are none for a frontend that is not listed', () => {
    expect(shown(webWith('10.244.1.2:8080'), 'tcp 10.96.0.77:80')).toEqual([]);
  });
});
