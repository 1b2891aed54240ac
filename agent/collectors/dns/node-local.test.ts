import { describe, expect, it } from 'vitest';
import type { AddressesReport, LinksReport, NodeLocalDns } from '../../../proto/parts.ts';
import { address } from '../../../test/builders.ts';
import { link, listed } from '../../../test/network-builders.ts';
import { reported } from '../../../test/view-builders.ts';
import { scriptedHost } from '../../scripted-host.ts';
import { readNodeLocal } from './node-local.ts';

const cache = address('169.254.20.10');
const service = address('10.96.0.10');
const head = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';
/** As Linux 6.1 prints them: `unbound` at 169.254.20.10 port 53, and sshd at every address. */
const udp = `${head} ref pointer drops\n 2209: 0A14FEA9:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 41627 2 0000000000000000 0\n`;
const tcp = `${head}\n   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 0000000000000000 100 0 0 10 0\n   1: 0A14FEA9:0035 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 41629 1 0000000000000000 100 0 0 10 0\n`;
/** CoreDNS at every address, of both families. */
const any6 = (state: string) =>
  `  sl  local_address                         remote_address                        st\n  1: ${'0'.repeat(32)}:0035 ${'0'.repeat(32)}:0000 ${state} 0\n`;

interface Sketch {
  readonly links?: LinksReport['links'];
  readonly addresses?: AddressesReport['addresses'];
  readonly files?: Readonly<Record<string, string>>;
  readonly named?: readonly ReturnType<typeof address>[];
}

function read({ links = listed([]), addresses = [], files = {}, named = [] }: Sketch): Promise<NodeLocalDns | null> {
  const reports = {
    links: reported<LinksReport>({ links }),
    addresses: reported<AddressesReport>({ addresses, links: [] }),
  };
  return readNodeLocal(scriptedHost({ files }), reports, named);
}

const held = [{ link: 'nodelocaldns', address: cache, prefixLength: 32 }];
const empty = { '/proc/net/udp': `${head}\n`, '/proc/net/tcp': `${head}\n` };

describe('the cache on a node', () => {
  it('as its manifest sets it up: a link, its own address and that of the Service, and who listens', async () => {
    const links = listed([link('nodelocaldns', { kind: 'dummy', isUp: false })]);
    const addresses = [...held, { link: 'nodelocaldns', address: service, prefixLength: 32 }];
    expect(await read({ links, addresses, files: { '/proc/net/udp': udp, '/proc/net/tcp': tcp } })).toEqual({
      addresses: [service, cache],
      link: 'nodelocaldns',
      linkIsUp: false,
      listens: { udp: true, tcp: true },
    });
  });

  it.each([
    ['nobody listens', empty, { udp: false, tcp: false }],
    ['there is no UDP', { ...empty, '/proc/net/tcp': tcp }, { udp: false, tcp: true }],
    [
      'who listens at every address of IPv6 hears it',
      { ...empty, '/proc/net/udp6': any6('07'), '/proc/net/tcp6': any6('0A') },
      { udp: true, tcp: true },
    ],
    [
      'a connection is no listener',
      { ...empty, '/proc/net/tcp': tcp.replaceAll(' 0A ', ' 01 ') },
      { udp: false, tcp: false },
    ],
    ['the lists cannot be read', {}, null],
    ['noise is nobody', { '/proc/net/udp': '\u0000\n::\n', '/proc/net/tcp': '' }, { udp: false, tcp: false }],
  ])('where %s', async (_, files, listens) => {
    expect((await read({ addresses: held, files }))?.listens).toEqual(listens);
  });

  it('of another name is known by its address', async () => {
    expect(await read({ addresses: [{ link: 'dns0', address: cache, prefixLength: 32 }] })).toMatchObject({
      addresses: [cache],
      link: 'dns0',
    });
  });

  it('that pods are told of and no link has is told of as that', async () => {
    expect(await read({ named: [cache], files: empty })).toMatchObject({
      addresses: [cache],
      link: null,
      linkIsUp: false,
    });
  });

  it('is none where nothing tells of one', async () => {
    expect(
      await read({ named: [service], addresses: [{ link: 'eth0', address: address('10.0.0.2'), prefixLength: 24 }] }),
    ).toBeNull();
  });
});
