/**
 * What a container runtime does with CNI, by the CNI specification 1.0.0 (containernetworking/cni, SPEC.md) and as its
 * library libcni 1.x keeps what came back: the first configuration is taken, its plugins are run in their order in the
 * node's namespace, each with the result of the one before, and the last result goes to results/NETWORK-CONTAINER-LINK.
 *
 * flannel's plugin is not in Debian. What it does is little: it takes the node's range and MTU from subnet.env, and has
 * the plugin bridge do the rest (flannel-io/cni-plugin, flannel_linux.go). That is done here in its place.
 */
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { runIn } from './namespaces.ts';
import type { NodeFolders } from './node-folders.ts';

/** A node as far as plugins see it. */
export interface CniNode {
  readonly namespace: string;
  readonly folders: NodeFolders;
}

/** What a pod's containers share, and whose it is. */
export interface LabSandbox {
  /** 64 hexadecimal digits. */
  readonly id: string;
  /** Its name under /run/netns. */
  readonly networkNamespace: string;
  /** The pod's, in the API. */
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** As far as the lab needs it; the whole of it is in libcni's record. */
export interface CniOutcome {
  readonly address: string;
  /** The link that was made on the node for this pod. */
  readonly nodeLink: string;
}

/** Failed with the words that containerd would use. */
export type CniAnswer =
  | { readonly ok: true; readonly value: CniOutcome }
  | { readonly ok: false; readonly because: string };

/** What wires the pods of a node: its CNI plugins, or what stands for one. */
export interface Wiring {
  attach(node: CniNode, sandbox: LabSandbox): CniAnswer;
  detach(node: CniNode, sandbox: LabSandbox): void;
}

/** Whatever else a plugin is told is handed on as it is. */
interface PluginSettings {
  readonly [setting: string]: unknown;
  readonly type: string;
  readonly ipam?: Readonly<Record<string, unknown>>;
  readonly delegate?: Readonly<Record<string, unknown>>;
}

interface Configuration {
  readonly text: string;
  readonly name: string;
  readonly cniVersion: string;
  readonly plugins: readonly PluginSettings[];
}

interface PluginResult {
  readonly interfaces?: readonly { readonly name: string; readonly sandbox?: string }[];
  readonly ips?: readonly { readonly address: string }[];
}

/** Pods that the node's first configuration wires. */
export const cniWiring: Wiring = { attach: addNetwork, detach: removeNetwork };

/** Wires a sandbox as the node's first configuration says. */
function addNetwork(node: CniNode, sandbox: LabSandbox): CniAnswer {
  const configuration = firstConfiguration(node);
  if (configuration === null) return { ok: false, because: 'cni plugin not initialized' };
  let result: PluginResult = {};
  for (const plugin of configuration.plugins) {
    const ran = runPlugin(node, { command: 'ADD', sandbox, configuration, plugin, before: result });
    if (!ran.ok) {
      // The runtime takes back what there is already; what fails at that stays.
      removeNetwork(node, sandbox);
      return ran;
    }
    result = ran.result;
  }
  keepResult(node, { sandbox, configuration, result });
  const address = result.ips?.[0]?.address.split('/')[0];
  const nodeLink = result.interfaces?.findLast((link) => link.sandbox === undefined)?.name;
  if (address === undefined || nodeLink === undefined) throw new Error(`no address: ${JSON.stringify(result)}`);
  return { ok: true, value: { address, nodeLink } };
}

/** Takes a sandbox's network away again, as far as that can be done. */
function removeNetwork(node: CniNode, sandbox: LabSandbox): void {
  const configuration = firstConfiguration(node);
  if (configuration === null) return;
  const file = resultFile(node, sandbox, configuration);
  for (const plugin of configuration.plugins.toReversed()) {
    runPlugin(node, { command: 'DEL', sandbox, configuration, plugin, before: {} });
  }
  rmSync(file, { force: true });
}

function resultFile(node: CniNode, sandbox: LabSandbox, { name }: { readonly name: string }): string {
  return join(node.folders.cniState, 'results', `${name}-${sandbox.id}-eth0`);
}

/** As containerd: the first by name that is a configuration. */
function firstConfiguration({ folders }: CniNode): Configuration | null {
  const files = readdirSync(folders.cniConfigurations).toSorted();
  for (const file of files.filter((name) => /\.(conf|conflist|json)$/.test(name))) {
    const text = readFileSync(join(folders.cniConfigurations, file), 'utf8');
    // The only writer is the lab. An empty file is one of its faults.
    const read: Configuration & PluginSettings = text === '' ? {} : JSON.parse(text);
    const plugins = read.plugins ?? (read.type === undefined ? [] : [read]);
    if (plugins.length > 0) return { text, name: read.name, cniVersion: read.cniVersion, plugins };
  }
  return null;
}

interface PluginRun {
  readonly command: 'ADD' | 'DEL';
  readonly sandbox: LabSandbox;
  readonly configuration: Configuration;
  readonly plugin: PluginSettings;
  readonly before: PluginResult;
}

type Ran = { readonly ok: true; readonly result: PluginResult } | { readonly ok: false; readonly because: string };

function runPlugin(node: CniNode, run: PluginRun): Ran {
  const failed = (because: string): Ran => ({
    ok: false,
    because: `plugin type="${run.plugin.type}" failed (add): ${because}`,
  });
  const { type } = run.plugin;
  if (!canRun(join(node.folders.cniPlugins, type)))
    return failed(`failed to find plugin "${type}" in path [/opt/cni/bin]`);
  if (type !== 'flannel') {
    const ran = execute(node, run);
    return ran.ok ? ran : failed(ran.because);
  }
  const plugin = flannelsDelegate(node, run.plugin);
  if (plugin === null) {
    const missing = 'open /run/flannel/subnet.env: no such file or directory';
    return failed(`failed to load flannel 'subnet.env' file: ${missing}. Check the flannel pod log for this node.`);
  }
  const ran = execute(node, { ...run, plugin });
  return ran.ok ? ran : failed(`failed to delegate add: ${ran.because}`);
}

function execute({ namespace, folders }: CniNode, { command, sandbox, configuration, plugin, before }: PluginRun): Ran {
  const { ipam } = plugin;
  const input = {
    ...plugin,
    name: configuration.name,
    cniVersion: configuration.cniVersion,
    // On a real node this is where it keeps them by itself.
    ...(ipam === undefined ? {} : { ipam: { ...ipam, dataDir: join(folders.cniState, 'networks') } }),
    ...(before.interfaces === undefined ? {} : { prevResult: before }),
  };
  const pairs = podArguments(sandbox).map(([key, value]) => `${key}=${value}`);
  const environment = [
    `CNI_COMMAND=${command}`,
    `CNI_CONTAINERID=${sandbox.id}`,
    `CNI_NETNS=/run/netns/${sandbox.networkNamespace}`,
    'CNI_IFNAME=eth0',
    `CNI_PATH=${folders.cniPlugins}`,
    `CNI_ARGS=${pairs.join(';')}`,
  ];
  const args = [...environment, join(folders.cniPlugins, plugin.type)];
  const { ok, stdout, stderr } = runIn(namespace, 'env', args, JSON.stringify(input));
  if (!ok) return { ok: false, because: toldBy(stdout) ?? stderr };
  return { ok: true, result: stdout === '' ? {} : JSON.parse(stdout) };
}

function canRun(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function toldBy(stdout: string): string | null {
  if (!stdout.startsWith('{')) return null;
  const { msg, details }: { readonly msg: string; readonly details?: string } = JSON.parse(stdout);
  return details === undefined || details === '' ? msg : `${msg}; ${details}`;
}

function podArguments({ id, namespace, name, uid }: LabSandbox): readonly (readonly [string, string])[] {
  return [
    ['IgnoreUnknown', '1'],
    ['K8S_POD_NAMESPACE', namespace],
    ['K8S_POD_NAME', name],
    ['K8S_POD_INFRA_CONTAINER_ID', id],
    ['K8S_POD_UID', uid],
  ];
}

/** Null without subnet.env. */
function flannelsDelegate({ folders }: CniNode, { delegate }: PluginSettings): PluginSettings | null {
  const file = join(folders.runFlannel, 'subnet.env');
  if (!existsSync(file)) return null;
  const environment = readFileSync(file, 'utf8');
  const valueIn = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(environment)?.[1] ?? '';
  const range = { subnet: valueIn('FLANNEL_SUBNET').replace(/\d+\//, '0/') };
  return {
    mtu: Number(valueIn('FLANNEL_MTU')),
    ipMasq: valueIn('FLANNEL_IPMASQ') !== 'true',
    ...delegate,
    type: 'bridge',
    ipam: { type: 'host-local', ranges: [[range]], routes: [{ dst: valueIn('FLANNEL_NETWORK') }] },
  };
}

interface KeptResult {
  readonly sandbox: LabSandbox;
  readonly configuration: Configuration;
  readonly result: PluginResult;
}

function keepResult(node: CniNode, { sandbox, configuration, result }: KeptResult): void {
  const file = resultFile(node, sandbox, configuration);
  mkdirSync(join(file, '..'), { recursive: true });
  const record = {
    kind: 'cniCacheV1',
    containerId: sandbox.id,
    config: Buffer.from(configuration.text).toString('base64'),
    ifName: 'eth0',
    networkName: configuration.name,
    netns: `/run/netns/${sandbox.networkNamespace}`,
    cniArgs: podArguments(sandbox),
    result,
  };
  writeFileSync(file, JSON.stringify(record), { mode: 0o600 });
}
