/**
 * Commands with the values of this very node. A rule read from a node is only ever made part of a command when it holds
 * no character that a shell would act on.
 */
import type { Family } from '../../../proto/address.ts';
import { baseJumps } from '../../../proto/base-jumps.ts';
import type { BaseJump, IptablesBackend, RuleLine } from '../../../proto/parts.ts';
import type { NodeView } from '../../model/check.ts';
import type { Remedy, Subject } from '../../model/finding.ts';
import { serviceStructures } from './rules.ts';

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
  const commands = savingCommands(view);
  const command = commands.length === 1 ? commands.join('') : `(${commands.join('; ')})`;
  return {
    command: `${command} > rules-before-repair.txt`,
    effect: `Run on ${view.name} first: keeps the rules as they are now, which the repair overwrites.`,
  };
}

/** What prints the rules of the node's mode; where that is not known, whatever a proxy may have written. */
function savingCommands(view: NodeView): readonly string[] {
  const { mode, families } = view.profile;
  const name = mode.source === 'unknown' ? null : mode.value;
  if (name === 'nftables')
    return families.map((family) => `nft list table ${family === 'ipv4' ? 'ip' : 'ip6'} kube-proxy`);
  if (name === 'ipvs') return ['ipvsadm -Sn', 'ipset save', 'iptables-save'];
  const programs = new Set(serviceStructures(view).map(({ backend, family }) => `${program(backend, family)}-save`));
  return programs.size === 0 ? ['iptables-save', 'nft list ruleset', 'ipvsadm -Sn'] : [...programs].sort().reverse();
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

/** Puts a base jump back at the head of its chain, where kube-proxy puts it and in the words that it looks for. */
export function insertJump(backend: IptablesBackend, family: Family, jump: BaseJump): Remedy {
  const { table, from, to } = jump;
  return {
    command: `${program(backend, family)} -t ${table} -I ${jumpRule(jump)}`,
    effect: `Puts the jump ${from} -> ${to} back at once, without waiting for kube-proxy.`,
  };
}

/** Moves a base jump that is there to the head of its chain: in one transaction, so that it never lacks nor is double. */
export function moveJump(backend: IptablesBackend, family: Family, jump: BaseJump): Remedy {
  const { table, from, to } = jump;
  const rule = jumpRule(jump);
  const lines = [`*${table}`, `-D ${rule}`, `-I ${rule}`, 'COMMIT'].map((line) => `'${line}'`);
  return {
    command: `printf '%s\\n' ${lines.join(' ')} | ${program(backend, family)}-restore --noflush`,
    effect: `Moves the jump ${from} -> ${to} to the head of ${from}; where kube-proxy wrote it in other words, nothing is changed.`,
  };
}

function jumpRule({ table, from, to }: BaseJump): string {
  const written = baseJumps.find((jump) => jump.table === table && jump.from === from && jump.to === to);
  const states = written?.newOnly === true ? ' -m conntrack --ctstate NEW' : '';
  const comment = written?.comment ?? null;
  const words = comment === null ? '' : ` -m comment --comment "${comment}"`;
  return `${from}${states}${words} -j ${to}`;
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
