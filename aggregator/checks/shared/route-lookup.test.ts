import { describe, expect, it } from 'vitest';
import type { Address, Prefix } from '../../../proto/address.ts';
import type { NodeRoute, RoutesReport, RoutingRule } from '../../../proto/parts.ts';
import { lookUp, routesInside } from './route-lookup.ts';

/** `10.244.2.0/24 via 10.244.2.0 dev flannel.1`, as ip prints it. */
function route(text: string, changes: Partial<NodeRoute> = {}): NodeRoute {
  const words = text.split(' ');
  const after = (word: string) => (words.includes(word) ? (words[words.indexOf(word) + 1] ?? null) : null);
  const [kind, destination] = words[0]?.includes('/') ? ['unicast', words[0]] : [words[0] ?? '', words[1]];
  return {
    family: text.includes('::') ? 'ipv6' : 'ipv4',
    table: after('table') ?? 'main',
    kind,
    destination: destination as Prefix,
    link: after('dev'),
    gateway: after('via') as Address | null,
    source: null,
    protocol: 'boot',
    metric: Number(after('metric') ?? 0),
    onlink: false,
    mtu: null,
    isDead: false,
    ...changes,
  };
}

function rule(priority: number, changes: Partial<RoutingRule>): RoutingRule {
  const all = { from: null, to: null, mark: null, link: null, further: null } as const;
  const any = { ...all, family: 'ipv4', table: null, action: 'lookup' } as const;
  return { ...any, priority, ...changes };
}

function report(routes: readonly NodeRoute[], rules: readonly RoutingRule[] = []): RoutesReport {
  return { routes: { total: routes.length, first: routes }, rules: { total: rules.length, first: rules } };
}

const main = rule(32_766, { table: 'main' });
const at = (text: string) => text as Address;

describe('an address is looked up', () => {
  const flannel = route('10.244.2.0/24 via 10.244.2.0 dev flannel.1');
  const everywhere = route('0.0.0.0/0 via 192.168.100.1 dev eth0');

  it('by the longest prefix, and in the end by the default route', () => {
    const routes = report([everywhere, flannel]);
    expect(lookUp(routes, at('10.244.2.7'))).toEqual({ kind: 'route', routes: [flannel] });
    expect(lookUp(routes, at('10.244.3.7'))).toEqual({ kind: 'route', routes: [everywhere] });
    expect(lookUp(report([flannel]), at('10.244.3.7'))).toEqual({ kind: 'none' });
  });

  it('by the least metric, all of those that have it', () => {
    const [one, two] = [route('10.0.0.0/8 via 192.0.2.1 dev eth0'), route('10.0.0.0/8 via 192.0.2.2 dev eth1')];
    const worse = route('10.0.0.0/8 via 192.0.2.3 dev eth2 metric 100');
    expect(lookUp(report([worse, one, two]), at('10.1.1.1'))).toEqual({ kind: 'route', routes: [one, two] });
  });

  it('without dead routes, and through throw to the next table', () => {
    const dead = route('10.244.2.0/24 dev cni0', { isDead: true });
    const thrown = route('throw 10.244.2.0/24 table 100');
    const rules = [rule(10, { table: '100' }), main];
    expect(lookUp(report([dead, everywhere, thrown], rules), at('10.244.2.7'))).toEqual({
      kind: 'route',
      routes: [everywhere],
    });
  });

  it('and refused by a blackhole, but for what has a longer route', () => {
    const block = route('blackhole 10.244.2.0/26');
    const pod = route('10.244.2.5/32 dev cali1');
    const routes = report([everywhere, block, pod]);
    expect(lookUp(routes, at('10.244.2.6'))).toEqual({ kind: 'refused', by: block });
    expect(lookUp(routes, at('10.244.2.5'))).toEqual({ kind: 'route', routes: [pod] });
    expect(routesInside(routes, '10.244.2.0/24' as Prefix)).toEqual([block, pod]);
  });

  it('in the tables that rules name, by priority', () => {
    const other = route('10.244.2.0/24 dev wg0 table 51');
    const rules = [main, rule(100, { to: '10.244.0.0/16' as Prefix, table: '51' })];
    expect(lookUp(report([flannel, other], rules), at('10.244.2.7'))).toEqual({ kind: 'route', routes: [other] });
  });

  it('as IPv6', () => {
    const six = route('fd00:2::/64 via fd00::2 dev eth0');
    expect(lookUp(report([six, flannel]), at('fd00:2::9'))).toEqual({ kind: 'route', routes: [six] });
  });

  it('without the entry by which older kernels show that IPv6 has no default route', () => {
    const placeholder = route('unreachable ::/0 dev lo metric 4294967295');
    expect(lookUp(report([placeholder]), at('fd00:2::9'))).toEqual({ kind: 'none' });
  });

  it('as a packet without a mark', () => {
    const marked = route('0.0.0.0/0 dev lo table 2004');
    const rules = [rule(9, { mark: '0x200/0xf00', table: '2004' }), main];
    expect(lookUp(report([marked, everywhere], rules), at('192.0.2.9'))).toEqual({
      kind: 'route',
      routes: [everywhere],
    });
  });

  it('and not decided where sources are routed differently', () => {
    const second = route('0.0.0.0/0 via 10.2.0.1 dev eth1 table 2');
    const rules = [rule(1536, { from: '10.2.7.9/32' as Prefix, table: '2' }), main];
    expect(lookUp(report([everywhere, second], rules), at('192.0.2.9'))).toEqual({
      kind: 'unknown',
      because: 'rule 1536 is for packets from 10.2.7.9/32',
    });
  });

  it('and not decided where a rule asks for more than is told, as that of WireGuard does (not fwmark 0xca6c)', () => {
    const wireguard = route('0.0.0.0/0 dev wg0 table 51820');
    const rules = [rule(32_765, { mark: '0xca6c', table: '51820', further: 'not' }), main];
    expect(lookUp(report([everywhere, wireguard], rules), at('192.0.2.9'))).toEqual({
      kind: 'unknown',
      because: 'rule 32765 asks for more: not',
    });
  });

  it('and not decided where a rule goes on at another one', () => {
    const rules = [rule(50, { action: 'goto' }), main];
    expect(lookUp(report([everywhere], rules), at('192.0.2.9'))).toEqual({
      kind: 'unknown',
      because: 'rule 50 goes on at another one',
    });
  });

  it('and not decided out of a list that was cut', () => {
    const cut = { ...report([flannel]), routes: { total: 5000, first: [flannel] } };
    expect(lookUp(cut, at('10.244.2.7'))).toEqual({ kind: 'unknown', because: 'only 1 of 5000 routes are known' });
  });
});
