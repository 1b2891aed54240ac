/** The rules of one service port as kube-proxy writes them (pkg/proxy/iptables, syncProxyRules). */
import type { Backend } from '../../proto/address.ts';
import { parseHostPort } from '../../proto/address.ts';
import { sepHash } from '../../proto/chain-names.ts';
import type { Entry, Route } from '../../proto/forwarding.ts';
import type { LocalDetector } from '../../proto/profile.ts';
import type { OwnedEntry, ServiceRulesInput, WrittenServicePort } from './service-port.ts';
import { backendsOf, isForwarded, isLimited, masqueradeOf, sameBackends, servicePortOf } from './service-port.ts';

/** One rule and its place: KUBE-SERVICES and KUBE-NODEPORTS exist in both tables. */
export interface PlacedRule {
  readonly table: 'nat' | 'filter';
  readonly line: string;
}

/** The rules of one service port, each chain's in kube-proxy's order. Throws on fates that it never writes. */
export function serviceRules(input: ServiceRulesInput): readonly PlacedRule[] {
  const port = servicePortOf(input);
  const reachable = new Set([...(port.clusterSet ?? []), ...(port.localSet ?? [])]);
  const isExternal = input.entries.some((entry) => entry.owner.kind !== 'clusterIP' && isForwarded(entry));
  return [
    ...input.entries.flatMap((entry) => frontendRules(port, entry)),
    ...(isExternal ? externalChain(port) : []).map(nat),
    ...(port.clusterSet === null ? [] : balance(port, `KUBE-SVC-${port.hash}`, port.clusterSet)).map(nat),
    ...(port.localSet === null ? [] : balance(port, `KUBE-SVL-${port.hash}`, port.localSet)).map(nat),
    ...[...reachable].sort().flatMap((backend) => endpointChain(port, backend).map(nat)),
  ];
}

/** What iptables-save prints for a chance: kube-proxy writes ten decimals, the kernel keeps parts of 2^31. */
function printedProbability(chance: number): string {
  return (Math.round(Number(chance.toFixed(10)) * 2 ** 31) / 2 ** 31).toFixed(11);
}

function nat(line: string): PlacedRule {
  return { table: 'nat', line };
}

function filter(line: string): PlacedRule {
  return { table: 'filter', line };
}

function frontendRules(port: WrittenServicePort, entry: OwnedEntry): readonly PlacedRule[] {
  switch (entry.owner.kind) {
    case 'clusterIP':
      return clusterIpRules(port, entry);
    case 'nodePort':
      return [...refusalOfOutside(port, entry), ...(isForwarded(entry) ? nodePortRules(port, entry) : [])];
    case 'externalIP':
    case 'loadBalancerIP':
      return isLimited(entry, port.detector) ? limitedRules(port, entry) : externalIpRules(port, entry);
    case null:
      throw new Error('kube-proxy knows what kind of frontend it writes');
  }
}

function clusterIpRules(port: WrittenServicePort, entry: OwnedEntry): readonly PlacedRule[] {
  const { pod, node, outside } = entry.forwarding;
  const refused = refusal(port, entry, node.route);
  if (refused !== null) return [filter(`-A KUBE-SERVICES ${refused}`)];
  const to = matchOf(entry, `${port.text} cluster IP`);
  const chain = `${sameBackends(backendsOf(node), port.clusterSet) ? 'KUBE-SVC-' : 'KUBE-SVL-'}${port.hash}`;
  const jump = nat(`-A KUBE-SERVICES ${to} -j ${chain}`);
  if (masqueradeOf(pod) === 'always') return [jump, nat(`-A ${chain} ${to} -j KUBE-MARK-MASQ`)];
  if (masqueradeOf(outside) === 'always') return [jump, nat(notLocal(port.detector, chain, to))];
  return [jump];
}

function nodePortRules(port: WrittenServicePort, entry: OwnedEntry): readonly PlacedRule[] {
  const match = matchOf(entry, port.text);
  const counted = '-m nfacct --nfacct-name  localhost_nps_accepted_pkts';
  return [...(port.localhostNodePorts ? [`-d 127.0.0.0/8 ${match} ${counted}`] : []), match].map((rule) =>
    nat(`-A KUBE-NODEPORTS ${rule} -j KUBE-EXT-${port.hash}`),
  );
}

function externalIpRules(port: WrittenServicePort, entry: OwnedEntry): readonly PlacedRule[] {
  const kind = entry.owner.kind === 'loadBalancerIP' ? 'loadbalancer IP' : 'external IP';
  const jump = nat(`-A KUBE-SERVICES ${matchOf(entry, `${port.text} ${kind}`)} -j KUBE-EXT-${port.hash}`);
  return [...refusalOfOutside(port, entry), ...(isForwarded(entry) ? [jump] : [])];
}

/** A load balancer's address behind source ranges: KUBE-FW- in nat, and KUBE-PROXY-FIREWALL for whom it leaves out. */
function limitedRules(port: WrittenServicePort, entry: OwnedEntry): readonly PlacedRule[] {
  const chain = `KUBE-FW-${port.hash}`;
  const comment = `${port.text} loadbalancer IP`;
  const refused = matchOf(entry, `${port.text} traffic not accepted by ${chain}`);
  const rules = [
    nat(`-A KUBE-SERVICES ${matchOf(entry, comment)} -j ${chain}`),
    filter(`-A KUBE-PROXY-FIREWALL ${refused} -j DROP`),
  ];
  const isFirst = port.entries.find(({ owner }) => owner.kind === 'loadBalancerIP') === entry;
  if (!isFirst) return rules;
  const note = `other traffic to ${port.text} will be dropped by KUBE-PROXY-FIREWALL`;
  const ranges = port
    .rangesOf(entry)
    .map((range) => nat(`-A ${chain} -s ${range} -m comment --comment "${comment}" -j KUBE-EXT-${port.hash}`));
  return [...rules, ...ranges, nat(`-A ${chain} -m comment --comment "${note}"`)];
}

/** KUBE-EXTERNAL-SERVICES hangs on INPUT and FORWARD only: it refuses the outside, and never the node itself. */
function refusalOfOutside(port: WrittenServicePort, entry: OwnedEntry): readonly PlacedRule[] {
  const refused = refusal(port, entry, entry.forwarding.outside.route);
  return refused === null ? [] : [filter(`-A KUBE-EXTERNAL-SERVICES ${refused}`)];
}

function refusal(port: WrittenServicePort, entry: OwnedEntry, { action }: Route): string | null {
  const local = entry.owner.kind === 'nodePort' ? ' -m addrtype --dst-type LOCAL' : '';
  const how = port.family === 'ipv6' ? 'icmp6-port-unreachable' : 'icmp-port-unreachable';
  switch (action) {
    case 'reject':
      return `${matchOf(entry, `${port.text} has no endpoints`, local)} -j REJECT --reject-with ${how}`;
    case 'drop':
      return `${matchOf(entry, `${port.text} has no local endpoints`, local)} -j DROP`;
    case 'forward':
    case 'none':
      return null;
    case 'unknown':
      throw new Error('kube-proxy writes no rule of unknown meaning');
  }
}

function externalChain(port: WrittenServicePort): readonly string[] {
  const chain = `KUBE-EXT-${port.hash}`;
  const comment = (text: string): string => `-m comment --comment "${text} for ${port.text} external destinations"`;
  if (port.externalPolicy === 'Cluster') {
    return [`-A ${chain} ${comment('masquerade traffic')} -j KUBE-MARK-MASQ`, `-A ${chain} -j KUBE-SVC-${port.hash}`];
  }
  const pods = localSources(port.detector);
  const own = '-m addrtype --src-type LOCAL';
  return [
    ...(pods === null ? [] : [`-A ${chain} ${pods} ${comment('pod traffic')} -j KUBE-SVC-${port.hash}`]),
    `-A ${chain} ${comment('masquerade LOCAL traffic')} ${own} -j KUBE-MARK-MASQ`,
    `-A ${chain} ${comment('route LOCAL traffic')} ${own} -j KUBE-SVC-${port.hash}`,
    ...(port.localSet === null ? [] : [`-A ${chain} -j KUBE-SVL-${port.hash}`]),
  ];
}

/** Client affinity first, then the i-th of n with probability 1 / (n - i), the last without condition. */
function balance(port: WrittenServicePort, chain: string, backends: readonly Backend[]): readonly string[] {
  const rule = (backend: Backend, match: string): string =>
    `-A ${chain} -m comment --comment "${port.text} -> ${backend}"${match} -j ${endpointName(port, backend)}`;
  const known = ` -m recent --rcheck --seconds ${port.affinitySeconds} --reap `;
  const chance = (left: number): string =>
    left === 1 ? '' : ` -m statistic --mode random --probability ${printedProbability(1 / left)}`;
  return [
    ...(port.affinitySeconds === 0 ? [] : backends.map((backend) => rule(backend, known + recentList(port, backend)))),
    ...backends.map((backend, i) => rule(backend, chance(backends.length - i))),
  ];
}

function endpointChain(port: WrittenServicePort, backend: Backend): readonly string[] {
  const chain = endpointName(port, backend);
  const comment = `-m comment --comment "${port.text}"`;
  const address = parseHostPort(backend)?.address ?? '';
  const remember = port.affinitySeconds > 0 ? ` -m recent --set ${recentList(port, backend)}` : '';
  const dnat = `-m ${port.protocol} -j DNAT --to-destination ${backend}`;
  return [
    `-A ${chain} -s ${address}${port.family === 'ipv6' ? '/128' : '/32'} ${comment} -j KUBE-MARK-MASQ`,
    `-A ${chain} -p ${port.protocol} ${comment}${remember} ${dnat}`,
  ];
}

function endpointName(port: WrittenServicePort, backend: Backend): string {
  return `KUBE-SEP-${sepHash(port.text, port.protocol, backend)}`;
}

function recentList(port: WrittenServicePort, backend: Backend): string {
  const mask = port.family === 'ipv6' ? 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff' : '255.255.255.255';
  return `--name ${endpointName(port, backend)} --mask ${mask} --rsource`;
}

function matchOf({ frontend }: Entry, comment: string, beforePort = ''): string {
  const { address, protocol, family, port } = frontend;
  const to = address === 'node' ? '' : `-d ${address}${family === 'ipv6' ? '/128' : '/32'} `;
  return `${to}-p ${protocol} -m comment --comment "${comment}"${beforePort} -m ${protocol} --dport ${port}`;
}

function notLocal(detector: LocalDetector, chain: string, match: string): string {
  switch (detector.kind) {
    case 'prefix':
      return `-A ${chain} ! -s ${detector.prefix} ${match} -j KUBE-MARK-MASQ`;
    case 'interface':
      return `-A ${chain} ${match.replace(' -p ', ` ! -i ${detector.pattern} -p `)} -j KUBE-MARK-MASQ`;
    case 'none':
      throw new Error('without a local detector no packet to a clusterIP is masqueraded by its source');
  }
}

function localSources(detector: LocalDetector): string | null {
  switch (detector.kind) {
    case 'prefix':
      return `-s ${detector.prefix}`;
    case 'interface':
      return `-i ${detector.pattern}`;
    case 'none':
      return null;
  }
}
