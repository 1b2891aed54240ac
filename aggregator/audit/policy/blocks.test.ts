/** Peers by address: IPBlock v1, with what an address of a pod is to it. */
import { describe, expect, it } from 'vitest';
import { judged, type PolicySpec } from '../../../test/policy-world.ts';

const podsWith = (app: string) => ({ podSelector: { matchLabels: { app } } });
const namespacesWith = (labels: object) => ({ namespaceSelector: { matchLabels: labels } });
const block = (cidr: string, ...except: readonly string[]) => ({
  ipBlock: { cidr, ...(except.length === 0 ? {} : { except }) },
});

type Row = readonly [sentence: string, peers: readonly object[], flow: string, told: string];

/** Peers of an ingress rule of shop, for all of its pods. */
const blocks: readonly Row[] = [
  ['ipBlock: an address in it', [block('203.0.113.0/24')], '203.0.113.9 > shop/db 5432', '- > 0.0.*'],
  ['ipBlock: an address outside of it', [block('203.0.113.0/24')], '203.0.114.9 > shop/db 5432', '- > denied'],
  ['ipBlock: the first address', [block('203.0.113.8/29')], '203.0.113.8 > shop/db 5432', '- > 0.0.*'],
  ['ipBlock: the last address', [block('203.0.113.8/29')], '203.0.113.15 > shop/db 5432', '- > 0.0.*'],
  ['ipBlock: the address after the last', [block('203.0.113.8/29')], '203.0.113.16 > shop/db 5432', '- > denied'],
  ['ipBlock: one address', [block('203.0.113.9/32')], '203.0.113.9 > shop/db 5432', '- > 0.0.*'],
  ['except: not these', [block('203.0.113.0/24', '203.0.113.0/28')], '203.0.113.9 > shop/db 5432', '- > denied'],
  ['except: the others still', [block('203.0.113.0/24', '203.0.113.0/28')], '203.0.113.16 > shop/db 5432', '- > 0.0.*'],
  [
    'except: several',
    [block('203.0.113.0/24', '203.0.113.0/28', '203.0.113.128/25')],
    '203.0.113.200 > shop/db 5432',
    '- > denied',
  ],
  ['except: all of it', [block('203.0.113.0/24', '203.0.113.0/24')], '203.0.113.200 > shop/db 5432', '- > denied'],
  [
    'except binds its own entry alone',
    [block('203.0.113.0/24', '203.0.113.0/28'), block('203.0.113.9/32')],
    '203.0.113.9 > shop/db 5432',
    '- > 0.1.*',
  ],
  ['0.0.0.0/0: every IPv4 address', [block('0.0.0.0/0')], '198.51.100.1 > shop/db 5432', '- > 0.0.*'],
  ['0.0.0.0/0: no IPv6 address', [block('0.0.0.0/0')], '2001:db8::9 > shop/db 5432', '- > denied'],
  ['::/0: every IPv6 address', [block('::/0')], '2001:db8::9 > shop/db 5432', '- > 0.0.*'],
  ['::/0: no IPv4 address', [block('::/0')], '203.0.113.9 > shop/db 5432', '- > denied'],
  ['IPv6 with except', [block('2001:db8::/32', '2001:db8:1::/48')], '2001:db8:1::9 > shop/db 5432', '- > denied'],
  ['IPv6 with except', [block('2001:db8::/32', '2001:db8:1::/48')], '2001:db8:2::9 > shop/db 5432', '- > 0.0.*'],
  [
    "an address that is a pod's counts as any other",
    [block('10.244.0.0/16')],
    'test/web > shop/db 5432',
    'open > 0.0.*',
  ],
  [
    "an address that is a pod's counts as any other",
    [block('10.244.0.0/16', '10.244.2.0/24')],
    'test/web > shop/db 5432',
    'open > denied',
  ],
  ['the address of the family that is spoken', [block('10.244.0.0/16')], 'test/web > shop/db 5432 v6', 'open > denied'],
  ['the address of the family that is spoken', [block('fd00:244::/32')], 'test/web > shop/db 5432 v6', 'open > 0.0.*'],
  [
    'a pod without an address: it cannot be told',
    [block('10.244.0.0/16')],
    'shop/starting > shop/db 5432',
    'open > unknown',
  ],
  ['a pod that has ended has no address any more', [block('10.244.0.0/16')], 'shop/done > shop/db 5432', '- > denied'],
  ['a block beside selectors', [podsWith('api'), block('10.244.2.0/24')], 'test/web > shop/db 5432', 'open > 0.1.*'],
  [
    'a selector beside a block',
    [block('203.0.113.0/24'), namespacesWith({ env: 'test' })],
    'test/web > shop/db 5432',
    'open > 0.1.*',
  ],
];

const ingress = (peers: readonly object[]): readonly PolicySpec[] => [{ podSelector: {}, ingress: [{ from: peers }] }];

describe('sources by address', () => {
  it.each(blocks)('%s', (_sentence, peers, text, told) => expect(judged(ingress(peers), text)).toBe(told));
});
