/*
 * A runtime takes the first CNI configuration by name. A second one (containerd's or podman's example, an earlier
 * plugin's, kubeadm's bridge) that sorts before that of the cluster's plugin wins: new pods get addresses of another
 * range, the same on every node, and nobody reaches them (flannel#1437, plugins#629, kubernetes#100309).
 */
import { type Address, familyOf, type Prefix } from '../../proto/address.ts';
import type { CniConfiguration } from '../../proto/parts.ts';
import { contains, prefixSet } from '../../proto/prefixes.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Violation } from '../model/finding.ts';
import { cniHere } from './shared/cni.ts';
import { fact } from './shared/evidence.ts';
import { nodeSubject } from './shared/findings.ts';
import { shellWord } from './shared/remedies.ts';
import { nodeTopic } from './shared/topics.ts';

export const cniConfigAmbiguous: NodeCheck = {
  id: 'cni-config-ambiguous',
  layer: 'L1',
  scope: 'node',
  severity: 'critical',
  title: 'Another CNI configuration comes before that of the cluster',
  explanation: `\`/etc/cni/net.d\` holds several configurations, and the one that comes first by name, which the runtime takes, is not that of the CNI plugin that the cluster works with here. New pods are joined to another network: their addresses lie outside of the node's range, are given away on other nodes as well, and cannot be reached from there. Packages of containerd, podman or cri-o bring such files (\`10-containerd-net.conflist\`, \`100-crio-bridge.conflist\`, \`87-podman-bridge.conflist\`); a plugin that was replaced leaves its own.`,
  falsePositives: `Several files are no fault as long as the right one is first. Which is the right one is known by what the node shows of it: annotations of flannel, Calico or Cilium on the Node together with what is at work on it, or the networks to which the pods of this node were joined so far. The first one must be none of the cluster's: a plain plugin with ranges that are not the Node's, or a plugin of which nothing is at work and to which no pod was ever joined; what an earlier plugin left behind the present one's file is no fault. Multus comes before the plugin that it calls, lawfully. Where nothing tells which is right, nothing is said.`,
  remediation: `Move the file away, and make the pods anew that were made since it came.`,
  needs: ['cni'],
  holdForSeconds: 60,
  clearForSeconds: 30,
  evaluate,
};

function evaluate(view: NodeView): readonly Violation[] {
  const { cni } = view.parts;
  if (cni.state !== 'ok') return [];
  const usable = cni.value.configurations.filter(({ problem }) => problem === null);
  const [first] = usable;
  if (first === undefined || usable.length < 2 || isMultus(first) || !isStrange(view, first)) return [];
  const right = usable.slice(1).find((one) => isRight(view, one, first));
  return right === undefined ? [] : [violation(view, first, right)];
}

function isMultus({ plugins }: CniConfiguration): boolean {
  return plugins.some((plugin) => plugin.startsWith('multus'));
}

/** Plugins that need nothing else on the node, so that any package may bring a configuration of theirs. */
const plainPlugins: readonly string[] = ['bridge', 'ptp', 'macvlan', 'ipvlan', 'vlan', 'host-device', 'tap', 'dummy'];

/** Whether a configuration is certainly not what the cluster works with here; of plugins unknown nothing is certain. */
function isStrange(view: NodeView, configuration: CniConfiguration): boolean {
  const [plugin] = configuration.settings;
  if (plugin === undefined) return false;
  if (plainPlugins.includes(plugin.type)) {
    return !configuration.settings.some(({ ranges }) => ranges.some((range) => isOfNode(view, range)));
  }
  const isKnown = plugin.type in traces;
  return isKnown && !isAtWork(view, plugin.type) && joinedTo(view, configuration) === 0;
}

function isOfNode({ node }: NodeView, range: Prefix): boolean {
  const [network = '', length] = range.split('/');
  const own = node?.podCIDRs ?? [];
  return own.some(
    (one) => Number(one.split('/')[1]) <= Number(length) && contains(prefixSet([one]), network as Address),
  );
}

/** A later one is the cluster's: its plugin has written on the Node and is at work, or most pods here are of it. */
function isRight(view: NodeView, later: CniConfiguration, first: CniConfiguration): boolean {
  const isSaid = saidPlugins(view).some((plugin) => later.plugins.includes(plugin) && isAtWork(view, plugin));
  return isSaid || (later.network !== first.network && joinedTo(view, later) > joinedTo(view, first));
}

/** Plugins that have written on the Node, by the type in their configuration; they leave it there when they go. */
function saidPlugins({ node }: NodeView): readonly string[] {
  const { flannel, calico, cilium } = node?.cni ?? { flannel: null, calico: null, cilium: null };
  return [
    ...(flannel === null ? [] : ['flannel']),
    ...(calico === null ? [] : ['calico']),
    ...(cilium === null ? [] : ['cilium-cni']),
  ];
}

/** Links that are there while a plugin is at work. */
const traces: Readonly<Record<string, RegExp>> = {
  flannel: /^flannel/,
  calico: /^(?:cali[0-9a-f]{11}|vxlan\.calico|vxlan-v6\.calico)$/,
  'cilium-cni': /^cilium_host$/,
};

/** By what does not outlive a boot; where links are not known, it is. */
function isAtWork({ parts: { links, flannel, bird } }: NodeView, plugin: string): boolean {
  const trace = traces[plugin];
  if (trace === undefined || links.state !== 'ok') return true;
  if (plugin === 'flannel' && flannel.state === 'ok') return true;
  if (plugin === 'calico' && bird.state === 'ok') return true;
  return links.value.links.first.some(({ name }) => trace.test(name));
}

/** How many sandboxes of the node are of its network. */
function joinedTo({ parts: { cni } }: NodeView, configuration: CniConfiguration): number {
  return cni.state === 'ok'
    ? cni.value.results.first.filter(({ network }) => network === configuration.network).length
    : 0;
}

function violation(view: NodeView, first: CniConfiguration, right: CniConfiguration): Violation {
  const strange = strangers(view, right);
  const path = `/etc/cni/net.d/${first.file}`;
  return {
    subject: nodeSubject(view),
    summary: `New pods on ${view.name} are joined to ${first.network ?? 'another network'} (${first.file}) and not to ${right.network ?? 'that of the cluster'} (${right.file}), which comes after it.`,
    evidence: [
      fact('taken by the runtime', `${first.file}: ${first.plugins.join(', ')}`),
      fact("the cluster's", `${right.file}: ${right.plugins.join(', ')}`),
      ...strange
        .slice(0, 10)
        .map(({ pod, address }) => fact(pod, `has ${address}, of ${first.network ?? 'the other network'}`)),
    ],
    remediation: [
      {
        command: `mv ${shellWord(path)} /var/tmp/`,
        effect: `Run on ${view.name}: the runtime takes ${right.file} for the next pod. Then delete the pods that were joined to the wrong network.`,
      },
    ],
    frontends: [],
    topics: [nodeTopic],
    explainsTopics: 'all',
  };
}

/** Pods that were joined to the wrong network. */
function strangers(
  view: NodeView,
  right: CniConfiguration,
): readonly { readonly pod: string; readonly address: Address }[] {
  const { cni } = view.parts;
  const first = cniHere(view)?.configuration.network;
  if (cni.state !== 'ok' || first == null || first === right.network) return [];
  return cni.value.results.first.flatMap(({ network, pod, addresses }) => {
    const address = addresses.find((one) => familyOf(one) === 'ipv4') ?? addresses[0];
    if (network !== first || pod === null || address === undefined) return [];
    return [{ pod: `${pod.namespace}/${pod.name}`, address }];
  });
}
