/**
 * The one list of what is recorded of a node: which file of its folder holds the answer to which question
 * (docs/bundles.md). recorded-host.ts answers from these files; `plumbline snapshot --live` writes them.
 */
import { ciliumSocket } from './host.ts';

/** The dumps of iptables, without and with counters. */
export const saveCommands: readonly string[] = [
  'iptables-nft-save',
  'ip6tables-nft-save',
  'iptables-legacy-save',
  'ip6tables-legacy-save',
];
const withCounters = ' -c -t filter';

export const flowtablesFile = 'nft-list-flowtables.txt';
/** Where kube-proxy's tables of nf_tables were recorded by themselves; large recordings have nothing else of nft. */
export const nftTableFiles: ReadonlyMap<string, string> = new Map([
  ['ip kube-proxy', 'nft-list-table-ip-kube-proxy.txt'],
  ['ip6 kube-proxy', 'nft-list-table-ip6-kube-proxy.txt'],
]);

/** The addresses on kube-ipvs0. */
export const boundAddresses = 'ip -j addr show dev kube-ipvs0';
const commandFiles: ReadonlyMap<string, string> = new Map([
  ['nft list flowtables', flowtablesFile],
  ['ip -j addr', 'net/ip-addr.json'],
  [boundAddresses, 'ip-addr-kube-ipvs0.json'],
  ['ip -j -d link', 'net/ip-link.json'],
  ['ipset save', 'ipset-save.txt'],
  ['ipvsadm -Sn', 'ipvsadm-Sn.txt'],
  ['ip -j -4 route show table all', 'net/ip-route-all.json'],
  ['ip -j -6 route show table all', 'net/ip6-route-all.json'],
  ['ip -j -4 rule', 'net/ip-rule.json'],
  ['ip -j -6 rule', 'net/ip6-rule.json'],
  ['ip -j neigh', 'net/ip-neigh.json'],
  ['bridge -j fdb', 'net/bridge-fdb.json'],
]);
/** What both families printed, one behind the other. */
export const flowsFile = 'conntrack-extended.txt';

/** The file of what a command prints; null where it is not recorded. */
export function fileOfCommand(line: string): string | null {
  if (saveCommands.includes(line)) return `${line}.txt`;
  const save = line.endsWith(withCounters) ? line.slice(0, -withCounters.length) : '';
  if (saveCommands.includes(save)) return `${line.replaceAll(' ', '-')}.txt`;
  const [, nftTable] = line.split('nft -s list table ');
  if (nftTable !== undefined) return nftTableFiles.get(nftTable) ?? null;
  if (flowFamily(line) !== null) return flowsFile;
  const [, vxlan] = /^ethtool -k ([\w.:@-]{1,15})$/.exec(line) ?? [];
  if (vxlan !== undefined) return `net/ethtool-${vxlan}.txt`;
  return commandFiles.get(line) ?? null;
}

/** `conntrack -L -f FAMILY -p udp -o extended`, as the agent asks; null for any other command. */
export function flowFamily(line: string): 'ipv4' | 'ipv6' | null {
  const family = /^conntrack -L -f (ipv[46]) -p udp -o extended$/.exec(line)?.[1];
  return family === 'ipv4' || family === 'ipv6' ? family : null;
}

/** The file of what a command says beside what it prints. */
export function complaintFile(file: string): string {
  return file.replace(/\.(?:txt|json)$/, '.stderr.txt');
}

/** Files of the kernel that are recorded as they are. */
const kernelFiles: readonly string[] = [
  '/proc/net/ip_tables_names',
  '/proc/net/ip6_tables_names',
  '/proc/net/ip_vs',
  '/proc/net/nf_conntrack',
  '/proc/net/stat/nf_conntrack',
  '/proc/modules',
  '/proc/net/dev',
  '/proc/net/netstat',
  '/proc/net/snmp',
];
const flannelFile = '/run/flannel/subnet.env';

/** `proc-net-ip_vs.txt` for `/proc/net/ip_vs`; null for a file that is recorded in another way, or not at all. */
export function fileOfPath(path: string): string | null {
  if (path === flannelFile) return 'run-flannel-subnet.env';
  return kernelFiles.includes(path) ? `${path.slice(1).replaceAll('/', '-')}.txt` : null;
}

export const settingsFolder = '/proc/sys/';
/** Each setting is a line of it, as `sysctl -a` prints them. */
export const settingsFile = 'sysctl.txt';
/** Its names tell which modules of the kernel have settings: one a line. */
export const networkSettingsFolder = '/proc/sys/net';
export const networkSettingsNames = 'proc-sys-net.txt';
export const configurationFolder = '/etc/cni/net.d';
export const configurationCopies = 'etc-cni-net.d';
export const stateFolder = '/var/lib/cni';
/** One object, from paths below /proc to what the files hold: those of pods' processes that were read. */
export const processesFile = 'pod-processes.json';
export const processFolder = '/proc/';
/** What is read of processes, and of the node's own network to know it from theirs. */
export function isOfProcesses(path: string): boolean {
  return /^\/proc\/(?:\d+\/|net\/(?:fib_trie|if_inet6)$)/.test(path);
}
/** One object, from paths to what the files hold: how names are resolved on the node, and who listens for questions. */
export const resolverFile = 'resolver-files.json';
export const kubeletSettings = /^(?:\/host)?\/var\/lib\/kubelet\/config\.yaml$/;
/** The kernel's lists of UDP and TCP. */
export const socketLists = /^\/proc\/net\/(?:udp|tcp)6?$/;
/** The kubelet may name any file for pods; what it names is called so. */
export function isOfResolvers(path: string): boolean {
  return (
    /^\/(?!proc\/)(?:[^/]+\/)*[^/]*resolv[^/]*$/.test(path) || kubeletSettings.test(path) || socketLists.test(path)
  );
}
/** Pods' networks as iproute2 prints them, by the pods' names. */
export const podsFile = 'pods.json';
/** What BIRD answered at a socket: `bird-protocols.txt`. */
export function fileOfBird(path: string): string {
  return `${path.endsWith('bird6.ctl') ? 'bird6' : 'bird'}-protocols${path.startsWith('/var/run/calico/') ? '' : '-node'}.txt`;
}
/** One object, from folders of plugins to the names of those that can be run. */
export const pluginsFile = 'cni-plugins.json';
/** One object, from paths below the folder to what the files hold. */
export const stateFile = 'var-lib-cni.json';

/**
 * Of this moment and this process only: who holds the lock of the xtables tools is told by two readings, and a recording
 * is one.
 */
export function isOfTheMoment(path: string): boolean {
  return path === '/proc/locks' || /^\/proc\/\d+\/(?:status|comm)$/.test(path);
}

/** Where the answers of kube-proxy and Cilium lie; the second name is that of the large recordings. */
const answers: ReadonlyMap<string, readonly string[]> = new Map([
  ['10256/healthz', ['kube-proxy/healthz.txt']],
  ['10256/livez', ['kube-proxy/livez.txt']],
  ['10249/metrics', ['kube-proxy/metrics.txt', 'kube-proxy-metrics.txt']],
  ['10249/proxyMode', ['kube-proxy/proxyMode.txt']],
  ['10249/configz', ['kube-proxy/configz.json']],
  [`${ciliumSocket}/v1/service`, ['cilium-service-list.json']],
  [`${ciliumSocket}/v1/healthz`, ['cilium-status.json']],
]);

/** The files that may hold an answer, the usual one first; none where it is not recorded. */
export function filesOfAnswer(url: string): readonly string[] {
  const { hostname, port, pathname } = new URL(url);
  const known = answers.get((hostname === ciliumSocket ? hostname : port) + pathname);
  if (known !== undefined) return known;
  // A health check node port: kube-proxy's word to load balancers.
  return hostname === '127.0.0.1' && pathname === '/' && port !== '' ? [`kube-proxy/health-check-${port}.txt`] : [];
}
