import { describe, expect, it } from 'vitest';
import { recordingFolder } from '../../test/recordings.ts';
import type { ProxyTraces } from '../../proto/parts.ts';
import { observe } from '../observe.ts';
import { recordedHost } from '../recorded-host.ts';
import { scriptedHost } from '../scripted-host.ts';
import { collectProxyTraces } from './proxy-traces.ts';

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

  it.each([
    ['its link and virtual servers', ['kube-ipvs0'], 'TCP  0A60D528:0050 rr\n', true],
    ['its link, which takes no packet without virtual servers', ['kube-ipvs0'], '', false],
    ['its link, where virtual servers were not recorded', ['kube-ipvs0'], null, true],
    ["virtual servers without its link, which are somebody else's", ['eth0'], 'TCP  0A60D528:0050 rr\n', false],
  ])('of ipvs: %s', async (_, links, servers, isTraced) => {
    const head =
      'IP Virtual Server version 1.2.1 (size=4096)\nProt LocalAddress:Port Scheduler Flags\n  -> RemoteAddress:Port\n';
    const files = servers === null ? {} : { '/proc/net/ip_vs': head + servers };
    const sources = {
      iptables: { state: 'absent' },
      nftTables: { state: 'ok', tables: [{ family: 'ip6', name: 'kube-proxy' }] },
      addresses: { state: 'ok', value: { addresses: [], links }, collectedAt },
    } as const;
    const traces = await collectProxyTraces(scriptedHost({ files }), sources, now);
    expect(traces).toEqual(isTraced ? found('nftables', 'ipvs') : found('nftables'));
  });

  it('are failed where the tables could not be listed', async () => {
    const message = 'nft ended with code 1: Operation not permitted (you must be root)';
    const runs = { 'nft list flowtables': { ok: false, kind: 'not-permitted', message }, 'ip -j addr': '[]' } as const;
    expect(await tracesOf(scriptedHost({ runs }))).toEqual({
      state: 'failed',
      reason: message,
    });
  });

  it('are absent where nothing was recorded', async () => {
    expect(await tracesOf(scriptedHost({}))).toEqual({ state: 'absent' });
  });
});
