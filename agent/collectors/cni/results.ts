/**
 * libcni's record of each interface that it has had made, /var/lib/cni/results/<network>-<container>-<link>
 * (github.com/containernetworking/cni, libcni/api.go). It says whose sandbox a link of the node belongs to:
 *
 *     {"kind":"cniCacheV1","containerId":"6a38...","ifName":"eth0","networkName":"labnet","config":"...",
 *      "netns":"/run/netns/cni-ad1c...","cniArgs":[["K8S_POD_NAMESPACE","shop"],["K8S_POD_NAME","api-3"]],
 *      "result":{"interfaces":[{"name":"vethc26a1b17"},{"name":"eth0","sandbox":"/run/netns/cni-ad1c..."}],
 *                "ips":[{"address":"10.244.3.3/24","interface":1}]}}
 *
 * The configuration in it may hold credentials, and is passed over.
 */
import { type Address, parseAddress } from '../../../proto/address.ts';
import type { CniResult, LongExcerpt } from '../../../proto/parts.ts';
import type { Host } from '../../host.ts';
import { fieldOf } from '../ip-list.ts';
import { cut, type Found, type Listed } from './reading.ts';

export const resultFolder = '/var/lib/cni/results';
const mostResults = 2000;
const resultBytes = 1024 * 1024;
const mostOfEach = 20;
const mostLinkLetters = 64;
const namespaceFolders = /^(?:\/var)?\/run\/netns\/([^/]{1,256})$/;

/** Reads the first 2,000; one that went meanwhile, or is of another form, is not told. */
export async function readResults(host: Host, entries: Found<Listed>): Promise<Found<LongExcerpt<CniResult>>> {
  if (!entries.ok) return entries;
  const files = entries.value.filter(({ kind }) => kind === 'file');
  const first: CniResult[] = [];
  let unread = 0;
  for (const { name } of files.slice(0, mostResults)) {
    const read = await host.read(`${resultFolder}/${name}`, resultBytes);
    if (!read.ok && read.kind === 'absent') continue;
    if (!read.ok && read.kind !== 'too-long') return { ok: false, reason: read.message };
    const result = read.ok ? resultOf(read.bytes.toString('utf8')) : null;
    if (result === null) unread++;
    else first.push(result);
  }
  const beyond = Math.max(0, files.length - mostResults);
  return { ok: true, value: { total: first.length + unread + beyond, first } };
}

/** Null of what is no such record. */
function resultOf(text: string): CniResult | null {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    return null;
  }
  const [network, container, link] = ['networkName', 'containerId', 'ifName'].map((name) => fieldOf(content, name));
  if (typeof network !== 'string' || typeof container !== 'string' || typeof link !== 'string') return null;
  const result = fieldOf(content, 'result');
  return {
    network: cut(network),
    container: cut(container),
    link: cut(link, mostLinkLetters),
    pod: podOf(fieldOf(content, 'cniArgs')),
    addresses: addressesIn(result),
    nodeLinks: linksIn(result),
    networkNamespace: namespaceIn(fieldOf(content, 'netns'), fieldOf(result, 'interfaces')),
  };
}

/** containerd 1.6 keeps no `netns`; the links in the pod say the same. */
function namespaceIn(netns: unknown, interfaces: unknown): string | null {
  const links: readonly unknown[] = Array.isArray(interfaces) ? interfaces : [];
  for (const path of [netns, ...links.map((link) => fieldOf(link, 'sandbox'))]) {
    const name = typeof path === 'string' ? namespaceFolders.exec(path)?.[1] : undefined;
    if (name !== undefined) return name;
  }
  return null;
}

/** What the runtime tells the plugins: pairs of names and values. */
function podOf(pairs: unknown): CniResult['pod'] {
  const told = new Map<string, string>();
  for (const pair of Array.isArray(pairs) ? pairs.slice(0, 100) : []) {
    if (Array.isArray(pair) && typeof pair[0] === 'string' && typeof pair[1] === 'string') told.set(pair[0], pair[1]);
  }
  const [namespace, name] = [told.get('K8S_POD_NAMESPACE'), told.get('K8S_POD_NAME')];
  if (namespace === undefined || name === undefined) return null;
  const uid = told.get('K8S_POD_UID');
  return { namespace: cut(namespace, 253), name: cut(name, 253), uid: uid === undefined ? null : cut(uid, 64) };
}

/** Before version 0.3.0 of CNI there was one of each family. */
function addressesIn(result: unknown): readonly Address[] {
  const several = fieldOf(result, 'ips');
  const texts = [
    ...(Array.isArray(several) ? several.map((one) => fieldOf(one, 'address')) : []),
    ...['ip4', 'ip6'].map((name) => fieldOf(fieldOf(result, name), 'ip')),
  ];
  const addresses = texts.flatMap((text) =>
    typeof text === 'string' ? (parseAddress(text.split('/')[0] ?? '') ?? []) : [],
  );
  return addresses.slice(0, mostOfEach);
}

/** Those without a sandbox are on the node: the veth, and the bridge that it is a port of. */
function linksIn(result: unknown): readonly string[] {
  const interfaces = fieldOf(result, 'interfaces');
  const names = (Array.isArray(interfaces) ? interfaces : []).flatMap((one) => {
    const [name, sandbox] = [fieldOf(one, 'name'), fieldOf(one, 'sandbox')];
    return typeof name === 'string' && (sandbox === undefined || sandbox === '') ? [cut(name, mostLinkLetters)] : [];
  });
  return names.slice(0, mostOfEach);
}
