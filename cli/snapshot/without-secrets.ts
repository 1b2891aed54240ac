/**
 * Files and answers of a node that may hold a credential, down to what the agent reads of them: CNI configurations name
 * kubeconfigs and may hold tokens, and whatever listens on a loopback port may answer anything.
 */

import { readKubeletConfig } from '../../agent/collectors/dns/kubelet-settings.ts';
import { podOfProcess } from '../../agent/collectors/pod-networks/process-pod.ts';

/** In place of a file that is no JSON, and so not known. */
const unread = '(left out: it is no JSON)\n';

/** A CNI configuration: its network, and of each plugin what agent/collectors/cni/plugin-settings.ts reads. */
export function cniNames(text: string): string {
  const content = fieldsOf(parsed(text));
  if (content === null) return unread;
  const names = { cniVersion: textOf(content.cniVersion), name: textOf(content.name) };
  const plugins = Array.isArray(content.plugins) ? content.plugins.map(pluginSettings) : undefined;
  return `${JSON.stringify({ ...names, ...pluginSettings(content), plugins })}\n`;
}

/** Settings are told if they are of the kind that they should be: a text may be anything. */
function pluginSettings(plugin: unknown): Readonly<Record<string, unknown>> {
  const settings = fieldsOf(plugin);
  const ipam = fieldsOf(settings?.ipam);
  const delegate = fieldsOf(settings?.delegate);
  return {
    type: textOf(settings?.type),
    ...bridgeSettings(settings),
    ...(ipam === null ? {} : { ipam: { type: textOf(ipam.type), dataDir: textOf(ipam.dataDir), ...rangesOf(ipam) } }),
    ...(delegate === null ? {} : { delegate: { type: textOf(delegate.type), ...bridgeSettings(delegate) } }),
    ...(Array.isArray(settings?.delegates) ? { delegates: settings.delegates.map(delegatedTypes) } : {}),
  };
}

function bridgeSettings(settings: Readonly<Record<string, unknown>> | null) {
  const { mtu, hairpinMode } = settings ?? {};
  return {
    bridge: textOf(settings?.bridge),
    mtu: typeof mtu === 'number' ? mtu : undefined,
    hairpinMode: typeof hairpinMode === 'boolean' ? hairpinMode : undefined,
  };
}

/** host-local's addresses: one range, or a list of sets of ranges. */
function rangesOf(ipam: Readonly<Record<string, unknown>>) {
  const sets = Array.isArray(ipam.ranges) ? ipam.ranges : null;
  const subnetOf = (range: unknown) => ({ subnet: textOf(fieldsOf(range)?.subnet) });
  return {
    subnet: textOf(ipam.subnet),
    ranges: sets?.map((set: unknown) => (Array.isArray(set) ? set.map(subnetOf) : [])),
  };
}

/** A delegate is a plugin, or a list of plugins itself. */
function delegatedTypes(delegate: unknown) {
  const plugin = fieldsOf(delegate);
  const typeOf = (one: unknown) => ({ type: textOf(fieldsOf(one)?.type) });
  return Array.isArray(plugin?.plugins) ? { plugins: plugin.plugins.map(typeOf) } : typeOf(plugin);
}

const podArguments = ['K8S_POD_NAMESPACE', 'K8S_POD_NAME', 'K8S_POD_UID'];

/** libcni's record of a sandbox: whose it is, its links and addresses; not the configuration that lies in it. */
export function cniResult(text: string): string {
  const content = fieldsOf(parsed(text));
  if (content === null) return unread;
  const result = fieldsOf(content.result);
  const told = {
    ...some(content, ['kind', 'containerId', 'ifName', 'networkName', 'netns']),
    cniArgs: listOf(content.cniArgs).filter((pair) => Array.isArray(pair) && podArguments.includes(pair[0])),
    result: {
      interfaces: listOf(result?.interfaces).map((one) => someOf(one, ['name', 'sandbox'])),
      ips: listOf(result?.ips).map((one) => someOf(one, ['address'])),
      ip4: someOf(result?.ip4, ['ip']),
      ip6: someOf(result?.ip6, ['ip']),
    },
  };
  return `${JSON.stringify(told)}\n`;
}

/** Of the files of processes those of pods, and the node's own to know them apart. */
export function podProcessesOnly(files: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const isPods = (path: string) => podOfProcess(files.get(`${path.split('/', 1)[0]}/cgroup`) ?? '') !== null;
  const kept = [...files].filter(([path]) => isPods(path));
  const own = [...files].filter(([path]) => path.startsWith('net/'));
  return new Map(kept.length === 0 ? [] : [...own, ...kept]);
}

/** The kubelet's configuration: what agent/collectors/dns/kubelet-settings.ts reads of it. */
export function kubeletNames(text: string): string {
  const word = readKubeletConfig(text);
  if (word === null) return '# left out: it is no KubeletConfiguration\n';
  const { clusterDns, clusterDomain, resolvConf } = word;
  return `${JSON.stringify({ kind: 'KubeletConfiguration', clusterDNS: clusterDns, clusterDomain, resolvConf })}\n`;
}

/** Of the kernel's lists of sockets those at port 53: nobody else's connections. */
export function listenersForNames(text: string): string {
  const [head = '', ...lines] = text.split('\n');
  return [head, ...lines.filter((line) => /^\s*\d+: [\dA-F]+:0035 /.test(line)), ''].join('\n');
}

/** A reservation of host-local: the container and its link, one line each. */
export function reservation(text: string): string {
  return text.split(/\r?\n/).slice(0, 2).join('\n');
}

const configurationFields = [
  'kind',
  'apiVersion',
  'hostnameOverride',
  'mode',
  'detectLocalMode',
  'clusterCIDR',
  'nodePortAddresses',
  'bindAddress',
  'healthzBindAddress',
  'metricsBindAddress',
];
const modeFields = ['masqueradeBit', 'masqueradeAll', 'localhostNodePorts', 'syncPeriod', 'minSyncPeriod', 'scheduler'];
const detectionFields = ['bridgeInterface', 'interfaceNamePrefix'];

/** kube-proxy's configuration as far as it decides what becomes of packets; null when it is none. */
export function proxyConfiguration(text: string): string | null {
  const key = 'kubeproxy.config.k8s.io';
  const configuration = fieldsOf(fieldsOf(parsed(text))?.[key]);
  if (configuration === null) return null;
  const section = (name: string, fields: readonly string[]) => {
    const content = fieldsOf(configuration[name]);
    return content === null ? {} : { [name]: some(content, fields) };
  };
  const told = {
    ...some(configuration, configurationFields),
    ...section('iptables', modeFields),
    ...section('nftables', modeFields),
    ...section('ipvs', modeFields),
    ...section('detectLocal', detectionFields),
  };
  return `${JSON.stringify({ [key]: told })}\n`;
}

const figureLine = /^(?:# (?:HELP|TYPE) )?(?:kubeproxy_|kubernetes_|rest_client_|process_)/;

/** kube-proxy's own figures, and those of its requests to the API server. */
export function proxyMetrics(text: string): string {
  return text
    .split('\n')
    .filter((line) => figureLine.test(line))
    .map((line) => `${line}\n`)
    .join('');
}

/** One word, or nothing. */
export function proxyMode(text: string): string {
  return /^\w{1,40}\s*$/.test(text) ? text : '';
}

/** What kube-proxy tells load balancers of one Service; nothing of what others answer. */
export function healthCheck(text: string): string {
  const content = fieldsOf(parsed(text));
  const service = fieldsOf(content?.service);
  if (content === null || service === null) return '';
  const names = { namespace: textOf(service.namespace), name: textOf(service.name) };
  return JSON.stringify({ service: names, ...some(content, ['localEndpoints', 'serviceProxyHealthy']) });
}

/** Whether Cilium replaces kube-proxy. */
export function ciliumStatus(text: string): string {
  const replacement = fieldsOf(fieldsOf(parsed(text))?.['kube-proxy-replacement']);
  return `${JSON.stringify({ 'kube-proxy-replacement': { mode: textOf(replacement?.mode) } })}\n`;
}

function some(content: Readonly<Record<string, unknown>>, names: readonly string[]) {
  return Object.fromEntries(names.filter((name) => Object.hasOwn(content, name)).map((name) => [name, content[name]]));
}

function someOf(value: unknown, names: readonly string[]) {
  const content = fieldsOf(value);
  return content === null ? undefined : some(content, names);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
