import { describe, expect, it } from 'vitest';
import type { NodeRoute } from '../../../proto/parts.ts';
import { address } from '../../../test/builders.ts';
import { link, listed, route } from '../../../test/network-builders.ts';
import { noParts, reported } from '../../../test/view-builders.ts';
import { largestPacketTo } from './largest-packet.ts';

const links = reported({ links: listed([link('eth0', { mtu: 1500 }), link('flannel.1', { mtu: 1450 })]) });

/** To 10.244.2.1, by these routes. */
function largest(...first: readonly NodeRoute[]): number | null {
  const routes = reported({ routes: listed(first), rules: null });
  return largestPacketTo({ ...noParts, routes, links }, address('10.244.2.1'));
}

describe('the largest packet', () => {
  const byDefault = route('0.0.0.0/0 via 192.168.100.1 dev eth0');

  it('is what the link of the route takes, or the route itself where it says so', () => {
    const overlay = route('10.244.2.0/24 via 10.244.2.0 dev flannel.1');
    expect(largest(byDefault)).toBe(1500);
    expect(largest(byDefault, overlay)).toBe(1450);
    expect(largest({ ...overlay, mtu: 1400 })).toBe(1400);
  });

  it('is the least of several routes that are equal', () => {
    expect(largest(route('10.244.2.0/24 dev eth0'), route('10.244.2.0/24 dev flannel.1'))).toBe(1450);
  });

  it('is not known without a route, without its link, or without the parts that tell of them', () => {
    expect(largest()).toBeNull();
    expect(largest(route('10.244.2.0/24 dev eth7'))).toBeNull();
    expect(largest(byDefault, route('blackhole 10.244.2.0/24'))).toBeNull();
    expect(largestPacketTo(noParts, address('10.244.2.1'))).toBeNull();
    expect(largestPacketTo({ ...noParts, links }, address('10.244.2.1'))).toBeNull();
  });
});
