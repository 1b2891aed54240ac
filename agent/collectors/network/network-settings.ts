/**
 * Settings of the kernel under /proc/sys/net that decide whether packets of pods pass, see
 * https://docs.kernel.org/networking/ip-sysctl.html and proc(5). Each file holds one number:
 *
 *     /proc/sys/net/ipv4/ip_forward                         1
 *     /proc/sys/net/ipv4/conf/flannel.1/rp_filter           0
 *     /proc/sys/net/bridge/bridge-nf-call-iptables          1
 */
import type { LinkSettings, LinksReport, NetworkSettingsReport, NodeLink, Part } from '../../../proto/parts.ts';
import type { Host } from '../../host.ts';

const folder = '/proc/sys/net';
const bridgeFolder = `${folder}/bridge`;
const releaseFile = '/proc/sys/kernel/osrelease';
const mostLinks = 512;

/** Reads them; `absent` where not even ip_forward can be told, as in a recording without settings. */
export async function collectNetworkSettings(
  host: Host,
  links: Part<LinksReport>,
  now: () => Date,
): Promise<Part<NetworkSettingsReport>> {
  const forwarding = await host.read(`${folder}/ipv4/ip_forward`, 64);
  if (!forwarding.ok) {
    return forwarding.kind === 'absent' ? { state: 'absent' } : { state: 'failed', reason: forwarding.message };
  }
  const flag = async (path: string) => flagOf(await numberAt(host, path));
  const noBridgeModule = await lacksBridgeModule(host);
  const ofBridge = async (name: string) => (noBridgeModule ? 'no-module' : flag(`${bridgeFolder}/${name}`));
  const value: NetworkSettingsReport = {
    kernel: await releaseOf(host),
    ipv4Forwarding: flagOf(numberIn(forwarding.bytes)),
    ipv6Forwarding: await flag(`${folder}/ipv6/conf/all/forwarding`),
    bridgeCallsIptables: await ofBridge('bridge-nf-call-iptables'),
    bridgeCallsIp6tables: await ofBridge('bridge-nf-call-ip6tables'),
    reversePathFilter: await numberAt(host, `${folder}/ipv4/conf/all/rp_filter`),
    links: await linkSettings(host, links),
  };
  return { state: 'ok', value, collectedAt: now().toISOString() };
}

async function linkSettings(host: Host, links: Part<LinksReport>): Promise<NetworkSettingsReport['links']> {
  const all = links.state === 'ok' ? links.value.links.first.filter(isAsked) : [];
  // A cut takes those of pods.
  const asked = [...all.filter(({ kind }) => kind !== 'veth'), ...all.filter(({ kind }) => kind === 'veth')];
  const first: LinkSettings[] = [];
  for (const { name: link } of asked.slice(0, mostLinks)) {
    const at = (name: string) => numberAt(host, `${folder}/ipv4/conf/${link}/${name}`);
    const settings = {
      link,
      forwarding: flagOf(await at('forwarding')),
      reversePathFilter: await at('rp_filter'),
      proxyArp: flagOf(await at('proxy_arp')),
    };
    const isTold = settings.forwarding !== null || settings.reversePathFilter !== null || settings.proxyArp !== null;
    if (isTold) first.push(settings);
  }
  return { total: asked.length > mostLinks ? asked.length : first.length, first };
}

/** Ports of a bridge route nothing by themselves. A name with a slash would lead elsewhere; the kernel has none. */
function isAsked({ name, master }: NodeLink): boolean {
  return name !== 'lo' && master === null && !name.includes('/') && name !== '..' && name !== '.';
}

/** Only a node that is alive can say so: a folder that was not recorded may have been there. */
async function lacksBridgeModule(host: Host): Promise<boolean> {
  const net = (await host.list?.(folder, 1000)) ?? null;
  return net?.ok === true && net.entries.length > 0 && !net.entries.some(({ name }) => name === 'bridge');
}

async function numberAt(host: Host, path: string): Promise<number | null> {
  const file = await host.read(path, 64);
  return file.ok ? numberIn(file.bytes) : null;
}

function numberIn(bytes: Buffer): number | null {
  const text = bytes.toString('latin1').trim();
  return /^\d{1,9}$/.test(text) ? Number(text) : null;
}

function flagOf(value: number | null): boolean | null {
  return value === null ? null : value !== 0;
}

async function releaseOf(host: Host): Promise<string | null> {
  const file = await host.read(releaseFile, 256);
  const text = file.ok ? file.bytes.toString('latin1').trim() : '';
  return /^[\w.+~-]{1,64}$/.test(text) ? text : null;
}
