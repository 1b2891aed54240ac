import { describe, expect, it } from 'vitest';
import type { ResolverSettings } from '../../../proto/parts.ts';
import { address } from '../../../test/builders.ts';
import { readResolvConf } from './resolv-conf.ts';

const nothing: ResolverSettings = { nameservers: [], search: [], ndots: 1, options: [] };

describe('resolv.conf', () => {
  it.each<readonly [string, string, Partial<ResolverSettings>]>([
    [
      'as a kubelet writes it for pods',
      'search shop.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n',
      {
        nameservers: [address('10.96.0.10')],
        search: ['shop.svc.cluster.local', 'svc.cluster.local', 'cluster.local'],
        ndots: 5,
      },
    ],
    [
      "as systemd-resolved's stub",
      '# This is /run/systemd/resolve/stub-resolv.conf managed by man:systemd-resolved(8).\n\nnameserver 127.0.0.53\noptions edns0 trust-ad\nsearch .\n',
      { nameservers: [address('127.0.0.53')], options: ['edns0', 'trust-ad'] },
    ],
    [
      'of a DHCP client, with tabs and CRLF',
      'domain corp.example\r\nnameserver\t192.0.2.53\r\n',
      { nameservers: [address('192.0.2.53')], search: ['corp.example'] },
    ],
    [
      'with servers of IPv6, one of them on a link',
      'nameserver 2001:db8::53\nnameserver fe80::1%eth0\n',
      { nameservers: [address('2001:db8::53'), address('fe80::1')] },
    ],
    [
      'where search and domain stand together: the last counts',
      'search a.example b.example\ndomain c.example\nsearch D.Example.\n',
      { search: ['d.example'] },
    ],
    ['with options on several lines', 'options ndots:2 rotate\noptions ndots:3\n', { ndots: 3, options: ['rotate'] }],
    ['with more dots than glibc takes', 'options ndots:99\n', { ndots: 15 }],
    ['with dots that are no number', 'options ndots:many ndots:-1\n', {}],
    ['with comments, which only begin lines', '; nameserver 192.0.2.1\n#search a.example\n', {}],
    ['with servers that are no addresses', 'nameserver dns.example\nnameserver 10.0.0\nnameserver\n', {}],
    ['empty', '', {}],
    ['noise', '\u0000\u0001\uFFFD\n\n nameserver\n\toptions\nsortlist 130.155.160.0\n', {}],
  ])('%s', (_, text, settings) => {
    expect(readResolvConf(text)).toEqual({ ...nothing, ...settings });
  });

  it('however long, is read as far as it may mean something', () => {
    const many = (line: (number: number) => string) =>
      Array.from({ length: 5_000 }, (_, number) => line(number)).join('\n');
    const servers = readResolvConf(many((number) => `nameserver 10.0.${number >> 8}.${number & 255}`));
    expect(servers.nameservers).toHaveLength(16);
    const search = readResolvConf(`search ${many((number) => `zone${number}.example `).replaceAll('\n', ' ')}`);
    expect([search.search.length, search.search[0]]).toEqual([64, 'zone0.example']);
    const options = readResolvConf(`${many((number) => `options o${number}`)}\noptions ${'x'.repeat(65)} ndots:4`);
    expect([options.options.length, options.ndots]).toEqual([20, 4]);
    expect(readResolvConf(`search ${'a'.repeat(256)} ok.example`).search).toEqual(['ok.example']);
  });
});
