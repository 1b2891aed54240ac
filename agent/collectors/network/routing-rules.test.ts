import { describe, expect, it } from 'vitest';
import type { RoutingRule } from '../../../proto/parts.ts';
import { type Script, scriptedHost } from '../../scripted-host.ts';
import { collectRules } from './routing-rules.ts';

const ipv4 = 'ip -j -4 rule';
const ipv6 = 'ip -j -6 rule';

async function rulesOf(listed4: string, listed6 = '[]') {
  return collectRules(scriptedHost({ runs: { [ipv4]: listed4, [ipv6]: listed6 } }));
}

const any = { family: 'ipv4', from: null, to: null, mark: null, link: null, table: null, further: null } as const;

function told(...rules: readonly RoutingRule[]) {
  return { state: 'ok', value: { total: rules.length, first: rules } };
}

/** The kernel where IPv6 is off, and where it has no rules: what ip says of it. */
function refusal(words: string): NonNullable<Script['runs']>[string] {
  return { ok: false, kind: 'failed', message: `ip ended with code 255: RTNETLINK answers: ${words}` };
}

describe("a node's rules", () => {
  it('are the usual ones of both families', async () => {
    const listed4 =
      '[{"priority":0,"src":"all","table":"local"},{"priority":32766,"src":"all","table":"main"},{"priority":32767,"src":"all","table":"default"}]';
    const listed6 = '[{"priority":0,"src":"all","table":"local"},{"priority":32766,"src":"all","table":"main"}]';
    const lookup = { ...any, action: 'lookup' };
    expect(await rulesOf(listed4, listed6)).toEqual(
      told(
        { ...lookup, priority: 0, table: 'local' },
        { ...lookup, priority: 32_766, table: 'main' },
        { ...lookup, priority: 32_767, table: 'default' },
        { ...lookup, family: 'ipv6', priority: 0, table: 'local' },
        { ...lookup, family: 'ipv6', priority: 32_766, table: 'main' },
      ),
    );
  });

  it('ask for sources, destinations, marks and links, and do what they say (iproute2 6.1)', async () => {
    const listed = `[
      {"priority":50,"src":"all","goto":99},
      {"priority":51,"src":"all","nop":null},
      {"priority":56,"src":"all","action":"unreachable"},
      {"priority":99,"src":"all","dst":"10.5.0.1","action":"blackhole"},
      {"priority":32762,"src":"all","fwmark":"0x200","fwmask":"0xf00","oif":"eth1","table":"2004"},
      {"priority":32763,"src":"10.1.0.0","srclen":16,"dst":"10.2.0.0","dstlen":16,"iif":"eth0","action":"prohibit"}]`;
    expect(await rulesOf(listed)).toEqual(
      told(
        { ...any, priority: 50, action: 'goto' },
        { ...any, priority: 51, action: 'nop' },
        { ...any, priority: 56, action: 'unreachable' },
        { ...any, priority: 99, to: '10.5.0.1/32' as RoutingRule['to'], action: 'blackhole' },
        { ...any, priority: 32_762, mark: '0x200/0xf00', link: 'eth1', table: '2004', action: 'lookup' },
        {
          ...any,
          priority: 32_763,
          from: '10.1.0.0/16' as RoutingRule['from'],
          to: '10.2.0.0/16' as RoutingRule['to'],
          link: 'eth0',
          action: 'prohibit',
        },
      ),
    );
  });

  it('name what else they ask for, so that none is taken to be for all packets', async () => {
    const listed = `[
      {"priority":52,"src":"all","ipproto":"tcp","dport":80,"table":"7"},
      {"priority":53,"src":"all","uid_start":0,"uid_end":10,"table":"8"},
      {"priority":54,"src":"all","tos":"0x10","table":"9"},
      {"priority":55,"src":"all","l3mdev":null},
      {"priority":60,"src":"all","iif":"eth0","oif":"eth1","table":"10"},
      {"priority":32764,"src":"all","table":"main","suppress_prefixlen":0},
      {"priority":32765,"not":null,"src":"all","fwmark":"0xca6c","table":"51820"}]`;
    const read = await rulesOf(listed);
    const further = read.state === 'ok' && read.value.first.map((rule) => [rule.priority, rule.mark, rule.further]);
    expect(further).toEqual([
      [52, null, 'dport ipproto'],
      [53, null, 'uid_end uid_start'],
      [54, null, 'tos'],
      [55, null, 'l3mdev'],
      [60, null, 'oif'],
      [32_764, null, 'suppress_prefixlen'],
      [32_765, '0xca6c', 'not'],
    ]);
  });

  it('are none of IPv6 where the kernel has it switched off', async () => {
    const runs = {
      [ipv4]: '[{"priority":0,"src":"all","table":"local"}]',
      [ipv6]: refusal('Address family not supported by protocol'),
    };
    expect(await collectRules(scriptedHost({ runs }))).toEqual(
      told({ ...any, priority: 0, table: 'local', action: 'lookup' }),
    );
  });

  it('are not known where the kernel has none, or they were not recorded', async () => {
    const runs = { [ipv4]: refusal('Operation not supported') };
    expect(await collectRules(scriptedHost({ runs }))).toEqual({ state: 'absent' });
    expect(await collectRules(scriptedHost({}))).toEqual({ state: 'absent' });
  });

  it('beyond 2,000 are counted, and one that went away while ip was listing is passed over', async () => {
    const rules = Array.from({ length: 2001 }, (_, i) => ({ priority: i, src: 'all', table: 'main' }));
    const read = await rulesOf(JSON.stringify([{}, ...rules]));
    expect(read.state === 'ok' && [read.value.total, read.value.first.length]).toEqual([2001, 2000]);
  });
});

describe('rules that cannot be read', () => {
  it('are failed with the word of ip', async () => {
    const message = 'ip did not end within 10000 ms';
    const runs = { [ipv4]: '[]', [ipv6]: { ok: false, kind: 'deadline', message } as const };
    expect(await collectRules(scriptedHost({ runs }))).toEqual({ state: 'failed', reason: message });
  });

  it.each([
    '',
    '{}',
    '[7]',
    '[[]]',
    '[{"src":"all"}]',
    '[{"priority":"0","src":"all","table":"main"}]',
    '[{"priority":-1,"src":"all","table":"main"}]',
    '[{"priority":1,"src":"nowhere","table":"main"}]',
    '[{"priority":1,"src":"10.0.0.0","srclen":"8","table":"main"}]',
    '[{"priority":1,"src":"10.0.0.0","srclen":33,"table":"main"}]',
    '[{"priority":1,"src":"2001:db8::1","table":"main"}]',
    '[{"priority":1,"src":"all","table":[]}]',
    '[{"priority":1,"src":"all","iif":5,"table":"main"}]',
    '[{"priority":1,"src":"all","action":7}]',
  ])('are failed when ip prints %s', async (listed) => {
    expect(await rulesOf(listed)).toEqual({
      state: 'failed',
      reason: 'ip -j -4 rule printed something else than its list',
    });
  });
});
