import { readFileSync } from 'node:fs';
import { parseRules } from 'node-iptables-parse';
import { describe, expect, it } from 'vitest';
import { recordingFolder } from '../../test/recordings.ts';
import { dropsInvalidPackets } from './invalid-packets.ts';

function drops(dump: string): boolean {
  const parsed = parseRules(dump, { expectTables: [], trailer: 'optional' });
  if (!parsed.ok) throw new Error(parsed.failure.message);
  return dropsInvalidPackets(parsed.ruleset.tables.get('filter'));
}

/** Table filter with these rules; chains that they speak of are declared. */
function filter(...rules: readonly string[]): string {
  const named = rules.flatMap((rule) => rule.match(/(?<=^-A |-[jg] )[A-Za-z-]+(?= |$)/g) ?? []);
  const own = [...new Set(named)].filter((name) => !['FORWARD', 'DROP', 'ACCEPT', 'RETURN'].includes(name));
  return ['*filter', ':FORWARD ACCEPT [0:0]', ...own.map((name) => `:${name} - [0:0]`), ...rules, 'COMMIT', ''].join(
    '\n',
  );
}

const rule =
  '-A KUBE-FORWARD -m conntrack --ctstate INVALID -m nfacct --nfacct-name  ct_state_invalid_dropped_pkts -j DROP\n';

describe('packets in state INVALID', () => {
  const healthy = `${recordingFolder('s1-healthy')}/node-a`;

  it.each(['iptables-nft-save.txt', 'ip6tables-nft-save.txt'])(
    "are dropped by kube-proxy's rule (%s of s1 node-a)",
    (file) => {
      const dump = readFileSync(`${healthy}/${file}`, 'utf8');
      expect(drops(dump)).toBe(true);
      expect(dump).toContain(rule);
      expect(drops(dump.replace(rule, ''))).toBe(false);
    },
  );

  it('are not by a KUBE-FORWARD that nothing leads to', () => {
    expect(drops(filter('-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP'))).toBe(false);
  });

  it('are dropped by a firewall of somebody else just as well', () => {
    expect(drops(filter('-A FORWARD -j MY-FIREWALL', '-A MY-FIREWALL -p tcp -m state --state INVALID -j DROP'))).toBe(
      true,
    );
    expect(drops(filter('-A FORWARD -m conntrack ! --ctstate NEW,RELATED,ESTABLISHED -j DROP'))).toBe(true);
  });

  it.each([
    ['of one link only', ['-A FORWARD -i eth1 -m conntrack --ctstate INVALID -j DROP']],
    ['of another state', ['-A FORWARD -m conntrack --ctstate NEW -j DROP']],
    [
      'behind a rule that accepts everything',
      ['-A FORWARD -j ACCEPT', '-A FORWARD -m conntrack --ctstate INVALID -j DROP'],
    ],
    [
      'behind a chain that is left before',
      ['-A FORWARD -j A', '-A A -j RETURN', '-A A -m conntrack --ctstate INVALID -j DROP'],
    ],
    ['in chains that lead to each other', ['-A FORWARD -j A', '-A A -j B', '-A B -j A']],
  ])('are not dropped by a rule %s', (_, rules) => {
    expect(drops(filter(...rules))).toBe(false);
  });

  it('are not known to be where table filter was not read', () => {
    expect(dropsInvalidPackets(undefined)).toBe(false);
  });
});
