/**
 * Pods' networks out of a recording that has them as iproute2 prints them in each pod's namespace: `pods.json`, by
 * `namespace/name` (docs/bundles.md).
 *
 *     {"shop/web-0": {"netns": "cni-...", "ip-addr": [{"ifname":"eth0","addr_info":[{"local":"10.244.1.2",...}]}],
 *                     "ip-route-all": [{"dst":"default","gateway":"10.244.1.1","dev":"eth0","flags":[]}]}}
 */
import { type Family, familyOf, parseAddress } from '../../../proto/address.ts';
import type { Part, PodNetwork, PodNetworksReport } from '../../../proto/parts.ts';
import type { Host } from '../../host.ts';
import { fieldOf } from '../ip-list.ts';

/** Where a recording has them. No live node has such a file: nobody can make one there. */
export const recordedPodsPath = '/proc/pods.json';
const fileBytes = 64 * 1024 * 1024;
const most = 20;

/** `absent` where the host is no recording, or has none. */
export async function recordedPodNetworks(host: Host, now: () => Date): Promise<Part<PodNetworksReport>> {
  const file = await host.read(recordedPodsPath, fileBytes);
  if (!file.ok) return { state: 'absent' };
  let content: unknown;
  try {
    content = JSON.parse(file.bytes.toString('utf8'));
  } catch {
    return { state: 'failed', reason: 'pods.json is no JSON' };
  }
  const pods = Object.entries(typeof content === 'object' && content !== null ? content : {}).flatMap(
    ([key, value]) => {
      const [namespace, name] = key.split('/');
      return namespace === undefined || name === undefined ? [] : [networkOf({ namespace, name }, value)];
    },
  );
  const value = { pods: { total: pods.length, first: pods.slice(0, 2000) }, unread: 0, problem: null };
  return { state: 'ok', value, collectedAt: now().toISOString() };
}

function networkOf(pod: { readonly namespace: string; readonly name: string }, value: unknown): PodNetwork {
  const links = listOf(fieldOf(value, 'ip-addr')).filter((link) => fieldOf(link, 'ifname') !== 'lo');
  return {
    uid: '',
    pod,
    containers: [],
    namespace: 'own',
    links: links.slice(0, most).flatMap((link) => {
      const [name, index] = [fieldOf(link, 'ifname'), fieldOf(link, 'ifindex')];
      return typeof name === 'string' ? [{ name, index: typeof index === 'number' ? index : null }] : [];
    }),
    addresses: links.flatMap(addressesOf).slice(0, most),
    defaultRoutes: [
      ...defaultsOf('ipv4', listOf(fieldOf(value, 'ip-route-all') ?? fieldOf(value, 'ip-route'))),
      ...defaultsOf('ipv6', listOf(fieldOf(value, 'ip6-route-all') ?? fieldOf(value, 'ip6-route'))),
    ].slice(0, most),
  };
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function addressesOf(link: unknown): PodNetwork['addresses'] {
  const name = fieldOf(link, 'ifname');
  return listOf(fieldOf(link, 'addr_info')).flatMap((entry) => {
    const [local, length, scope] = ['local', 'prefixlen', 'scope'].map((field) => fieldOf(entry, field));
    const address = typeof local === 'string' ? parseAddress(local) : null;
    if (address === null || typeof name !== 'string' || typeof length !== 'number' || scope === 'link') return [];
    return [{ link: name, address, prefixLength: length }];
  });
}

/** A listing without a family has the routes of both. */
function defaultsOf(family: Family, routes: readonly unknown[]): PodNetwork['defaultRoutes'] {
  return routes.flatMap((route) => {
    const [destination, link, gateway, type] = ['dst', 'dev', 'gateway', 'type'].map((field) => fieldOf(route, field));
    if (destination !== 'default' || typeof link !== 'string' || link === 'lo' || type !== undefined) return [];
    const via = typeof gateway === 'string' ? parseAddress(gateway) : null;
    const isIpv6 = via === null ? fieldOf(route, 'pref') !== undefined : familyOf(via) === 'ipv6';
    if (isIpv6 !== (family === 'ipv6')) return [];
    const flags = listOf(fieldOf(route, 'flags'));
    return [{ family, link, gateway: via, isDead: flags.includes('dead') || flags.includes('linkdown') }];
  });
}
