/*
 * The container runtime makes no sandbox without a CNI configuration, and the kubelet calls the node not ready ("cni
 * plugin not initialized", containerd#5225). The CNI plugin's DaemonSet writes the file when it starts; it is missing
 * where that never ran, cannot write, or its file was deleted or cut short (a full disk). containerd reads no further than
 * a file that it cannot read: one that comes first takes the others along; CRI-O passes over it.
 */
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Remedy, Violation } from '../model/finding.ts';
import { whyNoConfiguration } from './shared/cni-files.ts';
import { fact } from './shared/evidence.ts';
import { nodeSubject } from './shared/findings.ts';
import { shellWord } from './shared/remedies.ts';
import { nodeTopic } from './shared/topics.ts';

export const cniConfigMissing: NodeCheck = {
  id: 'cni-config-missing',
  layer: 'L1',
  scope: 'node',
  severity: 'critical',
  title: 'There is no CNI configuration that can be used',
  explanation: `\`/etc/cni/net.d\` holds no file that a container runtime can read, so it makes no pod sandbox: new pods wait in ContainerCreating, and the kubelet calls the node not ready (\`cni plugin not initialized\`). Pods that run go on. The file is written by the DaemonSet of the CNI plugin when it starts; it did not start, cannot write, or its file was deleted or cut short since. A file that cannot be read and comes first is enough for containerd, which reads no further.`,
  falsePositives: `A folder that is empty says nothing by itself: k3s, MicroK8s and OpenShift read another one. So the kubelet's word is asked for as well, in the Node's condition or in an Event; the same goes for a bad file beside a good one. A file that the agent cannot read (a symbolic link) is not taken for a bad one. A node that has just joined waits for its DaemonSet: the finding fires after two minutes.`,
  remediation: `Look at the CNI plugin's pod on this node, and restart it: it writes its configuration again. Some runtimes read another folder (k3s and RKE2: \`/var/lib/rancher/k3s/agent/etc/cni/net.d\`): then set \`agent.cniConfigurationPath\` of the chart.`,
  needs: ['cni'],
  holdForSeconds: 120,
  clearForSeconds: 30,
  evaluate,
};

function evaluate(view: NodeView): readonly Violation[] {
  const { cni } = view.parts;
  const why = whyNoConfiguration(view);
  if (cni.state !== 'ok' || why === null) return [];
  const { notReadyBecause } = view.node ?? { notReadyBecause: null };
  return [
    {
      subject: nodeSubject(view),
      summary: `No new pod gets a network on ${view.name}: ${why}.`,
      evidence: [
        ...cni.value.configurations.slice(0, 10).map(({ file, problem }) => fact(file, problem ?? 'good')),
        ...(notReadyBecause === null ? [] : [fact('the kubelet says', notReadyBecause)]),
      ],
      remediation: remedies(view.name),
      frontends: [],
      topics: [nodeTopic],
      explainsTopics: 'all',
    },
  ];
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
