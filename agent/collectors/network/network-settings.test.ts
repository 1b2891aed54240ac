import { describe, expect, it } from 'vitest';
import type { LinksReport, Part } from '../../../proto/parts.ts';
import { flannelDevice, link, listed } from '../../../test/network-builders.ts';
import { recordingFolder } from '../../../test/recordings.ts';
import { recordedHost } from '../../recorded-host.ts';
import { type Script, scriptedHost } from '../../scripted-host.ts';
import { collectLinks } from '../links.ts';
import { collectNetworkSettings } from './network-settings.ts';

const collectedAt = '2026-11-22T08:00:00.000Z';
const now = () => new Date(collectedAt);
const net = '/proc/sys/net';
const forwards = { [`${net}/ipv4/ip_forward`]: '1\n' };

function linksOf(...links: LinksReport['links']['first']): Part<LinksReport> {
  return { state: 'ok', value: { links: listed(links) }, collectedAt };
}

async function settingsOf(script: Script, links: Part<LinksReport> = linksOf()) {
  const part = await collectNetworkSettings(scriptedHost(script), links, now);
  return part.state === 'ok' ? part.value : part;
}

/** /proc/sys/net with these folders in it. */
function folders(...names: readonly string[]): NonNullable<Script['folders']> {
  return { [net]: { ok: true, entries: names.map((name) => ({ name, kind: 'folder' })) } };
}

const nothing = {
  kernel: null,
  ipv4Forwarding: true,
  ipv6Forwarding: null,
  bridgeCallsIptables: null,
  bridgeCallsIp6tables: null,
  reversePathFilter: null,
  links: listed([]),
};

describe('settings of the kernel', () => {
  it('are read for the node and for each link that routes', async () => {
    const files = {
      ...forwards,
      '/proc/sys/kernel/osrelease': '6.1.0-18-amd64\n',
      [`${net}/ipv6/conf/all/forwarding`]: '0\n',
      [`${net}/bridge/bridge-nf-call-iptables`]: '1\n',
      [`${net}/bridge/bridge-nf-call-ip6tables`]: '0\n',
      [`${net}/ipv4/conf/all/rp_filter`]: '2\n',
      [`${net}/ipv4/conf/flannel.1/forwarding`]: '1\n',
      [`${net}/ipv4/conf/flannel.1/rp_filter`]: '1\n',
      [`${net}/ipv4/conf/flannel.1/proxy_arp`]: '0\n',
      [`${net}/ipv4/conf/eth0/forwarding`]: '0\n',
      [`${net}/ipv4/conf/veth1/forwarding`]: '1\n',
      [`${net}/ipv4/conf/lo/forwarding`]: '1\n',
    };
    const links = linksOf(link('lo'), link('eth0'), flannelDevice(1), link('veth1', { master: 'cni0', kind: 'veth' }));
    expect(await settingsOf({ files, folders: folders('bridge', 'ipv4', 'ipv6') }, links)).toEqual({
      kernel: '6.1.0-18-amd64',
      ipv4Forwarding: true,
      ipv6Forwarding: false,
      bridgeCallsIptables: true,
      bridgeCallsIp6tables: false,
      reversePathFilter: 2,
      links: listed([
        { link: 'eth0', forwarding: false, reversePathFilter: null, proxyArp: null },
        { link: 'flannel.1', forwarding: true, reversePathFilter: 1, proxyArp: false },
      ]),
    });
  });

  it('say that the kernel has no br_netfilter where its folder is not among the others', async () => {
    const script = { files: forwards, folders: folders('core', 'ipv4') };
    const none = 'no-module';
    expect(await settingsOf(script)).toEqual({ ...nothing, bridgeCallsIptables: none, bridgeCallsIp6tables: none });
  });

  it.each([
    ['was not recorded', {}],
    ['is empty', folders()],
    ['cannot be listed', { [net]: { ok: false, kind: 'failed', message: 'EIO' } } as const],
  ])('say nothing of br_netfilter where the folder %s', async (_, its) => {
    expect(await settingsOf({ files: forwards, folders: its })).toEqual(nothing);
  });

  it('that hold no number, or cannot be read, are not told', async () => {
    const refused = { ok: false, kind: 'not-permitted', message: 'EACCES' } as const;
    const files = {
      ...forwards,
      '/proc/sys/kernel/osrelease': 'a name of two\nlines',
      [`${net}/ipv6/conf/all/forwarding`]: '-1\n',
      [`${net}/ipv4/conf/all/rp_filter`]: refused,
      [`${net}/ipv4/conf/eth0/forwarding`]: 'on\n',
    };
    expect(await settingsOf({ files }, linksOf(link('eth0'), link('..'), link('a/b')))).toEqual(nothing);
  });

  it('of links beyond 512 are counted, and those of pods are cut first', async () => {
    const pods = Array.from({ length: 600 }, (_, i) => link(`cali${i}`, { kind: 'veth' }));
    const every = Object.fromEntries(
      [...pods, link('tunl0')].map(({ name }) => [`${net}/ipv4/conf/${name}/rp_filter`, '1\n']),
    );
    const read = await settingsOf({ files: { ...forwards, ...every } }, linksOf(...pods, link('tunl0')));
    if (!('links' in read)) throw new Error(JSON.stringify(read));
    const { total, first } = read.links;
    expect([total, first.length, first[0]?.link, first.at(-1)?.link]).toEqual([601, 512, 'tunl0', 'cali510']);
  });

  it('are taken from what sysctl printed (s1, node-a)', async () => {
    const host = recordedHost(`${recordingFolder('s1-healthy')}/node-a`);
    expect(await collectNetworkSettings(host, await collectLinks(host, now), now)).toEqual({
      state: 'ok',
      value: {
        ...nothing,
        ipv6Forwarding: true,
        bridgeCallsIptables: true,
        bridgeCallsIp6tables: true,
        reversePathFilter: 0,
        links: listed(
          ['cni0', 'eth0'].map((name) => ({ link: name, forwarding: true, reversePathFilter: 0, proxyArp: null })),
        ),
      },
      collectedAt,
    });
  });
});

describe('settings that cannot be read', () => {
  it('are absent where they were not recorded', async () => {
    expect(await settingsOf({})).toEqual({ state: 'absent' });
  });

  it('are failed with the reason', async () => {
    const message = '/proc/sys/net/ipv4/ip_forward cannot be read: EACCES';
    const files = { [`${net}/ipv4/ip_forward`]: { ok: false, kind: 'not-permitted', message } as const };
    expect(await settingsOf({ files })).toEqual({ state: 'failed', reason: message });
  });
});
