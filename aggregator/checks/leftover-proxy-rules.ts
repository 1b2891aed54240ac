/*
 * Changing kube-proxy's mode, or replacing it by another proxy, removes nothing on nodes that keep running: only
 * `kube-proxy --cleanup` or a reboot does (kubernetes#119265, #102314). Old rules then still take packets for the
 * addresses they know, from the hooks they sit on.
 */
import type { ProxyTraces } from '../../proto/parts.ts';
import type { DataplaneMode } from '../../proto/profile.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Remedy, Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { nodeSubject } from './shared/findings.ts';
import { shellWord } from './shared/remedies.ts';
import { structuresOf } from './shared/rules.ts';
import { joined } from './shared/words.ts';

type ProxyMode = keyof ProxyTraces;

const proxyModes: readonly ProxyMode[] = ['iptables', 'nftables', 'ipvs'];
const traceText: { readonly [mode in ProxyMode]: string } = {
  iptables: 'service chains in iptables',
  nftables: 'the nftables table kube-proxy',
  ipvs: 'virtual servers of IPVS',
};

export const leftoverProxyRules: NodeCheck = {
  id: 'leftover-proxy-rules',
  layer: 'L3',
  scope: 'node',
  severity: 'high',
  title: 'Rules of a proxy mode that no longer runs are still in the kernel',
  explanation: `The proxy of this node works in one mode, and the kernel also holds service rules of another. Nobody keeps those up to date, but packets still meet them: some addresses lead to endpoints of long ago while all reports of the running proxy are fine.`,
  falsePositives: `The running mode must be known from the proxy itself, not guessed from rules. Host-port chains of a network plug-in beside an nftables kube-proxy are no leftovers, nor are the few chains that the ipvs mode keeps in iptables.`,
  remediation: `Run \`kube-proxy --cleanup\` on the node with the image of the old mode, or drain and reboot it. Do not flush the nat table by hand: network plug-ins keep rules there that do not come back.`,
  needs: ['proxyTraces'],
  holdForSeconds: 120,
  clearForSeconds: 60,
  evaluate,
};

function evaluate(view: NodeView): readonly Violation[] {
  const { mode } = view.profile;
  const traces = view.parts.proxyTraces;
  if (traces.state !== 'ok' || mode.source === 'unknown' || mode.source === 'rules' || mode.source === 'default')
    return [];
  const leftovers = proxyModes.filter((trace) => trace !== mode.value && traces.value[trace]);
  if (leftovers.length === 0) return [];
  const found = joined(leftovers.map((trace) => traceText[trace]));
  return [
    {
      subject: nodeSubject(view),
      summary: `${view.name} runs ${modeText(mode.value)} but the kernel still holds ${found}.`,
      evidence: [
        fact('running mode', `${mode.value} (from ${mode.source})`),
        ...leftovers.map((trace) => fact('left over', traceText[trace])),
        ...structuresOf(view)
          .filter((structure) => leftovers.includes('iptables') && structure.hasServiceRules)
          .map(({ backend, family, kubeRules }) =>
            fact(`iptables-${backend}, ${family}`, `${kubeRules.nat} rules of kube-proxy in nat`),
          ),
      ],
      remediation: [...leftovers.flatMap(removal), reboot(view.name)],
      frontends: [],
    },
  ];
}

function modeText(mode: DataplaneMode): string {
  switch (mode) {
    case 'iptables':
    case 'nftables':
    case 'ipvs':
      return `kube-proxy in ${mode} mode`;
    case 'cilium':
      return "Cilium in kube-proxy's place";
    case 'none':
      return 'no service proxy';
  }
}

function removal(trace: ProxyMode): readonly Remedy[] {
  switch (trace) {
    case 'nftables':
      return [
        {
          command: 'nft delete table ip kube-proxy; nft delete table ip6 kube-proxy',
          effect: "Removes kube-proxy's own nftables tables; nothing else lives in them.",
        },
      ];
    case 'ipvs':
    case 'iptables':
      return [
        {
          command: 'kube-proxy --cleanup',
          effect: `Removes ${traceText[trace]} that kube-proxy made. It also removes the rules of the running mode: restart kube-proxy right afterwards.`,
        },
      ];
  }
}

function reboot(node: string): Remedy {
  return {
    command: `kubectl drain ${shellWord(node)} --ignore-daemonsets`,
    effect: `Moves the pods away from ${node}; a reboot then removes whatever was left in the kernel.`,
  };
}
