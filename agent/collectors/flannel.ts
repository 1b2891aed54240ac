/**
 * flannel's word to its CNI plugin, /run/flannel/subnet.env (github.com/flannel-io/flannel, Documentation/running.md):
 *
 *     FLANNEL_NETWORK=10.244.0.0/16
 *     FLANNEL_SUBNET=10.244.1.1/24
 *     FLANNEL_IPV6_NETWORK=fd00:10:244::/56
 *     FLANNEL_IPV6_SUBNET=fd00:10:244:1::1/64
 *     FLANNEL_MTU=1450
 *     FLANNEL_IPMASQ=true
 */
import { parseAddress } from '../../proto/address.ts';
import type { FlannelReport, Part } from '../../proto/parts.ts';
import { parsePrefix } from '../../proto/prefixes.ts';
import type { Host } from '../host.ts';

export const flannelFile = '/run/flannel/subnet.env';
const fileBytes = 64 * 1024;
const mostRanges = 4;

/** `absent` where flannel has written none. */
export async function collectFlannel(host: Host, now: () => Date): Promise<Part<FlannelReport>> {
  const file = await host.read(flannelFile, fileBytes);
  if (!file.ok) return file.kind === 'absent' ? { state: 'absent' } : { state: 'failed', reason: file.message };
  const value = readSubnetFile(file.bytes.toString('utf8'));
  if (value === null) return { state: 'failed', reason: `${flannelFile} names no FLANNEL_SUBNET that is a range` };
  return { state: 'ok', value, collectedAt: now().toISOString() };
}

/** Null where it names no subnet. Several networks stand in one line, with commas. */
function readSubnetFile(text: string): FlannelReport | null {
  const settings = new Map(
    text.split('\n').flatMap((line) => {
      const [, name, value] = /^([A-Z0-9_]+)=(.*)$/.exec(line.trim()) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value.replace(/^"(.*)"$/, '$1')] as const];
    }),
  );
  const listed = (names: readonly string[]) =>
    names.flatMap((name) => (settings.get(name) ?? '').split(',').filter((one) => one !== ''));
  const networks = listed(['FLANNEL_NETWORK', 'FLANNEL_IPV6_NETWORK']).flatMap((one) => parsePrefix(one) ?? []);
  const subnets = listed(['FLANNEL_SUBNET', 'FLANNEL_IPV6_SUBNET']).flatMap((one) => {
    const [range, gateway] = [parsePrefix(one), parseAddress(one.split('/')[0] ?? '')];
    return range === null || gateway === null || !one.includes('/') ? [] : [{ range, gateway }];
  });
  const mtu = Number(settings.get('FLANNEL_MTU'));
  const masquerade = settings.get('FLANNEL_IPMASQ');
  if (subnets.length === 0) return null;
  return {
    networks: networks.slice(0, mostRanges),
    subnets: subnets.slice(0, mostRanges),
    mtu: Number.isSafeInteger(mtu) && mtu > 0 ? mtu : null,
    masquerade: masquerade === 'true' ? true : masquerade === 'false' ? false : null,
  };
}
