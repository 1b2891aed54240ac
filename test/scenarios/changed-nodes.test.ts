/**
 * One recorded node with one change each, which the case names: a damage that no recording holds, and beside it what
 * looks alike and is right. Each is s1 node-a or node-b, or s6 node-d, as recorded but for that.
 */
import { describe, expect, it } from 'vitest';
import { toldBy } from './changed.ts';

const rules = 'iptables-nft-save.txt';
const nodeA = 's1-healthy/node-a';
const nodeD = 's6-ipvs-healthy/node-d';

type Edit = (text: string) => string;
const without =
  (lines: RegExp): Edit =>
  (text) =>
    text.replace(lines, '');
const replaced =
  (from: string, to: string): Edit =>
  (text) =>
    text.replaceAll(from, to);

describe('missing-masquerade', () => {
  it('a mark chain that no longer marks is told, and every Service that it was for (KUBE-MARK-MASQ emptied)', async () => {
    const told = await toldBy('missing-masquerade', {
      of: nodeA,
      files: { [rules]: without(/^-A KUBE-MARK-MASQ -j MARK .*\n/m) },
    });
    expect(told[0]).toBe('high nat KUBE-MARK-MASQ (ipv4)');
    expect(told).toContain('high kube-system/kube-dns:dns/udp');
    expect(told.length).toBeGreaterThan(30);
  });

  it('another mark that kube-proxy was told to use is right (masqueradeBit 15, in its configuration and its rules)', async () => {
    const otherBit: Edit = (text) => text.replaceAll('0x4000/0x', '0x8000/0x').replaceAll('/0x4000', '/0x8000');
    const files = {
      [rules]: otherBit,
      'ip6tables-nft-save.txt': otherBit,
      'kube-proxy/configz.json': replaced('"masqueradeBit":14', '"masqueradeBit":15'),
    };
    expect(await toldBy('missing-masquerade', { of: nodeA, files })).toEqual([]);
  });
});

describe('local-detector-wrong', () => {
  it('rules that take another range for pods are told (10.200.0.0/16 in place of the cluster range)', async () => {
    const files = { [rules]: replaced('! -s 10.244.0.0/16', '! -s 10.200.0.0/16') };
    expect(await toldBy('local-detector-wrong', { of: nodeA, files })).toEqual(['medium local detector (ipv4)']);
  });

  it("the node's own range alone is right where kube-proxy goes by it (node-b as recorded: NodeCIDR)", async () => {
    expect(await toldBy('local-detector-wrong', { of: 's1-healthy/node-b' })).toEqual([]);
  });
});

describe('orphaned-chains', () => {
  const files = { [rules]: replaced('*nat\n', '*nat\n:KUBE-SEP-AAAAAAAAAAAAAAAA - [0:0]\n') };

  it('a chain of an endpoint that nothing refers to is told, as low', async () => {
    expect(await toldBy('orphaned-chains', { of: nodeA, files })).toEqual(['low node-a']);
  });

  it('in a cluster of more than 1,000 endpoints it is left there on purpose (1,001 endpoints more, none ready)', async () => {
    expect(
      await toldBy('orphaned-chains', { of: nodeA, files, api: { 'endpointslices.json': withManyEndpoints } }),
    ).toEqual([]);
  });
});

function withManyEndpoints(list: string): string {
  const { items, ...rest } = JSON.parse(list) as { readonly items: readonly unknown[] };
  const slice = {
    metadata: { namespace: 'shop', name: 'web-many', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    ports: [{ name: '', port: 8080, protocol: 'TCP' }],
    endpoints: Array.from({ length: 1001 }, (_, i) => ({
      addresses: [`10.244.${100 + Math.floor(i / 250)}.${1 + (i % 250)}`],
      conditions: { ready: false, serving: false, terminating: false },
    })),
  };
  return JSON.stringify({ ...rest, items: [...items, slice] });
}

describe('unreadable-rules', () => {
  const ahead = (rule: string) => ({
    [rules]: (text: string) => text.replace(/^-A PREROUTING /m, `${rule}\n-A PREROUTING `),
  });

  it('a match that the agent does not know, before the jump to the Services, is told', async () => {
    const files = ahead('-A PREROUTING -m mystery --depth 7 -j ACCEPT');
    expect(await toldBy('unreadable-rules', { of: nodeA, files })).toEqual(['medium node-a']);
  });

  it('the same for addresses that are no Service’s takes nothing away from what is known', async () => {
    const files = ahead('-A PREROUTING -d 172.17.0.0/16 -m mystery --depth 7 -j ACCEPT');
    expect(await toldBy('unreadable-rules', { of: nodeA, files })).toEqual([]);
  });
});

describe('source-range-mismatch', () => {
  it('the same ranges in another order and split are no difference (edge/public-lb)', async () => {
    const split = '["10.0.0.0/8","198.51.100.128/25","198.51.100.0/25"]';
    const api = { 'services.json': replaced('["198.51.100.0/24","10.0.0.0/8"]', split) };
    expect(await toldBy('source-range-mismatch', { of: nodeA, api })).toEqual([]);
  });

  it('a range that the Service no longer has is one (10.0.0.0/8)', async () => {
    const api = { 'services.json': replaced('["198.51.100.0/24","10.0.0.0/8"]', '["198.51.100.0/24"]') };
    expect(await toldBy('source-range-mismatch', { of: nodeA, api })).toEqual(['high edge/public-lb:http']);
  });
});

describe('affinity-mismatch', () => {
  it('the same timeout under the default is no difference, another one is (edge/sticky-np)', async () => {
    const timeout = '"sessionAffinityConfig":{"clientIP":{"timeoutSeconds":10800}}';
    const left = { 'services.json': replaced(`${timeout},`, '') };
    expect(await toldBy('affinity-mismatch', { of: nodeA, api: left })).toEqual([]);
    const shorter = { 'services.json': replaced(timeout, timeout.replace('10800', '3600')) };
    expect(await toldBy('affinity-mismatch', { of: nodeA, api: shorter })).toEqual(['medium edge/sticky-np:http']);
  });
});

describe('proxy-sync-failing', () => {
  it('a sync that is due for long and not done is told (last_queued of IPv4 later by 100 s)', async () => {
    const files = { 'kube-proxy/metrics.txt': replaced('1.795332581247317e+09', '1.795332681247317e+09') };
    expect(await toldBy('proxy-sync-failing', { of: nodeA, files })).toEqual(['critical node-a']);
  });

  it('503 because the node is to be deleted says nothing of syncs (/healthz 503, /livez 200 as recorded)', async () => {
    const files = { 'kube-proxy/healthz.txt': replaced('200 OK', '503 Service Unavailable') };
    expect(await toldBy('proxy-sync-failing', { of: nodeA, files })).toEqual([]);
  });
});

describe('hostport-missing', () => {
  it('a pod that has ended asks for no port any more (media/hostport-0 Succeeded, its rules gone)', async () => {
    const ended: Edit = (list) => {
      const { items, ...rest } = JSON.parse(list) as { readonly items: readonly PodObject[] };
      const end = (pod: PodObject) =>
        pod.metadata.name === 'hostport-0' ? { ...pod, status: { ...pod.status, phase: 'Succeeded' } } : pod;
      return JSON.stringify({ ...rest, items: items.map(end) });
    };
    const files = { [rules]: without(/^.*CNI-.*\n/gm) };
    expect(await toldBy('hostport-missing', { of: nodeA, files })).toEqual(['high node-a']);
    expect(await toldBy('hostport-missing', { of: nodeA, files, api: { 'pods.json': ended } })).toEqual([]);
  });
});

interface PodObject {
  readonly metadata: { readonly name: string };
  readonly status: object;
}

describe('topology-skew', () => {
  it('hints that some endpoints have and others have not are told (shop/web-zone, the hint of one taken away)', async () => {
    const api = { 'endpointslices.json': replaced('"hints":{"forZones":[{"name":"zone-2"}]}', '"hints":{}') };
    expect(await toldBy('topology-skew', { of: nodeA, api })).toEqual(['medium shop/web-zone']);
  });

  it('one endpoint for a zone of one node is what was asked for (as recorded)', async () => {
    expect(await toldBy('topology-skew', { of: nodeA })).toEqual([]);
  });
});

describe('ipvs-drained-backend', () => {
  /** Node port 30080 (7580) of edge/ingress. */
  const server = '  -> 0AF40109:0050      Masq    1      0          0         \n';
  const change = (to: string) => ({
    'proc-net-ip_vs.txt': (text: string) =>
      text.replace(new RegExp(`(TCP  C0A8640E:7580 rr {2}\n)${server}`), `$1${to}`),
  });

  it('weight 0 of an endpoint that is ready is told (node port 30080 of edge/ingress, 10.244.1.9)', async () => {
    const files = change(server.replace('1   ', '0   '));
    expect(await toldBy('ipvs-drained-backend', { of: nodeD, files })).toEqual(['high edge/ingress:http']);
  });

  it('weight 0 of one that is gone and still has connections is graceful termination (10.244.9.9 added)', async () => {
    const leaving = '  -> 0AF40909:0050      Masq    0      2          1         \n';
    expect(await toldBy('ipvs-drained-backend', { of: nodeD, files: change(server + leaving) })).toEqual([]);
  });
});

describe('ipvs-unbound-vip', () => {
  const address = /\{"family":"inet","local":"198\.51\.100\.50"[^}]*\},/;
  const unbound = { 'ip-addr-kube-ipvs0.json': without(address) };
  const elsewhere = (list: string) =>
    list
      .replace(address, '')
      .replace('"addr_info":[', `"addr_info":[${address.exec(list)?.[0].replace('kube-ipvs0', 'lo')}`);

  it('an external address that is bound nowhere is told (198.51.100.50 of edge/ext-ip taken off)', async () => {
    const files = { ...unbound, 'net/ip-addr.json': without(address) };
    expect(await toldBy('ipvs-unbound-vip', { of: nodeD, files })).toEqual(['high edge/ext-ip:http']);
  });

  it('one that another link of the node has is bound there on purpose (198.51.100.50 moved to lo)', async () => {
    expect(
      await toldBy('ipvs-unbound-vip', { of: nodeD, files: { ...unbound, 'net/ip-addr.json': elsewhere } }),
    ).toEqual([]);
  });
});
