/**
 * Files and answers of a node that may hold a credential, down to what the agent reads of them: CNI configurations name
 * kubeconfigs and may hold tokens, and whatever listens on a loopback port may answer anything.
 */

/** In place of a file that is no JSON, and so not known. */
const unread = '(left out: it is no JSON)\n';

/** Names and types of plugins of a CNI configuration. */
export function cniNames(text: string): string {
  const content = fieldsOf(parsed(text));
  if (content === null) return unread;
  const plugins = Array.isArray(content.plugins)
    ? content.plugins.map((plugin) => ({ type: textOf(fieldsOf(plugin)?.type) }))
    : undefined;
  const names = { cniVersion: textOf(content.cniVersion), name: textOf(content.name), type: textOf(content.type) };
  return `${JSON.stringify({ ...names, plugins })}\n`;
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
