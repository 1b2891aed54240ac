/** Which CNI plugin makes the links of this node's pods, and what it leaves on the node where it does as it should. */
import type { CniConfiguration, CniPluginSettings } from '../../../proto/parts.ts';
import type { NodeView } from '../../model/check.ts';

/**
 * How a pod is joined to its node. `bridge`: by a port of a bridge. `routed`: by a link of its own with a route for each
 * of its addresses. `other`: by programs or links that this does not know, so nothing is to be expected on the node.
 */
export type Wiring = 'bridge' | 'routed' | 'other';

export interface CniHere {
  /** The one that the runtime takes: the first that it can read. */
  readonly configuration: CniConfiguration;
  /** The plugin that makes a pod's first link: what flannel or Multus call, where they call another. */
  readonly plugin: string;
  readonly wiring: Wiring;
  /** Where the wiring is a bridge. */
  readonly bridge: string | null;
}

const routedPlugins: readonly string[] = ['ptp', 'calico', 'aws-cni'];
/** What the bridge plugin takes where its configuration names none. */
const usualBridge = 'cni0';

/** What new pods get: null where no configuration can be read, or it is not known which one the runtime takes. */
export function cniHere(view: NodeView): CniHere | null {
  const { cni } = view.parts;
  const taken =
    cni.state === 'ok' ? cni.value.configurations.find((one) => one.problem === null || isUnseen(one)) : null;
  return taken?.problem === null ? described(view, (configuration) => configuration === taken) : null;
}

/** The agent could not read it, as where it is a symbolic link; the runtime may. Of a bad content it says `it ...`. */
export function isUnseen({ problem }: CniConfiguration): boolean {
  return problem !== null && !problem.startsWith('it ');
}

/** What pods of one network were given: another configuration may have come before it since. */
export function cniOfNetwork(view: NodeView, network: string): CniHere | null {
  return described(view, (configuration) => configuration.network === network);
}

function described(
  { parts: { cni, ebpfProxy } }: NodeView,
  isMeant: (configuration: CniConfiguration) => boolean,
): CniHere | null {
  if (cni.state !== 'ok') return null;
  const configuration = cni.value.configurations.find((one) => one.problem === null && isMeant(one));
  const [first] = configuration?.settings ?? [];
  if (configuration === undefined || first === undefined) return null;
  const plugin = linkPlugin(first);
  // Calico's own dataplane of eBPF has no routes that say anything.
  const isEbpf =
    ebpfProxy.state === 'ok' && ebpfProxy.value.proxy !== null && ebpfProxy.value.replacesKubeProxy !== false;
  // What bridge Multus has another plugin make is told by no setting here.
  const bridge = first.bridge ?? (isMultus(first) && !first.delegates.includes('flannel') ? null : usualBridge);
  if (plugin === 'bridge' && bridge !== null) return { configuration, plugin, wiring: 'bridge', bridge };
  return {
    configuration,
    plugin,
    wiring: routedPlugins.includes(plugin) && !isEbpf ? 'routed' : 'other',
    bridge: null,
  };
}

/** Whether it calls plugins that the configuration may leave out. */
export function isMultus({ type }: CniPluginSettings): boolean {
  return type.startsWith('multus');
}

function linkPlugin(settings: CniPluginSettings): string {
  const { type, delegates } = settings;
  const [called] = delegates;
  if (type === 'flannel') return called ?? 'bridge';
  if (!isMultus(settings)) return type;
  // Multus calls flannel, which calls the bridge plugin.
  return called === 'flannel' ? 'bridge' : (called ?? type);
}
