/** What a node's CNI files lack: a configuration that the runtime takes, and programs that the configuration names. */
import type { NodeView } from '../../model/check.ts';
import { cniHere, isUnseen } from './cni.ts';
import { unique } from './findings.ts';
import { recentEvents } from './sandbox-events.ts';
import { type SandboxReason, sandboxReason } from './sandbox-reasons.ts';
import { counted } from './words.ts';

/**
 * Why the runtime has no configuration; null where it may have one. An empty folder alone says nothing: many runtimes
 * read another one (k3s, MicroK8s, OpenShift). One that has none says so to the kubelet at once, and it to the API.
 */
export function whyNoConfiguration(view: NodeView): string | null {
  const { cni } = view.parts;
  if (cni.state !== 'ok') return null;
  const { configurations } = cni.value;
  const [first] = configurations;
  if (first === undefined) return saysNotConfigured(view) ? '/etc/cni/net.d holds no configuration' : null;
  if (first.problem === null || isUnseen(first)) return null;
  const isAll = configurations.every((one) => one.problem !== null && !isUnseen(one));
  if (isAll) {
    return configurations.length === 1
      ? `the one configuration, ${first.file}, cannot be used: ${first.problem}`
      : `none of ${counted(configurations.length, 'configuration')} can be used`;
  }
  // containerd gives up at a file that it cannot read; CRI-O goes on with the next.
  return saysNotConfigured(view)
    ? `the first configuration, ${first.file}, cannot be used (${first.problem}), and the runtime reads no further`
    : null;
}

/** "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:... cni plugin not ..." */
const kubeletsWord = /NetworkPluginNotReady|NetworkReady=false|cni (?:plugin|config)/i;

function saysNotConfigured(view: NodeView): boolean {
  return kubeletsWord.test(view.node?.notReadyBecause ?? '') || isGiven(view, 'not-configured');
}

/** Whether an Event of the last minutes gives this reason. */
function isGiven(view: NodeView, kind: SandboxReason['kind']): boolean {
  return recentEvents(view).some(({ message }) => sandboxReason(message).kind === kind);
}

/**
 * Plugins that the configuration names and that no folder has. Where a folder has none of them the runtime's is another
 * one, unless the kubelet says that a plugin was not found.
 */
export function missingPlugins(view: NodeView): readonly string[] {
  const { cni } = view.parts;
  const here = cniHere(view);
  if (cni.state !== 'ok' || here === null) return [];
  const { pluginFolders } = cni.value;
  const there = new Set(pluginFolders.flatMap(({ executables }) => executables));
  // An empty folder, or a list that was cut, is none that was really seen.
  if (there.size === 0 || pluginFolders.some(({ executables }) => executables.length >= 200)) return [];
  const named = unique(
    here.configuration.settings.flatMap(({ type, ipam, delegates }) => [
      type,
      ...(ipam === null ? [] : [ipam]),
      ...delegates,
    ]),
  );
  const missing = named.filter((plugin) => !there.has(plugin));
  return missing.length < named.length || isGiven(view, 'plugin-missing') ? missing : [];
}
