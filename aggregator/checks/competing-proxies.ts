/*
 * Two programs that each serve every Service on one node. An eBPF proxy takes the packets at the socket or the device,
 * before kube-proxy's rules could; kube-router's IPVS takes what they leave. So kube-proxy's rules count for some packets
 * only, both spend their time, and both ask for the same health-check ports (cilium#11043). It comes about where kube-proxy
 * stays deployed after the switch, or an installer brings it back.
 */
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { nodeSubject } from './shared/findings.ts';
import { otherProxyName } from './shared/other-proxies.ts';
import { shellWord } from './shared/remedies.ts';

export const competingProxies: NodeCheck = {
  id: 'competing-proxies',
  layer: 'L3',
  scope: 'node',
  severity: 'medium',
  title: 'kube-proxy and another service proxy both serve Services on this node',
  explanation: `kube-proxy runs on this node, and another program serves Services here as well: Cilium with \`kubeProxyReplacement\`, Calico's eBPF mode, Antrea with \`proxyAll\` or kube-router's service proxy. Which of them a packet meets depends on where it comes from. What is said of the node's Services is what kube-proxy's rules do, which is not what all packets see; connections break when either of the two is restarted or removed.`,
  falsePositives: `The other program must show itself that it serves Services: by its own word, or by links, addresses and chains that it has for nothing else. As a network plug-in beside kube-proxy it is as usual, and nothing is wrong. Calico allows both where kube-proxy cannot be removed (\`bpfKubeProxyIptablesCleanupEnabled: false\`): accept the finding there.`,
  remediation: `Decide which of the two shall serve Services. Either stop kube-proxy on the nodes and then remove its rules with \`kube-proxy --cleanup\`, or switch off the other program's replacement of kube-proxy.`,
  needs: ['ebpfProxy', 'kubeProxy'],
  holdForSeconds: 120,
  clearForSeconds: 60,
  evaluate,
};

function evaluate(view: NodeView): readonly Violation[] {
  const { ebpfProxy, kubeProxy } = view.parts;
  if (ebpfProxy.state !== 'ok' || kubeProxy.state !== 'ok') return [];
  const { mode, metricsAnswered } = kubeProxy.value;
  if (ebpfProxy.value.replacesKubeProxy !== true || (!metricsAnswered && mode === null)) return [];
  const other = otherProxyName(view);
  return [
    {
      subject: nodeSubject(view),
      summary: `${view.name} runs kube-proxy${mode === null ? '' : ` in ${mode} mode`}, and ${other} serves Services there too.`,
      evidence: [
        fact('kube-proxy', mode === null ? 'its metrics answer' : `says that its mode is ${mode}`),
        ...ebpfProxy.value.signs.slice(0, 10).map((sign) => fact(`sign of ${other}`, sign)),
      ],
      remediation: [
        {
          command: `kubectl -n kube-system get pods --field-selector spec.nodeName=${shellWord(view.name)} -l k8s-app=kube-proxy -o wide`,
          effect: "Shows whether kube-proxy is still deployed to the node (the label is kubeadm's).",
        },
        {
          command: `kubectl -n kube-system patch daemonset kube-proxy --type merge -p '{"spec":{"template":{"spec":{"nodeSelector":{"kube-proxy-is-replaced":"no"}}}}}'`,
          effect: `Stops kube-proxy on all nodes, if ${other} is to serve Services alone. Its rules stay: then run kube-proxy --cleanup on each node, or reboot it.`,
        },
      ],
      frontends: [],
    },
  ];
}
