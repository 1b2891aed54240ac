import { describe, expect, it } from 'vitest';
import { recordingFolder } from '../../test/recordings.ts';
import { recordedHost } from '../recorded-host.ts';
import { scriptedHost } from '../scripted-host.ts';
import { collectLinks } from './links.ts';

const now = () => new Date('2026-11-22T08:00:00Z');
const command = 'ip -j -d link';

async function linksOf(listed: string) {
  const part = await collectLinks(scriptedHost({ runs: { [command]: listed } }), now);
  return part.state === 'ok' ? part.value.links : part;
}

async function recordedLinks(recording: string, node: string) {
  const part = await collectLinks(recordedHost(`${recordingFolder(recording)}/${node}`), now);
  if (part.state !== 'ok') throw new Error(JSON.stringify(part));
  return part.value.links;
}

/** What is told of a link that is switched on and leads nowhere else. */
const plain = {
  isUp: true,
  promiscuous: false,
  hairpin: null,
  vxlan: null,
  callsIptables: null,
  tunnel: null,
} as const;
const alone = { ...plain, master: null, peerIndex: null, peerNamespaceId: null };

describe("a node's links", () => {
  it('are told with the bridge they are a port of, and where the other end of a veth is (s1, node-a)', async () => {
    const { total, first } = await recordedLinks('s1-healthy', 'node-a');
    expect(total).toBe(15);
    expect([...first.slice(0, 3), first.at(-1)]).toEqual([
      { ...alone, index: 1, name: 'lo', kind: '', state: 'UNKNOWN', mtu: 65536, mac: '00:00:00:00:00:00' },
      {
        ...plain,
        index: 2,
        name: 'eth0',
        kind: 'veth',
        state: 'UP',
        mtu: 1500,
        mac: 'f6:7f:3c:ee:0b:12',
        master: null,
        peerIndex: 4,
        peerNamespaceId: 0,
      },
      {
        ...alone,
        index: 3,
        name: 'cni0',
        kind: 'bridge',
        state: 'UP',
        mtu: 1450,
        mac: 'ba:62:76:45:59:78',
        callsIptables: { ipv4: false, ipv6: false },
      },
      {
        ...plain,
        promiscuous: true,
        hairpin: true,
        index: 15,
        name: 'veth6cec8cc5',
        kind: 'veth',
        state: 'UP',
        mtu: 1450,
        mac: '3a:7e:55:79:9c:fa',
        master: 'cni0',
        peerIndex: 2,
        peerNamespaceId: 12,
      },
    ]);
  });

  it('are no ports where pods have links of their own (s1, node-c)', async () => {
    const { total, first } = await recordedLinks('s1-healthy', 'node-c');
    expect([total, first.map(({ master }) => master).filter((master) => master !== null)]).toEqual([8, []]);
    expect(first.map(({ name, kind, peerNamespaceId }) => [name, kind, peerNamespaceId])).toEqual([
      ['lo', '', null],
      ['eth0', 'veth', 0],
      ['veth73050780', 'veth', 1],
      ['vethc26a1b17', 'veth', 2],
      ['vethf7675679', 'veth', 3],
      ['veth3c00db0a', 'veth', 4],
      ['veth2861cf1d', 'veth', 5],
      ['veth9449b709', 'veth', 6],
    ]);
  });

  it('that are a tunnel have no MAC, and one end of a pair whose other is here or nowhere has no namespace', async () => {
    const listed = `[
      {"ifindex":5,"link":null,"ifname":"tunl0","flags":["NOARP"],"mtu":1480,"operstate":"DOWN","address":"0.0.0.0","linkinfo":{"info_kind":"ipip"}},
      {"ifindex":6,"link":"v1","ifname":"v0","flags":["UP"],"mtu":1500,"operstate":"UP","address":"ca:50:de:e8:2c:5c","linkinfo":{"info_kind":"veth"}},
      {"ifindex":7,"link_index":2,"link_netnsid":-1,"ifname":"v2","flags":["UP"],"mtu":1500,"operstate":"UP","address":"ca:50:de:e8:2c:5d","linkinfo":{"info_kind":"veth"}},
      {"ifindex":8,"link_index":2,"link_netnsid":3,"ifname":"mv0","flags":["UP"],"mtu":1500,"operstate":"LOWERLAYERDOWN","address":"ca:50:de:e8:2c:5e","linkinfo":{"info_kind":"macvlan"}}]`;
    expect(await linksOf(listed)).toEqual({
      total: 4,
      first: [
        {
          ...alone,
          index: 5,
          name: 'tunl0',
          kind: 'ipip',
          state: 'DOWN',
          isUp: false,
          mtu: 1480,
          mac: null,
          tunnel: { local: null, remote: null },
        },
        { ...alone, index: 6, name: 'v0', kind: 'veth', state: 'UP', mtu: 1500, mac: 'ca:50:de:e8:2c:5c' },
        {
          ...alone,
          index: 7,
          name: 'v2',
          kind: 'veth',
          state: 'UP',
          mtu: 1500,
          mac: 'ca:50:de:e8:2c:5d',
          peerIndex: 2,
        },
        {
          ...alone,
          index: 8,
          name: 'mv0',
          kind: 'macvlan',
          state: 'LOWERLAYERDOWN',
          mtu: 1500,
          mac: 'ca:50:de:e8:2c:5e',
        },
      ],
    });
  });

  it('that are VXLAN devices tell their settings (iproute2 6.1: flannel, one over IPv6, one of Cilium)', async () => {
    const device = '"flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],"mtu":1450,"operstate":"UNKNOWN","promiscuity":0';
    const range = '"port_range":{"low":0,"high":0}';
    const listed = `[
      {"ifindex":5,"ifname":"flannel.1",${device},"address":"3a:f1:f6:d7:9c:ae","linkinfo":{"info_kind":"vxlan",
       "info_data":{"id":1,"local":"192.168.100.11","link":"eth0",${range},"port":8472,"learning":false,"ttl":0}}},
      {"ifindex":6,"ifname":"vx6",${device},"address":"66:9c:a6:73:5e:8c","linkinfo":{"info_kind":"vxlan",
       "info_data":{"id":7,"local6":"fd00:100::11",${range},"port":4789,"learning":true,"ttl":0}}},
      {"ifindex":7,"ifname":"cilium_vxlan",${device},"address":"76:e9:7e:85:aa:5f","linkinfo":{"info_kind":"vxlan",
       "info_data":{"external":true,"id":0,${range},"port":8472,"learning":false,"ttl":0}}}]`;
    const vxlan = { ...alone, kind: 'vxlan', state: 'UNKNOWN', mtu: 1450 };
    expect(await linksOf(listed)).toEqual({
      total: 3,
      first: [
        {
          ...vxlan,
          index: 5,
          name: 'flannel.1',
          mac: '3a:f1:f6:d7:9c:ae',
          vxlan: { id: 1, port: 8472, local: '192.168.100.11', link: 'eth0', learning: false },
        },
        {
          ...vxlan,
          index: 6,
          name: 'vx6',
          mac: '66:9c:a6:73:5e:8c',
          vxlan: { id: 7, port: 4789, local: 'fd00:100::11', link: null, learning: true },
        },
        {
          ...vxlan,
          index: 7,
          name: 'cilium_vxlan',
          mac: '76:e9:7e:85:aa:5f',
          vxlan: { id: 0, port: 8472, local: null, link: null, learning: false },
        },
      ],
    });
  });

  it('are promiscuous by what was asked for or by count, hand packets to iptables, and may be switched off', async () => {
    const listed = `[
      {"ifindex":3,"ifname":"br0","flags":["NO-CARRIER","BROADCAST","MULTICAST","PROMISC","UP"],"mtu":1500,"operstate":"DOWN",
       "promiscuity":0,"linkinfo":{"info_kind":"bridge","info_data":{"nf_call_iptables":1,"nf_call_ip6tables":0}}},
      {"ifindex":4,"ifname":"br1","flags":["UP"],"mtu":1500,"operstate":"UP","promiscuity":2,
       "linkinfo":{"info_kind":"bridge","info_data":{"nf_call_iptables":false,"nf_call_ip6tables":true}}},
      {"ifindex":9,"link":"vp1","ifname":"vp0","flags":["BROADCAST","MULTICAST"],"mtu":1500,"master":"br0","operstate":"DOWN",
       "promiscuity":1,"linkinfo":{"info_kind":"veth","info_slave_kind":"bridge","info_slave_data":{"hairpin":false}}},
      {"ifindex":10,"ifname":"tunl1","flags":["NOARP","UP"],"mtu":1480,"operstate":"UNKNOWN","promiscuity":0,
       "linkinfo":{"info_kind":"ipip","info_data":{"remote":"any","local":"192.168.100.11"}}}]`;
    const links = await linksOf(listed);
    const told =
      'first' in links &&
      links.first.map(({ name, isUp, promiscuous, hairpin, callsIptables, tunnel }) => {
        return { name, isUp, promiscuous, hairpin, callsIptables, tunnel };
      });
    const other = { isUp: true, promiscuous: false, hairpin: null, callsIptables: null, tunnel: null };
    expect(told).toEqual([
      { ...other, name: 'br0', promiscuous: true, callsIptables: { ipv4: true, ipv6: false } },
      { ...other, name: 'br1', promiscuous: true, callsIptables: { ipv4: false, ipv6: true } },
      { ...other, name: 'vp0', isUp: false, promiscuous: true, hairpin: false },
      { ...other, name: 'tunl1', tunnel: { local: '192.168.100.11', remote: null } },
    ]);
  });

  it('beyond 2,000 are counted', async () => {
    const link = { flags: ['UP'], mtu: 1500, operstate: 'UP' };
    const links = Array.from({ length: 2001 }, (_, i) => ({ ...link, ifindex: i + 1, ifname: `veth${i}` }));
    const cut = await linksOf(JSON.stringify(links));
    if (!('first' in cut)) throw new Error(JSON.stringify(cut));
    expect([cut.total, cut.first.length, cut.first.at(-1)?.name]).toEqual([2001, 2000, 'veth1999']);
  });

  it('pass over one that went away while ip was listing', async () => {
    expect(await linksOf('[{}]')).toEqual({ total: 0, first: [] });
  });
});

describe('links that cannot be read', () => {
  it('that were not recorded are absent', async () => {
    expect(await collectLinks(scriptedHost({}), now)).toEqual({ state: 'absent' });
  });

  it('are failed with the word of ip', async () => {
    const message = 'ip printed more than 33554432 bytes';
    const host = scriptedHost({ runs: { [command]: { ok: false, kind: 'too-long', message } } });
    expect(await collectLinks(host, now)).toEqual({ state: 'failed', reason: message });
  });

  const sound = '"ifindex":1,"ifname":"lo","flags":["UP"],"mtu":65536,"operstate":"UNKNOWN"';
  it.each([
    '',
    '{}',
    '[{"ifindex":1}]',
    '[7]',
    '[[]]',
    `[{${sound.replace('1', '"1"')}}]`,
    `[{${sound.replace('65536', '-1')}}]`,
    `[{${sound.replace('"lo"', 'null')}}]`,
    `[{${sound.replace(',"operstate":"UNKNOWN"', '')}}]`,
    `[{${sound.replace('"flags":["UP"],', '')}}]`,
    `[{${sound},"master":3}]`,
    `[{${sound},"linkinfo":{"info_kind":[]}}]`,
    `[{${sound}`,
  ])('are failed when ip prints %s', async (listed) => {
    expect(await linksOf(listed)).toEqual({
      state: 'failed',
      reason: 'ip -j -d link printed something else than its list',
    });
  });

  it('take what is wrong beside the point as not told', async () => {
    expect(await linksOf(`[{${sound},"address":5,"linkinfo":"x","link_index":{},"promiscuity":"1"}]`)).toEqual({
      total: 1,
      first: [{ ...alone, index: 1, name: 'lo', kind: '', state: 'UNKNOWN', mtu: 65536, mac: null }],
    });
  });
});
