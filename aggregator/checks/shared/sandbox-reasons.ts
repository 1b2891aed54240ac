/**
 * Why a pod's sandbox could not be made, out of the kubelet's Event (FailedCreatePodSandBox). The kubelet passes on what
 * the container runtime says, which passes on what the CNI plugin says; ids and addresses in it change at every attempt:
 *
 *     Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "1c52...":
 *       plugin type="flannel" failed (add): loadFlannelSubnetEnv failed: open /run/flannel/subnet.env: no such file ...
 *
 * The texts are those of containerd, CRI-O and the old dockershim, and of the plugins named below.
 */

export type SandboxReason =
  /** No configuration that the runtime could load (containerd: "cni plugin not initialized"). */
  | { readonly kind: 'not-configured' }
  /** A plugin that the configuration names has no executable. */
  | { readonly kind: 'plugin-missing'; readonly plugin: string; readonly folders: readonly string[] }
  | { readonly kind: 'addresses-used-up'; readonly range: string | null }
  /** flannel has not written what its plugin reads. */
  | { readonly kind: 'flannel-not-ready' }
  /** The Node has no pod range. */
  | { readonly kind: 'no-pod-range' }
  /** The bridge has the address of another range. */
  | { readonly kind: 'bridge-address'; readonly bridge: string; readonly wanted: string }
  /** The route of the pod's address is another link's, or the address is still in use. */
  | { readonly kind: 'route-taken'; readonly what: string }
  /** The plugin could not ask the API server. */
  | { readonly kind: 'api-unreachable'; readonly what: string }
  | { readonly kind: 'api-refused' }
  /** The daemon of the CNI on this node does not answer its plugin. */
  | { readonly kind: 'daemon-unreachable'; readonly plugin: string | null }
  /** Nothing of the network: an image, a runtime class, a cgroup. */
  | { readonly kind: 'not-network' }
  | { readonly kind: 'timeout' }
  /** `text`: the last words, without what changes at every attempt. */
  | { readonly kind: 'other'; readonly text: string };

const longest = 200;

interface Form {
  readonly pattern: RegExp;
  readonly reason: (found: RegExpExecArray, message: string) => SandboxReason;
}

/** In this order: what is said of a plugin may quote what another one said. No pattern repeats what can repeat itself. */
const forms: readonly Form[] = [
  {
    pattern: /failed to find plugin "([^"]{1,64})" in path \[([^\]]{0,256})\]/,
    reason: ([, plugin = '', folders = '']) => ({
      kind: 'plugin-missing',
      plugin,
      folders: folders.split(/[ ,]/).filter((folder) => folder !== ''),
    }),
  },
  {
    pattern: /cni (?:plugin|config) (?:not initialized|uninitialized)|no networks found in/i,
    reason: kind('not-configured'),
  },
  {
    pattern: /no IP addresses available in range set: ([0-9a-f.:/-]{1,100})|no IP addresses available in network/i,
    reason: ([, range]) => ({ kind: 'addresses-used-up', range: range ?? null }),
  },
  {
    pattern: /No IPs available in pools: \[([^\]]{1,200})\]/,
    reason: ([, range]) => ({ kind: 'addresses-used-up', range: range ?? null }),
  },
  {
    pattern: /No available addresses|failed to assign an IP address to container/,
    reason: () => ({ kind: 'addresses-used-up', range: null }),
  },
  { pattern: /\/run\/flannel\/subnet\.env: no such file/, reason: kind('flannel-not-ready') },
  { pattern: /no podCidr for node|node "[^"]{1,253}" pod cidr not assigned/, reason: kind('no-pod-range') },
  {
    pattern: /"([^"]{1,15})" already has an IP address different from ([0-9a-f.:/]{1,49})/,
    reason: ([, bridge = '', wanted = '']) => ({ kind: 'bridge-address', bridge, wanted }),
  },
  {
    pattern: /route \(.{0,200}?already exists for an interface other than '?[^'\s]{1,15}|file exists/,
    reason: ([what]) => ({ kind: 'route-taken', what: what.slice(0, longest) }),
  },
  { pattern: /is unauthorized|: Unauthorized\b|is forbidden: User/, reason: kind('api-refused') },
  { pattern: /\.sock: connect: |Is the agent running\?|connection refused/, reason: unreachable },
  {
    pattern: /(?:Get|Post|Put|Patch) "?(https:\/\/[^\s"]{1,200})"?: (.{1,100})/,
    reason: ([, url = '', how = '']) => ({ kind: 'api-unreachable', what: `${hostOf(url)}: ${how}` }),
  },
  {
    pattern: /http:\/\/(?:127\.0\.0\.1|localhost)[:/]|Multus: \[|multus-shim|unable to push CNI event/,
    reason: unreachable,
  },
  {
    pattern:
      /RuntimeHandler "|failed to create containerd container|error unpacking image|failed to pull image|failed to get sandbox image|cgroup/,
    reason: kind('not-network'),
  },
  { pattern: /context deadline exceeded|DeadlineExceeded|timed? ?out/i, reason: kind('timeout') },
];

/** Reads the message of one Event. What is not known is told by its last words. */
export function sandboxReason(message: string): SandboxReason {
  const text = message.slice(0, 4096).replaceAll(/\s+/g, ' ');
  for (const { pattern, reason } of forms) {
    const found = pattern.exec(text);
    if (found !== null) return reason(found, text);
  }
  return { kind: 'other', text: lastWords(text) };
}

/** The reason in words that complete "... because ...". */
export function reasonText(reason: SandboxReason): string {
  switch (reason.kind) {
    case 'not-configured':
      return 'the runtime has loaded no CNI configuration';
    case 'plugin-missing':
      return `the CNI plugin ${reason.plugin} has no executable in ${reason.folders.join(', ') || 'its folder'}`;
    case 'addresses-used-up':
      return reason.range === null ? 'no address is left to give away' : `no address is left in ${reason.range}`;
    case 'flannel-not-ready':
      return 'flannel has not written /run/flannel/subnet.env';
    case 'no-pod-range':
      return 'the Node has no pod range';
    case 'bridge-address':
      return `the bridge ${reason.bridge} has another address than ${reason.wanted}`;
    case 'route-taken':
      return `a route or address of an earlier pod is in the way: ${reason.what}`;
    case 'api-unreachable':
      return `the CNI plugin does not reach the API server: ${reason.what}`;
    case 'api-refused':
      return "the API server refuses the CNI plugin's credentials";
    case 'daemon-unreachable':
      return `${reason.plugin ?? 'the CNI plugin'} does not reach its daemon on this node`;
    case 'not-network':
      return 'the runtime fails before any network is made';
    case 'timeout':
      return 'it took too long';
    case 'other':
      return reason.text;
  }
}

/** What makes two reasons one group: the kind, and what is named. */
export function reasonKey(reason: SandboxReason): string {
  return reason.kind === 'route-taken' ? reason.kind : reasonText(reason);
}

function kind<
  K extends 'not-configured' | 'flannel-not-ready' | 'no-pod-range' | 'api-refused' | 'not-network' | 'timeout',
>(of: K): () => { readonly kind: K } {
  return () => ({ kind: of });
}

function unreachable(_found: RegExpExecArray, text: string): SandboxReason {
  return { kind: 'daemon-unreachable', plugin: pluginIn(text) };
}

function pluginIn(text: string): string | null {
  return /plugin type="([^"]{1,64})"/.exec(text)?.[1] ?? null;
}

/** `10.96.0.1:443`; the path has ids in it. */
function hostOf(url: string): string {
  return url.split('/')[2] ?? url;
}

/** What runtimes put before the plugin's own words, each with ids in it. */
const prefixes: readonly RegExp[] = [
  /^.{0,400}?desc = /,
  /^\[?failed to (?:setup|set up|create)[^:]{0,120}?sandbox .{0,500}?: /i,
  /^error adding pod .{0,400}? to CNI network "[^"]{0,100}": /,
  /^networkplugin cni failed to set up pod "[^"]{0,400}" network: /i,
  /^plugin type=.{0,200}? failed \(add\): /,
];

function lastWords(text: string): string {
  return prefixes
    .reduce((rest, prefix) => rest.replace(prefix, ''), text)
    .replaceAll(/[0-9a-f]{32,64}/g, '...')
    .replaceAll(/\/proc\/\d+\//g, '/proc/.../')
    .slice(0, longest);
}
