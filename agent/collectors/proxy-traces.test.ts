import { describe, expect, it } from 'vitest';
import { recordingFolder } from '../../test/recordings.ts';
import type { ProxyTraces } from '../../proto/parts.ts';
import { observe } from '../observe.ts';
import { recordedHost } from '../recorded-host.ts';
import { scriptedHost } from '../scripted-host.ts';

const collectedAt = '2026-11-22T08:00:00.000Z';
const now = () => new Date(collectedAt);

async function tracesOf(host: Parameters<typeof observe>[0]) {
  return (await observe(host, { now })).parts.proxyTraces;
}

function found(...proxies: readonly (keyof ProxyTraces)[]) {
  const value = { iptables: false, nftables: false, ipvs: false };
  for (const proxy of proxies) value[proxy] = true;
  return { state: 'ok', value, collectedAt };
}

describe('the traces on a node', () => {
  it.each([
    ['s1-healthy/node-a', 'iptables'],
    ['s1-healthy/node-b', 'iptables'],
    ['s1-healthy/node-c', 'nftables'],
    ['s6-ipvs-healthy/node-d', 'ipvs'],
  ] as const)('%s are those of %s alone', async (path, proxy) => {
    const [name = '', node = ''] = path.split('/');
    expect(await tracesOf(recordedHost(`${recordingFolder(name)}/${node}`))).toEqual(found(proxy));
  });

  it('with virtual servers are those of ipvs, though its link is gone', async () => {
    const head =
      'IP Virtual Server version 1.2.1 (size=4096)\nProt LocalAddress:Port Scheduler Flags\n  -> RemoteAddress:Port\n';
    const runs = { 'nft list tables': 'table ip6 kube-proxy\n', 'ip -j addr': '[]' };
    const withServer = { '/proc/net/ip_vs': `${head}TCP  0A60D528:0050 rr\n` };
    expect(await tracesOf(scriptedHost({ runs, files: withServer }))).toEqual(found('nftables', 'ipvs'));
    expect(await tracesOf(scriptedHost({ runs, files: { '/proc/net/ip_vs': head } }))).toEqual(found('nftables'));
  });

  it('are failed where the tables could not be listed', async () => {
    const message = 'nft ended with code 1: Operation not permitted (you must be root)';
    const runs = { 'nft list tables': { ok: false, kind: 'not-permitted', message }, 'ip -j addr': '[]' } as const;
    expect(await tracesOf(scriptedHost({ runs }))).toEqual({
      state: 'failed',
      reason: message,
    });
  });

  it('are absent where nothing was recorded', async () => {
    expect(await tracesOf(scriptedHost({}))).toEqual({ state: 'absent' });
  });
});
