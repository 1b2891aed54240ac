/** Which ports a rule lets through: NetworkPolicyPort v1. The destination's ports count, whichever side asks. */
import { describe, expect, it } from 'vitest';
import { judged } from '../../../test/policy-world.ts';

type Row = readonly [sentence: string, ports: readonly object[], flow: string, told: 'allowed' | 'denied'];

/** Ports of an ingress rule of shop that lets everyone in. */
const numbers: readonly Row[] = [
  ['a number', [{ port: 5432 }], 'shop/web > shop/db 5432', 'allowed'],
  ['another number', [{ port: 5433 }], 'shop/web > shop/db 5432', 'denied'],
  ['a port that no container names counts too', [{ port: 22 }], 'shop/web > shop/db 22', 'allowed'],
  ['one of several', [{ port: 1 }, { port: 5432 }], 'shop/web > shop/db 5432', 'allowed'],
  ['none of several', [{ port: 1 }, { port: 2 }], 'shop/web > shop/db 5432', 'denied'],
  ['without a protocol it is TCP', [{ port: 5432 }], 'shop/web > shop/db 5432/udp', 'denied'],
  ['without a protocol it is TCP', [{ port: 5432, protocol: null }], 'shop/web > shop/db 5432/sctp', 'denied'],
  ['TCP', [{ port: 5432, protocol: 'TCP' }], 'shop/web > shop/db 5432', 'allowed'],
  ['UDP', [{ port: 5353, protocol: 'UDP' }], 'test/web > shop/db 5353/udp', 'allowed'],
  ['UDP is not TCP', [{ port: 5353, protocol: 'UDP' }], 'test/web > shop/db 5353', 'denied'],
  ['SCTP', [{ port: 3868, protocol: 'SCTP' }], 'test/web > shop/db 3868/sctp', 'allowed'],
  ['SCTP is not UDP', [{ port: 3868, protocol: 'SCTP' }], 'test/web > shop/db 3868/udp', 'denied'],
  ['no port: every port of the protocol', [{ protocol: 'UDP' }], 'test/web > shop/db 9/udp', 'allowed'],
  ['no port: of the protocol alone', [{ protocol: 'UDP' }], 'test/web > shop/db 9', 'denied'],
  ['an empty entry: every port of TCP', [{}], 'test/web > shop/db 9', 'allowed'],
  ['an empty entry: TCP alone', [{}], 'test/web > shop/db 9/udp', 'denied'],
  ['the lowest port', [{ port: 1 }], 'test/web > shop/db 1', 'allowed'],
  ['the highest port', [{ port: 65535 }], 'test/web > shop/db 65535', 'allowed'],
];

const ranges: readonly Row[] = [
  ['endPort: the first', [{ port: 8000, endPort: 8100 }], 'test/web > shop/db 8000', 'allowed'],
  ['endPort: within', [{ port: 8000, endPort: 8100 }], 'test/web > shop/db 8050', 'allowed'],
  ['endPort: the last', [{ port: 8000, endPort: 8100 }], 'test/web > shop/db 8100', 'allowed'],
  ['endPort: before', [{ port: 8000, endPort: 8100 }], 'test/web > shop/db 7999', 'denied'],
  ['endPort: after', [{ port: 8000, endPort: 8100 }], 'test/web > shop/db 8101', 'denied'],
  ['endPort may equal port', [{ port: 8000, endPort: 8000 }], 'test/web > shop/db 8000', 'allowed'],
  ['endPort may equal port', [{ port: 8000, endPort: 8000 }], 'test/web > shop/db 8001', 'denied'],
  ['endPort null: that port alone', [{ port: 8000, endPort: null }], 'test/web > shop/db 8001', 'denied'],
  [
    'endPort with its protocol',
    [{ port: 8000, endPort: 8100, protocol: 'UDP' }],
    'test/web > shop/db 8050/udp',
    'allowed',
  ],
  ['endPort with its protocol', [{ port: 8000, endPort: 8100, protocol: 'UDP' }], 'test/web > shop/db 8050', 'denied'],
  ['the whole range', [{ port: 1, endPort: 65535 }], 'test/web > shop/db 5432', 'allowed'],
  ['a range beside a port', [{ port: 80 }, { port: 8000, endPort: 8100 }], 'test/web > shop/db 8001', 'allowed'],
];

const names: readonly Row[] = [
  ['a name: the port of that name', [{ port: 'pg' }], 'shop/web > shop/db 5432', 'allowed'],
  ['a name: no other port', [{ port: 'pg' }], 'shop/web > shop/db 5433', 'denied'],
  ['a name that the pod has not', [{ port: 'mysql' }], 'shop/web > shop/db 5432', 'denied'],
  ['a name means another number at each pod', [{ port: 'http' }], 'test/web > shop/web 8080', 'allowed'],
  ['a name means another number at each pod', [{ port: 'http' }], 'test/web > shop/web-2 8081', 'allowed'],
  ['a name means another number at each pod', [{ port: 'http' }], 'test/web > shop/web-2 8080', 'denied'],
  ['a name is that of the protocol', [{ port: 'http', protocol: 'UDP' }], 'test/web > shop/web 8080/udp', 'allowed'],
  ['a name is that of the protocol', [{ port: 'http', protocol: 'UDP' }], 'test/web > shop/web 8080', 'denied'],
  ['a name is that of the protocol', [{ port: 'http' }], 'test/web > shop/web 8080/udp', 'denied'],
  ['a name of the wrong protocol', [{ port: 'pg', protocol: 'UDP' }], 'shop/web > shop/db 5432/udp', 'denied'],
  ['a name beside a number', [{ port: 'mysql' }, { port: 5432 }], 'shop/web > shop/db 5432', 'allowed'],
  ['a pod without ports has no names', [{ port: 'http' }], 'shop/web > shop/bare 8080', 'denied'],
];

/** Ports of an egress rule of shop to everyone: names are those of the peer. */
const outgoing: readonly Row[] = [
  ['a number', [{ port: 5353, protocol: 'UDP' }], 'shop/web > kube-system/dns 5353/udp', 'allowed'],
  ['a number', [{ port: 53, protocol: 'UDP' }], 'shop/web > kube-system/dns 5353/udp', 'denied'],
  [
    'a name: that of the destination',
    [{ port: 'dns', protocol: 'UDP' }],
    'shop/web > kube-system/dns 5353/udp',
    'allowed',
  ],
  ['a name: of its protocol', [{ port: 'dns' }], 'shop/web > kube-system/dns 5353', 'denied'],
  ['a name: of its protocol', [{ port: 'dns-tcp' }], 'shop/web > kube-system/dns 5353', 'allowed'],
  ['a name: not that of the pod itself', [{ port: 'http' }], 'shop/web > kube-system/dns 8080', 'denied'],
  ['a name: not that of the pod itself', [{ port: 'pg' }], 'shop/web > shop/db 5432', 'allowed'],
  ['an address outside has no names', [{ port: 'http' }], 'shop/web > 203.0.113.9 8080', 'denied'],
  ['an address outside has numbers', [{ port: 443 }], 'shop/web > 203.0.113.9 443', 'allowed'],
  ['a range', [{ port: 400, endPort: 500 }], 'shop/web > 203.0.113.9 443', 'allowed'],
  ['no port: every port of the protocol', [{ protocol: 'TCP' }], 'shop/web > 203.0.113.9 443', 'allowed'],
  ['no ports at all: every protocol', [], 'shop/web > 203.0.113.9 443/sctp', 'allowed'],
];

const inwards = (ports: readonly object[], flow: string) =>
  judged([{ podSelector: {}, ingress: [{ ports }] }], flow).endsWith('> denied') ? 'denied' : 'allowed';
const outwards = (ports: readonly object[], flow: string) =>
  judged([{ podSelector: {}, policyTypes: ['Egress'], egress: [{ ports }] }], flow).startsWith('denied >')
    ? 'denied'
    : 'allowed';

describe('ports by number', () => {
  it.each(numbers)('%s: %j, %s', (_sentence, ports, flow, told) => expect(inwards(ports, flow)).toBe(told));
});
describe('ranges of ports', () => {
  it.each(ranges)('%s: %j, %s', (_sentence, ports, flow, told) => expect(inwards(ports, flow)).toBe(told));
});
describe('ports by name', () => {
  it.each(names)('%s: %j, %s', (_sentence, ports, flow, told) => expect(inwards(ports, flow)).toBe(told));
});
describe('ports of egress rules', () => {
  it.each(outgoing)('%s: %j, %s', (_sentence, ports, flow, told) => expect(outwards(ports, flow)).toBe(told));
});

describe('which port of a rule let it through', () => {
  it.each([
    ['the first that fits', [{ port: 1 }, { port: 5432 }, {}], 'open > 0.*.1'],
    ['none, where the rule names none', [], 'open > 0.*.*'],
  ])('%s', (_sentence, ports, told) =>
    expect(judged([{ podSelector: {}, ingress: [{ ports }] }], 'shop/web > shop/db 5432')).toBe(told),
  );
});
