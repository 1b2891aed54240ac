/** What policies see of addresses and ports that were translated: "it is not defined whether this happens before or after". */
import { describe, expect, it } from 'vitest';
import { judged } from '../../../test/policy-world.ts';

const block = (cidr: string) => [{ ipBlock: { cidr } }];
const toDns = 'shop/web > kube-system/dns 5353/udp via 10.96.0.10:53';
const toOutside = 'shop/web > 203.0.113.9 8443 via 10.96.0.20:443';

type Row = readonly [sentence: string, rule: object, flow: string, told: string];

const outgoing: readonly Row[] = [
  ['the port of the pod counts', { ports: [{ port: 5353, protocol: 'UDP' }] }, toDns, '0.*.0 > open'],
  ['the port of the Service does not', { ports: [{ port: 53, protocol: 'UDP' }] }, toDns, 'denied > open'],
  ["the name of the pod's port counts", { ports: [{ port: 'dns', protocol: 'UDP' }] }, toDns, '0.*.0 > open'],
  ['the pod behind the Service is the peer', { to: [{ namespaceSelector: {} }] }, toDns, '0.0.* > open'],
  ["the pod's address counts", { to: block('10.244.0.0/16') }, toDns, '0.0.* > open'],
  ["the Service's address alone: left to the plugin", { to: block('10.96.0.0/12') }, toDns, 'unknown > open'],
  [
    "the Service's address with the pod's port: left to the plugin",
    { to: block('10.96.0.0/12'), ports: [{ port: 5353, protocol: 'UDP' }] },
    toDns,
    'unknown > open',
  ],
  [
    "the Service's address with another port",
    { to: block('10.96.0.0/12'), ports: [{ port: 54, protocol: 'UDP' }] },
    toDns,
    'denied > open',
  ],
  ['neither address', { to: block('172.16.0.0/12') }, toDns, 'denied > open'],
  ['both addresses', { to: block('10.0.0.0/8') }, toDns, '0.0.* > open'],
  ['an endpoint outside: its address counts', { to: block('203.0.113.0/24') }, toOutside, '0.0.* > -'],
  [
    "an endpoint outside: the Service's address is left to the plugin",
    { to: block('10.96.0.0/12') },
    toOutside,
    'unknown > -',
  ],
  ['an endpoint outside is no pod', { to: [{ namespaceSelector: {} }] }, toOutside, 'denied > -'],
];

const incoming: readonly Row[] = [
  [
    "the Service's port, not the pod's: the destination does not see it",
    { ports: [{ port: 80 }] },
    'test/web > shop/web 8080 via 10.96.0.30:80',
    'open > denied',
  ],
  ["the pod's port", { ports: [{ port: 8080 }] }, 'test/web > shop/web 8080 via 10.96.0.30:80', 'open > 0.*.0'],
  [
    "the Service's address is no source",
    { from: block('10.96.0.0/12') },
    'test/web > shop/web 8080 via 10.96.0.30:80',
    'open > denied',
  ],
  [
    'a source that may be rewritten, by its address',
    { from: block('203.0.113.0/24') },
    '203.0.113.9 > shop/web 8080 rewritten',
    '- > unknown',
  ],
  [
    'a source that may be rewritten to an address that fits',
    { from: block('192.168.100.0/24') },
    '203.0.113.9 > shop/web 8080 rewritten',
    '- > unknown',
  ],
  [
    "a source that may be rewritten to the pod's own node's",
    { from: [{ podSelector: {} }] },
    '203.0.113.9 > shop/web 8080 rewritten',
    '- > unknown',
  ],
  [
    'a pod that may be rewritten is perhaps not known by its labels',
    { from: [{ namespaceSelector: {} }] },
    'test/web > shop/web 8080 rewritten',
    'open > unknown',
  ],
  ['everyone is let in, rewritten or not', {}, '203.0.113.9 > shop/web 8080 rewritten', '- > 0.*.*'],
  ['a source that is not rewritten', { from: block('203.0.113.0/24') }, '203.0.113.9 > shop/web 8080', '- > 0.0.*'],
];

describe('what an egress policy sees of a Service', () => {
  it.each(outgoing)('%s', (_sentence, rule, flow, told) =>
    expect(judged([{ podSelector: {}, policyTypes: ['Egress'], egress: [rule] }], flow)).toBe(told),
  );
});
describe('what an ingress policy sees of a translated packet', () => {
  it.each(incoming)('%s', (_sentence, rule, flow, told) =>
    expect(judged([{ podSelector: {}, ingress: [rule] }], flow)).toBe(told),
  );
});
