/*
 * Changing kube-proxy's mode, or replacing it by another proxy, removes little on nodes that keep running. A newer
 * kube-proxy tidies up at its start between nftables and the two other modes, not between iptables and ipvs, and not what
 * the other backend of iptables holds; without kube-proxy only `kube-proxy --cleanup` or a reboot removes its rules
 * (kubernetes#119265, #102314, pkg/proxy: CleanupLeftovers). Old rules then still take packets for the addresses they
 * know, from the hooks they sit on.
 */
import type { ProxyTraces } from '../../proto/parts.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Evidence, Remedy, Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { nodeSubject } from './shared/findings.ts';
import { familyText } from './shared/kube-proxy-syncs.ts';
import { otherProxyName } from './shared/other-proxies.ts';
import { shellWord } from './shared/remedies.ts';
import { structuresOf } from './shared/rules.ts';
import { counted, joined } from './shared/words.ts';

type ProxyMode = keyof ProxyTraces;

const proxyModes: readonly ProxyMode[] = ['iptables', 'nftables', 'ipvs'];
const traceText: { readonly [mode in ProxyMode]: string } = {
  iptables: 'service chains in iptables',
  nftables: 'the nftables table kube-proxy',
  ipvs: 'virtual servers of IPVS',
};
const mostFrontends = 10;

export const leftoverProxyRules: NodeCheck = {
  id: 'leftover-proxy-rules',
  layer: 'L3',
  scope: 'node',
  severity: 'high',
  title: 'Rules of a proxy mode that no longer runs are still in the kernel',
  explanation: `The proxy of this node works in one mode, and the kernel also holds service rules of another. Nobody keeps those up to date, but packets still meet them: some addresses lead to endpoints of long ago while all reports of the running proxy are fine. Which of two translations comes first is not visible, so a frontend that both take, and not alike, is unknown (\`order-not-visible\`).

Where kube-proxy does not say its mode and rules of two modes are there, one of the two is left over, and which one cannot be told.`,
  falsePositives: `The running mode must be known from the proxy itself, not guessed from rules; so must be that another proxy serves Services in kube-proxy's place. Cilium or another plug-in that runs *beside* kube-proxy makes nothing a leftover. Host-port chains of a network plug-in beside an nftables kube-proxy are no leftovers, nor are the few chains that the ipvs mode keeps in iptables, a table of kube-proxy without a rule, an empty link kube-ipvs0, or virtual servers of other software.`,
  remediation: `Run \`kube-proxy --cleanup\` on the node with the image of the old mode, or drain and reboot it. Do not flush the nat table by hand: network plug-ins keep rules there that do not come back.`,
  needs: ['proxyTraces'],
  holdForSeconds: 120,
  clearForSeconds: 60,
  evaluate,
};

/** Rules that are there and of no running proxy. */
interface Leftovers {
  readonly of: readonly ProxyMode[];
  /** Who runs; null where it cannot be told which of `of` does. */
  readonly running: string | null;
  /** Whether that is kube-proxy, whose own rules --cleanup removes too. */
  readonly isKubeProxy: boolean;
}

function evaluate(view: NodeView): readonly Violation[] {
  const found = leftoversIn(view);
  if (found === null) return [];
  const { of, running, isKubeProxy } = found;
  const disputed = disputedIn(view);
  const texts = joined(of.map((mode) => traceText[mode]));
  const effect =
    disputed.length === 0 ? '' : `; at ${counted(disputed.length, 'frontend')} it cannot be told which counts`;
  const summary =
    running === null
      ? `${view.name} holds ${texts}, of two modes of kube-proxy, which is silent: at least one is left over.`
      : `${view.name} runs ${running} but the kernel still holds ${texts}${effect}.`;
  return [
    {
      subject: nodeSubject(view),
      summary,
      evidence: [
        runningEvidence(view, running),
        ...of.map((mode) => fact(running === null ? 'rules of' : 'left over', traceText[mode])),
        ...of.flatMap((mode) => countsOf(view, mode)),
        ...disputed.slice(0, mostFrontends).map((key) => fact('undecided at', key)),
      ],
      // Nobody knows which ones to remove: a reboot, after which the running proxy writes its own.
      remediation: [...(running === null ? [] : removals(view, of, isKubeProxy)), reboot(view.name)],
      frontends: disputed,
      ...(disputed.length === 0 ? {} : { explains: disputed }),
    },
  ];
}

function leftoversIn(view: NodeView): Leftovers | null {
  const { mode } = view.profile;
  const found = proxyModes.filter((one) => holdsRules(view, one));
  const isOwnWord = mode.source === 'proxyMode' || mode.source === 'configz';
  if (mode.source !== 'unknown' && (mode.value === 'cilium' || mode.value === 'ebpf')) {
    return found.length === 0
      ? null
      : { of: found, running: `${otherProxyName(view)} in kube-proxy's place`, isKubeProxy: false };
  }
  if (mode.source !== 'unknown' && isOwnWord && mode.value !== 'none') {
    const of = found.filter((one) => one !== mode.value);
    return of.length === 0 ? null : { of, running: `kube-proxy in ${mode.value} mode`, isKubeProxy: true };
  }
  return found.length < 2 ? null : { of: found, running: null, isKubeProxy: true };
}

/** An empty table or link takes no packet. What was not read may hold anything. */
function holdsRules({ parts }: NodeView, mode: ProxyMode): boolean {
  if (parts.proxyTraces.state !== 'ok' || !parts.proxyTraces.value[mode]) return false;
  if (mode === 'nftables' && parts.nftables.state === 'ok') {
    return parts.nftables.value.structures.some(({ rules, elements }) => rules + elements > 0);
  }
  return mode !== 'ipvs' || parts.ipvs.state !== 'ok' || parts.ipvs.value.virtualServers > 0;
}

/** Two backends of iptables that disagree are the matter of `mixed-backends`; in other modes only these rules can. */
function disputedIn({ profile: { mode }, parts, drift }: NodeView) {
  const isMixed =
    mode.source !== 'unknown' &&
    mode.value === 'iptables' &&
    parts.iptables.state === 'ok' &&
    parts.iptables.value.serviceBackends.length > 1;
  return isMixed
    ? []
    : drift.filter((one) => one.kind === 'unknown' && one.reason === 'order-not-visible').map(({ key }) => key);
}

function runningEvidence({ profile: { mode }, parts }: NodeView, running: string | null): Evidence {
  if (running === null || mode.source === 'unknown') return fact('running mode', 'not known: kube-proxy did not say');
  const isOther = mode.value === 'cilium' || mode.value === 'ebpf';
  const signs = isOther && parts.ebpfProxy.state === 'ok' ? parts.ebpfProxy.value.signs : [];
  return isOther
    ? fact('running proxy', signs.length === 0 ? running : joined(signs))
    : fact('running mode', `${mode.value} (from ${mode.source})`);
}

function countsOf(view: NodeView, mode: ProxyMode): readonly Evidence[] {
  const { nftables, ipvs } = view.parts;
  switch (mode) {
    case 'iptables':
      return structuresOf(view)
        .filter((structure) => structure.hasServiceRules)
        .map(({ backend, family, kubeRules }) =>
          fact(`iptables-${backend}, ${family}`, `${kubeRules.nat} rules of kube-proxy in nat`),
        );
    case 'nftables':
      return nftables.state !== 'ok'
        ? []
        : nftables.value.structures.map(({ family, rules, elements }) =>
            fact(`nftables, ${familyText(family)}`, `${counted(rules, 'rule')}, ${counted(elements, 'element')}`),
          );
    case 'ipvs':
      return ipvs.state !== 'ok' ? [] : [fact('ipvs', counted(ipvs.value.virtualServers, 'virtual server'))];
  }
}

function removals(view: NodeView, of: readonly ProxyMode[], isKubeProxy: boolean): readonly Remedy[] {
  const remedies: Remedy[] = [];
  const { nftables } = view.parts;
  if (of.includes('nftables')) {
    const families = nftables.state === 'ok' ? nftables.value.structures.map(({ family }) => family) : ['ipv4', 'ipv6'];
    remedies.push({
      command: families.map((family) => `nft delete table ${family === 'ipv4' ? 'ip' : 'ip6'} kube-proxy`).join('; '),
      effect: "Removes kube-proxy's own nftables tables; nothing else lives in them.",
    });
  }
  const others = of.filter((mode) => mode !== 'nftables');
  if (others.length === 0) return remedies;
  const after = isKubeProxy
    ? ' It also removes the rules of the running mode: restart kube-proxy right afterwards.'
    : '';
  remedies.push({
    command: 'kube-proxy --cleanup',
    effect: `Removes ${joined(others.map((mode) => traceText[mode]))} that kube-proxy made.${after}`,
  });
  return remedies;
}

function reboot(node: string): Remedy {
  return {
    command: `kubectl drain ${shellWord(node)} --ignore-daemonsets`,
    effect: `Moves the pods away from ${node}; a reboot then removes whatever was left in the kernel.`,
  };
}
