/**
 * How names are resolved on this node: by its own settings, by what the kubelet gives pods, as pods see it. Files of the
 * node that are mounted for the agent lie under /host; a machine without that is the node itself.
 */
import type { AddressesReport, DnsReport, LinksReport, Part, ResolverSettings } from '../../../proto/parts.ts';
import type { Host } from '../../host.ts';
import { kubeletByPod, readKubeletConfig } from './kubelet-settings.ts';
import { readNodeLocal } from './node-local.ts';
import { readPodResolvers } from './pod-resolvers.ts';
import { readResolvConf } from './resolv-conf.ts';

/** All of the part but what lookups tell. */
export type DnsSettings = Omit<DnsReport, 'names' | 'lookups' | 'lookupsOffBecause'>;

const ownFile = '/etc/resolv.conf';
/** Where the chart mounts the node's files. */
const mounted = '/host';
/** What /etc/resolv.conf leads to where it is a link: links are not followed. */
const linkedFiles = [
  '/run/systemd/resolve/stub-resolv.conf',
  '/run/NetworkManager/resolv.conf',
  '/run/resolvconf/resolv.conf',
];
const kubeletFile = '/var/lib/kubelet/config.yaml';
const fileBytes = 256 * 1024;

/** `absent` where this host shows none of it, as recordings do. */
export async function collectDns(
  host: Host,
  reports: { readonly links: Part<LinksReport>; readonly addresses: Part<AddressesReport> },
  now: () => Date,
): Promise<Part<DnsSettings>> {
  const own = await settingsIn(host, [ownFile, ...linkedFiles]);
  const node = await settingsIn(host, [mounted + ownFile]);
  if (own.found === null && node.found === null && own.isAbsent) return { state: 'absent' };
  const byPod = own.found === null ? null : kubeletByPod(own.found.file, own.found.settings);
  const ofNode = node.found ?? (byPod === null ? own.found : null);
  const kubelet = await kubeletOf(host);
  const pods = await readPodResolvers(host);
  const given = givenBy(kubelet.found, byPod);
  const named = [...(given?.clusterDns ?? []), ...pods.pods.first.flatMap(({ settings }) => settings.nameservers)];
  const value: DnsSettings = {
    node: ofNode,
    nodeUnreadBecause:
      ofNode === null ? nodeUnread(own.found === null ? own.because : node.because, byPod !== null) : null,
    kubelet: given,
    kubeletUnreadBecause: given === null ? kubelet.because : null,
    ...pods,
    nodeLocal: await readNodeLocal(host, reports, named),
  };
  return { state: 'ok', value, collectedAt: now().toISOString() };
}

type Given = NonNullable<DnsSettings['kubelet']>;

/** By its configuration, where that names servers: the flag --cluster-dns stands in no file, and shows in pods alone. */
function givenBy(byFile: Given | null, byPod: Given | null): Given | null {
  if (byFile === null || byPod === null) return byFile ?? byPod;
  const { clusterDns, clusterDomain } = byPod;
  return byFile.clusterDns.length > 0 ? byFile : { ...byFile, clusterDns, clusterDomain };
}

interface Sought<T> {
  readonly found: T | null;
  readonly because: string;
  /** None of the files is there. */
  readonly isAbsent: boolean;
}

type NamedSettings = { readonly file: string; readonly settings: ResolverSettings };

/** The first of these files that can be read. */
async function settingsIn(host: Host, files: readonly string[]): Promise<Sought<NamedSettings>> {
  let because = '';
  let isAbsent = true;
  for (const file of files) {
    const read = await host.read(file, fileBytes);
    if (read.ok) {
      const settings = readResolvConf(read.bytes.toString('utf8'));
      return { found: { file: file.replace(mounted, ''), settings }, because: '', isAbsent: false };
    }
    if (because === '' || isAbsent) because = read.message;
    if (read.kind !== 'absent') isAbsent = false;
  }
  return { found: null, because, isAbsent };
}

function nodeUnread(because: string, isPods: boolean): string {
  return isPods ? `the agent's own ${ownFile} is a pod's, and the node's is not mounted` : because;
}

async function kubeletOf(host: Host): Promise<Sought<NonNullable<DnsSettings['kubelet']>>> {
  let because = '';
  for (const file of [mounted + kubeletFile, kubeletFile]) {
    const read = await host.read(file, fileBytes);
    if (!read.ok) {
      because = read.message;
      continue;
    }
    const word = readKubeletConfig(read.bytes.toString('utf8'));
    if (word === null) return { found: null, because: `${kubeletFile} is no KubeletConfiguration`, isAbsent: false };
    const upstream = await settingsIn(host, [
      mounted + word.resolvConf,
      ...(file === kubeletFile ? [word.resolvConf] : []),
    ]);
    const found = { file: kubeletFile, ...word, upstream: upstream.found?.settings ?? null };
    return { found, because: '', isAbsent: false };
  }
  return { found: null, because, isAbsent: true };
}
