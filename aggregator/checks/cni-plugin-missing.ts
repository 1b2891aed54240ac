/*
 * A CNI configuration names plugins, and each is a program in the runtime's folder. One that is not there makes every new
 * sandbox fail ("failed to find plugin"): a DaemonSet that copies its binaries could not, kubernetes-cni was not installed
 * or is so new that it leaves flannel out, an update swept the folder, containerd looks elsewhere.
 */
import type { CniReport } from '../../proto/parts.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { nodeSubject } from './shared/findings.ts';
import { nodeTopic } from './shared/topics.ts';
import { cniHere } from './shared/cni.ts';
import { missingPlugins } from './shared/cni-files.ts';
import { joined } from './shared/words.ts';

export const cniPluginMissing: NodeCheck = {
  id: 'cni-plugin-missing',
  layer: 'L1',
  scope: 'node',
  severity: 'critical',
  title: 'A plugin that the CNI configuration names is not there',
  explanation: `The configuration that the runtime takes names a plugin (or its ipam, or one that it calls) for which no folder of plugins has a program that can be run. Every new pod waits in ContainerCreating with "failed to find plugin". Binaries are copied by the CNI plugin's DaemonSet or come with a package (kubernetes-cni, containernetworking-plugins; newer ones have no flannel any more); an update or a clean-up took them away, or they lost the right to be run.`,
  falsePositives: `Asked only where a folder of plugins can be seen (/opt/cni/bin, /usr/libexec/cni, /usr/lib/cni) with at least one of the plugins that are named in it: a folder without any is not the runtime's, unless the kubelet says that a plugin was not found. A runtime that was told another folder has its plugins elsewhere: set \`agent.cniPluginPath\` of the chart to it.`,
  remediation: `Install the plugin where the runtime looks for it: restart the CNI plugin's DaemonSet pod on this node, which copies its binaries, or install the package kubernetes-cni (or containernetworking-plugins).`,
  needs: ['cni'],
  holdForSeconds: 60,
  clearForSeconds: 30,
  evaluate,
};

function evaluate(view: NodeView): readonly Violation[] {
  const { cni } = view.parts;
  const file = cniHere(view)?.configuration.file;
  const missing = missingPlugins(view);
  if (cni.state !== 'ok' || file === undefined || missing.length === 0) return [];
  return [violation(view, { missing, file, cni: cni.value })];
}

function violation(
  view: NodeView,
  { missing, file, cni }: { readonly missing: readonly string[]; readonly file: string; readonly cni: CniReport },
): Violation {
  const folders = cni.pluginFolders.map(({ path }) => path);
  return {
    subject: nodeSubject(view),
    summary: `No new pod gets a network on ${view.name}: ${file} names ${joined(missing)}, and ${joined(folders)} ${folders.length === 1 ? 'has' : 'have'} no such program.`,
    evidence: [
      ...missing.map((plugin) => fact(plugin, 'no program that can be run')),
      ...cni.pluginFolders.map(({ path, executables }) => fact(path, executables.slice(0, 40).join(', ') || 'empty')),
    ],
    remediation: [
      {
        command: `ls -l ${folders.join(' ')}`,
        effect: `Run on ${view.name}: shows what is there, and whether it may be run.`,
      },
      {
        command: 'apt-get install --reinstall kubernetes-cni',
        effect: `Run on ${view.name} where plugins come with that package. Where a DaemonSet copies them, restart its pod on ${view.name} instead.`,
      },
    ],
    frontends: [],
    topics: [nodeTopic],
    explainsTopics: 'all',
  };
}
