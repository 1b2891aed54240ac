import { describe, expect, it } from 'vitest';
import { recordingFolder } from '../../test/recordings.ts';
import { recordedHost } from '../recorded-host.ts';
import { scriptedHost } from '../scripted-host.ts';
import { address } from '../../test/builders.ts';
import { collectAddresses, ownAddresses, readAddresses } from './addresses.ts';

const now = () => new Date('2026-11-22T08:00:00Z');

describe("a node's addresses", () => {
  it('are those of all its links, link-local ones included', async () => {
    const part = await collectAddresses(recordedHost(`${recordingFolder('s1-healthy')}/node-c`), now);
    const veths = ['73050780', 'c26a1b17', 'f7675679', '3c00db0a', '2861cf1d', '9449b709'].map((id) => `veth${id}`);
    if (part.state !== 'ok') throw new Error(JSON.stringify(part));
    expect(part.value.links.slice(0, 8)).toEqual(['lo', 'eth0', ...veths]);
    expect(part.value.addresses.slice(0, 11)).toEqual([
      { link: 'lo', address: '127.0.0.1', prefixLength: 8 },
      { link: 'lo', address: '::1', prefixLength: 128 },
      { link: 'eth0', address: '192.168.100.13', prefixLength: 24 },
      { link: 'eth0', address: 'fd00:100::13', prefixLength: 64 },
      { link: 'eth0', address: 'fe80::7081:cdff:fe44:3bbf', prefixLength: 64 },
      { link: veths[0], address: '10.244.3.1', prefixLength: 32 },
      { link: veths[0], address: 'fd00:10:244:3::1', prefixLength: 128 },
      { link: veths[0], address: 'fe80::a85d:e3ff:feb4:d585', prefixLength: 64 },
      { link: veths[1], address: '10.244.3.1', prefixLength: 32 },
      { link: veths[1], address: 'fd00:10:244:3::1', prefixLength: 128 },
      { link: veths[1], address: 'fe80::78c3:eaff:fe5e:f7b6', prefixLength: 64 },
    ]);
  });

  it('leave out the service addresses that ipvs mode binds to kube-ipvs0', async () => {
    const part = await collectAddresses(recordedHost(`${recordingFolder('s6-ipvs-healthy')}/node-d`), now);
    expect(part).toEqual({
      state: 'ok',
      value: {
        links: ['lo', 'eth0', 'dummy0', 'kube-ipvs0'],
        addresses: [
          { link: 'lo', address: '127.0.0.1', prefixLength: 8 },
          { link: 'lo', address: '::1', prefixLength: 128 },
          { link: 'eth0', address: '192.168.100.14', prefixLength: 24 },
          { link: 'eth0', address: 'fd00:100::14', prefixLength: 64 },
          { link: 'eth0', address: 'fe80::5054:ff:fe12:3456', prefixLength: 64 },
        ],
      },
      collectedAt: '2026-11-22T08:00:00.000Z',
    });
  });

  it('that were not recorded are absent', async () => {
    expect(await collectAddresses(scriptedHost({}), now)).toEqual({ state: 'absent' });
  });

  it('that ip could not list are failed, with its word', async () => {
    const message = 'ip ended with code 1: Cannot open netlink socket';
    const host = scriptedHost({ runs: { 'ip -j addr': { ok: false, kind: 'failed', message } } });
    expect(await collectAddresses(host, now)).toEqual({ state: 'failed', reason: message });
  });

  it('that are no list are failed', async () => {
    const reason = 'ip -j addr printed something else than its list of links';
    for (const output of ['', '{}', '[{"ifname":"lo","addr_info":[{"local":"x","prefixlen":8}]}]']) {
      expect(await collectAddresses(scriptedHost({ runs: { 'ip -j addr': output } }), now)).toEqual({
        state: 'failed',
        reason,
      });
    }
  });

  it('pass over a link that went away while ip was listing', () => {
    expect(readAddresses('[{},{"ifname":"eth0","addr_info":[]}]')).toEqual({ links: ['eth0'], addresses: [] });
  });
});

describe('the addresses by which a node takes part in the cluster', () => {
  it("are each told once, and without the link-local ones, which come and go with the pods' links", () => {
    const on = (link: string, ...texts: readonly string[]) =>
      texts.map((text) => ({ link, address: address(text), prefixLength: 64 }));
    const addresses = [
      ...on('eth0', '192.168.100.11', 'fd00:100::11', 'fe80::1', 'fea0::1'),
      ...on('eth0.7', '192.168.100.11', '169.254.20.10'),
      ...on('veth1', 'fe80::78c3:eaff:fe5e:f7b6', 'febf::1', 'fec0::1', 'fe::80'),
    ];
    const own = ['169.254.20.10', '192.168.100.11', 'fd00:100::11', 'fe::80', 'fec0::1'];
    expect(ownAddresses({ links: [], addresses })).toEqual(own);
  });
});
