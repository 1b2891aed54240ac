/**
 * Commands with the values of this very node. A rule read from a node is only ever made part of a command when it holds
 * no character that a shell would act on.
 */
import type { Family } from '../../../proto/address.ts';
import type { BaseJump, IptablesBackend, RuleLine } from '../../../proto/parts.ts';
import type { NodeView } from '../../model/check.ts';
import type { Remedy, Subject } from '../../model/finding.ts';
import { serviceStructures } from './rules.ts';

/** The comments kube-proxy writes on its base jumps (kube-proxy's iptablesJumpChains). */
const jumpComments: Readonly<Record<string, string>> = {
  'KUBE-SERVICES': 'kubernetes service portals',
  'KUBE-EXTERNAL-SERVICES': 'kubernetes externally-visible service portals',
  'KUBE-NODEPORTS': 'kubernetes health check service ports',
  'KUBE-FORWARD': 'kubernetes forwarding rules',
  'KUBE-PROXY-FIREWALL': 'kubernetes load balancer firewall',
  'KUBE-POSTROUTING': 'kubernetes postrouting rules',
};
/** Chains of table filter that only see the first packet of a connection. */
const newOnly = new Set(['KUBE-SERVICES', 'KUBE-EXTERNAL-SERVICES', 'KUBE-PROXY-FIREWALL']);

/** Plain words, and quoted text in which a shell expands nothing. */
const isSafeRule = /^(?:[\w :/.,!+=-]|"[\w :/.,>=-]*")+$/;

/** A word that a shell takes as it is. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Restarting kube-proxy is what makes it write every rule of the node anew. */
export function restartKubeProxy(node: string): Remedy {
  return {
    command: `kubectl -n kube-system delete pod --field-selector spec.nodeName=${shellWord(node)} -l k8s-app=kube-proxy`,
    effect: `Restarts kube-proxy on ${node}: its first sync writes every chain and base jump anew. The label is kubeadm's; other installers name the pods differently or run kube-proxy as a service of the node.`,
  };
}

/** kube-proxy's own account of its trouble. */
export function showProxyLog(node: string, word: string): Remedy {
  const pods = `kubectl -n kube-system get pods --field-selector spec.nodeName=${shellWord(node)} -l k8s-app=kube-proxy -o name`;
  return {
    command: `kubectl -n kube-system logs --timestamps --tail=500 "$(${pods})"`,
    effect: `Shows the last lines of kube-proxy's log on ${node}: look for "${word}". The label is kubeadm's.`,
  };
}

/** Keeps what is on the node now, for whoever asks later how it came about. */
export function keepRules(view: NodeView): Remedy {
  const programs = new Set(serviceStructures(view).map(({ backend, family }) => `${program(backend, family)}-save`));
  // Where the rules were not read, whatever the proxy's mode may have written.
  const commands =
    programs.size === 0 ? ['iptables-save', 'nft list ruleset', 'ipvsadm -Sn'] : [...programs].sort().reverse();
  const command = commands.length === 1 ? commands.join('') : `(${commands.join('; ')})`;
  return {
    command: `${command} > rules-before-repair.txt`,
    effect: `Run on ${view.name} first: keeps the rules as they are now, which the repair overwrites.`,
  };
}

/** What was asked for, from the API; nothing where the subject is no Service. */
export function showEndpoints(subject: Subject): readonly Remedy[] {
  if (subject.kind !== 'Service') return [];
  const { namespace, name } = subject;
  const label = `kubernetes.io/service-name=${shellWord(name)}`;
  return [
    {
      command: `kubectl -n ${shellWord(namespace)} get endpointslices -l ${label} -o wide`,
      effect: `Shows the endpoints that kube-proxy should be using for ${namespace}/${name}.`,
    },
  ];
}

/** The usual answer to rules that do not follow the API. */
export function resync(view: NodeView): readonly Remedy[] {
  return [keepRules(view), restartKubeProxy(view.name)];
}

/** Puts a base jump back at the head of its chain, where kube-proxy puts it. */
export function insertJump(backend: IptablesBackend, family: Family, { table, from, to }: BaseJump): Remedy {
  const states = table === 'filter' && newOnly.has(to) ? ' -m conntrack --ctstate NEW' : '';
  const comment = jumpComments[to];
  const words = comment === undefined ? '' : ` -m comment --comment "${comment}"`;
  return {
    command: `${program(backend, family)} -t ${table} -I ${from}${states}${words} -j ${to}`,
    effect: `Puts the jump ${from} -> ${to} back at once, without waiting for kube-proxy.`,
  };
}

/** Deletes the first of several equal rules; nothing where the rule is not safe to paste into a shell. */
export function deleteRule(backend: IptablesBackend, family: Family, { table, rule }: RuleLine): readonly Remedy[] {
  if (!rule.startsWith('-A ') || !isSafeRule.test(rule)) return [];
  return [
    {
      command: `${program(backend, family)} -t ${shellWord(table)} -D ${rule.slice(3)}`,
      effect: 'Deletes one of the equal rules; repeat until one is left.',
    },
  ];
}

/** `iptables-nft`, `ip6tables-legacy`. */
export function program(backend: IptablesBackend, family: Family): string {
  return `${family === 'ipv4' ? 'iptables' : 'ip6tables'}-${backend}`;
}
