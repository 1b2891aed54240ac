import { describe, expect, it } from 'vitest';
import { addressesAsText, type NamespaceFiles, readNamespace } from './namespace-files.ts';

const routeNames = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n';

/** A namespace whose loopback is all that it has, as a kernel 6.x prints it. */
const alone: NamespaceFiles = {
  fibTrie: `Local:
  +-- 127.0.0.0/8 2 0 2
     +-- 127.0.0.0/31 1 0 0
        |-- 127.0.0.0
           /8 host LOCAL
        |-- 127.0.0.1
           /32 host LOCAL
     |-- 127.255.255.255
        /32 link BROADCAST
`,
  route: routeNames,
  ipv6Addresses: '00000000000000000000000000000001 01 80 10 80       lo\n',
  ipv6Route: `${'0'.repeat(32)} 00 ${'0'.repeat(32)} 00 ${'0'.repeat(32)} ffffffff 00000001 00000000 00200200       lo\n`,
  devices: `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
`,
  igmp: 'Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n1\tlo        :     1      V3\n\t\t\t\t010000E0     1 0:00000000\t\t0\n',
};

function device(name: string): string {
  return `${name.padStart(6)}:     180       2    0    0    0     0          0         0      110       1    0    0    0     0       0          0\n`;
}

function route(link: string, destination: string, gateway: string, rest: string): string {
  const [flags = '', mask = ''] = rest.split(' ');
  return `${link}\t${destination}\t${gateway}\t${flags}\t0\t0\t0\t${mask}\t0\t0\t0                        \n`;
}

/** A pod on a bridge, with both families. */
const bridged: NamespaceFiles = {
  fibTrie: `Main:
  +-- 0.0.0.0/1 2 0 2
     +-- 0.0.0.0/4 2 0 2
        |-- 0.0.0.0
           /0 universe UNICAST
        +-- 10.244.1.0/24 2 0 2
           +-- 10.244.1.0/30 2 0 2
              |-- 10.244.1.0
                 /32 link BROADCAST
                 /24 link UNICAST
              |-- 10.244.1.2
                 /32 host LOCAL
           |-- 10.244.1.255
              /32 link BROADCAST
${alone.fibTrie}           |-- 10.244.1.2
              /32 host LOCAL
`,
  route: `${routeNames}${route('eth0', '00000000', '0101F40A', '0003 00000000')}${route('eth0', '0001F40A', '00000000', '0001 00FFFFFF')}`,
  ipv6Addresses: `${alone.ipv6Addresses}fe80000000000000b0af04fffeb92b1d 02 40 20 c0     eth0
fd000010024400010000000000000002 02 40 00 82     eth0
`,
  ipv6Route: `fd000010024400010000000000000000 40 ${'0'.repeat(32)} 00 ${'0'.repeat(32)} 00000100 00000002 00000000 00000001     eth0
${'0'.repeat(32)} 00 ${'0'.repeat(32)} 00 fd000010024400010000000000000001 00000400 00000001 00000000 00000003     eth0
${alone.ipv6Route}`,
  devices: alone.devices + device('eth0'),
  igmp: `${alone.igmp}2\teth0      :     1      V3\n\t\t\t\t010000E0     1 0:00000000\t\t0\n`,
};

/** A pod of Calico: an address by itself, and the device that the kernel makes for IPIP. */
const calico: NamespaceFiles = {
  ...alone,
  fibTrie: `${alone.fibTrie}     |-- 169.254.1.1
        /32 link UNICAST
     |-- 192.168.8.19
        /32 host LOCAL
`,
  route: `${routeNames}${route('eth0', '00000000', '0101FEA9', '0003 00000000')}${route('eth0', '0101FEA9', '00000000', '0005 FFFFFFFF')}`,
  devices: alone.devices + device('tunl0') + device('eth0'),
  igmp: `${alone.igmp}4\teth0      :     1      V3\n`,
};

const nothing = { links: [], addresses: [], defaultRoutes: [] };

describe('a network namespace by its files', () => {
  it('of a pod on a bridge has addresses with their prefixes, and a way out of each family', () => {
    expect(readNamespace(bridged)).toEqual({
      links: [{ name: 'eth0', index: 2 }],
      addresses: [
        { link: 'eth0', address: '10.244.1.2', prefixLength: 24 },
        { link: 'eth0', address: 'fd00:10:244:1::2', prefixLength: 64 },
      ],
      defaultRoutes: [
        { family: 'ipv4', link: 'eth0', gateway: '10.244.1.1', isDead: false },
        { family: 'ipv6', link: 'eth0', gateway: 'fd00:10:244:1::1', isDead: false },
      ],
    });
  });

  it('of a pod of Calico has an address of its own subnet on the link that leads out', () => {
    expect(readNamespace(calico)).toEqual({
      links: [
        { name: 'tunl0', index: null },
        { name: 'eth0', index: 4 },
      ],
      addresses: [{ link: 'eth0', address: '192.168.8.19', prefixLength: 32 }],
      defaultRoutes: [{ family: 'ipv4', link: 'eth0', gateway: '169.254.1.1', isDead: false }],
    });
  });

  it('of a pod with nothing has nothing: the refusal of all IPv6 is no way out', () => {
    expect(readNamespace(alone)).toEqual(nothing);
  });

  it('of a pod with its link switched off keeps the address and has no way out', () => {
    const off = { ...bridged, route: routeNames, ipv6Addresses: alone.ipv6Addresses, ipv6Route: alone.ipv6Route };
    expect(readNamespace({ ...off, igmp: alone.igmp })).toEqual({
      links: [{ name: 'eth0', index: null }],
      addresses: [{ link: 'eth0', address: '10.244.1.2', prefixLength: 32 }],
      defaultRoutes: [],
    });
  });

  it.each([
    ['thrown away', '0001'],
    ['rejected', '0201'],
  ])('where all else is %s has a dead way out', (_what, flags) => {
    const dead = `${routeNames}${route('*', '00000000', '00000000', `${flags} 00000000`)}`;
    expect(readNamespace({ ...alone, route: dead })).toEqual({
      ...nothing,
      defaultRoutes: [{ family: 'ipv4', link: '*', gateway: null, isDead: true }],
    });
  });

  it('with several links tells whose an address is only by the subnets', () => {
    const two = {
      ...calico,
      route: `${calico.route}${route('net1', '0009010A', '00000000', '0001 00FFFFFF')}`,
      fibTrie: `${calico.fibTrie}     |-- 10.1.9.7\n        /32 host LOCAL\n`,
      devices: calico.devices + device('net1'),
    };
    const view = readNamespace(two);
    expect(typeof view !== 'string' && view.addresses).toEqual([
      { link: '', address: '192.168.8.19', prefixLength: 32 },
      { link: 'net1', address: '10.1.9.7', prefixLength: 24 },
    ]);
  });

  it('with more than anybody has is not told in part', () => {
    const many = Array.from({ length: 65 }, (_, i) => device(`e${i}`)).join('');
    expect(readNamespace({ ...alone, devices: alone.devices + many })).toBe(
      'its namespace has more than 64 links, addresses or default routes',
    );
  });

  it.each([
    ['empty', ''],
    ['garbage', '\u0000\u00ff|-- x\n/32 host LOCAL\n  |-- 10.0.0.1'],
    ['endless', `${'|-- '.repeat(20_000)}\n${' '.repeat(50_000)}`],
  ])('that is %s has nothing', (_what, text) => {
    const files = { fibTrie: text, route: text, ipv6Addresses: text, ipv6Route: text, devices: text, igmp: text };
    expect(readNamespace(files)).toEqual(nothing);
  });
});

describe('the addresses of a namespace as one text', () => {
  it('leave out what every namespace has', () => {
    expect([addressesAsText(alone), addressesAsText(bridged)]).toEqual(['', '10.244.1.2 fd00:10:244:1::2']);
  });
});
