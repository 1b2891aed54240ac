/*
 * The container runtime makes no sandbox without a CNI configuration, and the kubelet calls the node not ready ("cni
 * plugin not initialized", containerd#5225). The CNI plugin's DaemonSet writes the file when it starts; it is missing
 * where that never ran, cannot write, or its file was deleted or cut short (a full disk).
 */
import type { CniReport } from '../../proto/parts.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Remedy, Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { nodeSubject } from './shared/findings.ts';
import { shellWord } from './shared/remedies.ts';
import { nodeTopic } from './shared/topics.ts';
import { counted } from './shared/words.ts';

export const cniConfigMissing: NodeCheck = {
  id: 'cni-config-missing',
  layer: 'L1',
  scope: 'node',
  severity: 'critical',
  title: 'There is no CNI configuration that can be used',
  explanation: `\`/etc/cni/net.d\` holds no file that a container runtime can read, so it makes no pod sandbox: new pods wait in ContainerCreating, and the kubelet calls the node not ready (\`cni plugin not initialized\`). Pods that run go on. The file is written by the DaemonSet of the CNI plugin when it starts; it did not start, cannot write, or its file was deleted or cut short since.`,
  falsePositives: `A node where the folder cannot be seen is not asked. A node that has just joined waits for its DaemonSet: the finding fires after two minutes, and is of low severity while the node is not ready for less than that.`,
  remediation: `Look at the CNI plugin's pod on this node, and restart it: it writes its configuration again. Some runtimes read another folder (k3s and RKE2: \`/var/lib/rancher/k3s/agent/etc/cni/net.d\`): then set \`agent.cniConfigurationPath\` of the chart.`,
  needs: ['cni'],
  holdForSeconds: 120,
  clearForSeconds: 30,
  evaluate,
};

function evaluate(view: NodeView): readonly Violation[] {
  const { cni } = view.parts;
  if (cni.state !== 'ok' || cni.value.configurations.some(({ problem }) => problem === null)) return [];
  const why = whyNone(cni.value);
  const { notReadyBecause } = view.node ?? { notReadyBecause: null };
  return [
    {
      subject: nodeSubject(view),
      summary: `No new pod gets a network on ${view.name}: ${why}.`,
      evidence: [
        ...cni.value.configurations.slice(0, 10).map(({ file, problem }) => fact(file, problem ?? '')),
        ...(notReadyBecause === null ? [] : [fact('the kubelet says', notReadyBecause)]),
      ],
      remediation: remedies(view.name),
      frontends: [],
      topics: [nodeTopic],
      explainsTopics: 'all',
    },
  ];
}

function whyNone({ configurations }: CniReport): string {
  const [first] = configurations;
  if (first === undefined) return '/etc/cni/net.d holds no configuration';
  return configurations.length === 1
    ? `the one configuration, ${first.file}, cannot be used: ${first.problem}`
    : `none of ${counted(configurations.length, 'configuration')} can be used`;
}

function remedies(node: string): readonly Remedy[] {
  return [
    {
      command: `kubectl get pods -A -o wide --field-selector spec.nodeName=${shellWord(node)}`,
      effect: `Shows the pods of ${node}: the one of the CNI plugin's DaemonSet should run there, and writes the configuration when it is restarted.`,
    },
    {
      command: 'ls -l /etc/cni/net.d; df /etc',
      effect: `Run on ${node}: shows the files, and whether the disk is full.`,
    },
  ];
}
