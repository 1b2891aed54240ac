/*
 * Host ports are none of kube-proxy's: the CNI plugin portmap (or CRI-O) writes their rules once, when the pod's sandbox
 * is made. Whoever flushes nat (firewall-cmd --reload, a restored file of rules) takes them away, and nobody writes them
 * again until the pod is made anew; kube-proxy meanwhile restores its own within half a minute (rancher/rke2#10469,
 * containernetworking/plugins#512). Recorded: after a flush of all tables portmap's chains stayed away.
 */
import { type Address, backendOf, type Family, familyOf } from '../../proto/address.ts';
import type { HostPort, IptablesReport } from '../../proto/parts.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { ContainerPort, Pod } from '../model/cluster.ts';
import type { Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { nodeSubject, unique } from './shared/findings.ts';
import { shellWord } from './shared/remedies.ts';
import { counted, joined } from './shared/words.ts';

export const hostportMissing: NodeCheck = {
  id: 'hostport-missing',
  layer: 'L3',
  scope: 'node',
  severity: 'high',
  title: "No rule leads to a pod's host port",
  explanation: `A pod on this node asks for a port of the node (\`hostPort\`), and no rule sends packets for that port to the pod. The CNI plugin portmap writes such rules when it makes the pod's network and never again; a flush of the nat table, by firewalld's reload or a unit that restores saved rules, loses them for as long as the pod lives. Clients of the port, often those of an ingress, time out or are refused.`,
  falsePositives: `Only pods that run, with a network of their own, are asked about, and only on nodes where portmap stands in the CNI configuration that counts, or where other host ports have their rules. Where somebody else serves host ports (Cilium, Calico's eBPF dataplane, portmap or CRI-O in tables of nf_tables) nothing is claimed. A pod that is just starting has its rules before it runs.`,
  remediation: `Delete the pod: its successor's sandbox gets new rules. Find out what flushed the nat table, or it will happen again (firewalld: do not use it on nodes, or set \`FlushAllOnReload=no\`).`,
  needs: ['iptables', 'pods'],
  holdForSeconds: 60,
  clearForSeconds: 30,
  evaluate,
};

/** As many as a finding names. */
const mostNamed = 20;

interface AskedPort {
  readonly pod: Pod;
  readonly port: ContainerPort;
  readonly address: Address;
}

function evaluate(view: NodeView): readonly Violation[] {
  const { iptables, ebpfProxy } = view.parts;
  if (iptables.state !== 'ok' || (ebpfProxy.state === 'ok' && ebpfProxy.value.proxy !== null)) return [];
  const report = iptables.value;
  const isCut = report.structures.some(({ hostPorts: { total, first } }) => total > first.length);
  if (report.hostPortTables.length > 0 || isCut) return [];
  const asked = [...view.objects.podsOn(view.name)].flatMap((pod) => askedPorts(pod, report));
  const missing = asked.filter((one) => !isServed(one, report));
  if (missing.length === 0 || (missing.length === asked.length && !usesPortmap(view))) return [];
  const pods = [...new Map(missing.map(({ pod }) => [pod.uid, pod])).values()];
  const named = pods.slice(0, mostNamed);
  return [
    {
      subject: nodeSubject(view),
      summary: `${counted(pods.length, 'pod')} on ${view.name} cannot be reached by host port: no rule leads to ${joined(unique(missing.map(portText)), 3)}.`,
      evidence: missing
        .slice(0, mostNamed)
        .map((one) => fact(`${one.pod.namespace}/${one.pod.name}`, `no DNAT for ${portText(one)}`)),
      remediation: named.map(({ namespace, name }) => ({
        command: `kubectl -n ${shellWord(namespace)} delete pod ${shellWord(name)}`,
        effect: 'Its controller makes it anew, and the CNI plugin the rules for its host ports. A bare pod is gone.',
      })),
      frontends: [],
    },
  ];
}

/** One for each host port and address of the pod, in the families that rules can serve here. */
function askedPorts(pod: Pod, { structures }: IptablesReport): readonly AskedPort[] {
  if (pod.hostNetwork || pod.phase !== 'Running' || pod.terminating) return [];
  // Without any table of IPv6 the node may well not filter IPv6 at all.
  const canServe = (family: Family) => family === 'ipv4' || structures.some((one) => one.family === family);
  return pod.ports.flatMap((port) => {
    if (port.hostPort === 0) return [];
    const { hostAddress } = port;
    const fits = (address: Address) => hostAddress === null || familyOf(hostAddress) === familyOf(address);
    return pod.addresses
      .filter((address) => fits(address) && canServe(familyOf(address)))
      .map((address) => ({ pod, port, address }));
  });
}

function isServed({ port, address }: AskedPort, { structures }: IptablesReport): boolean {
  const backend = backendOf(address, port.port);
  const serves = (rule: HostPort) =>
    rule.protocol === port.protocol && rule.port === port.hostPort && rule.backend === backend;
  return structures.some(({ hostPorts }) => hostPorts.first.some(serves));
}

/** Whether portmap stands in the configuration that the runtime takes, the first that it can read. */
function usesPortmap({ parts: { cni } }: NodeView): boolean {
  if (cni.state !== 'ok') return false;
  const first = cni.value.configurations.find(({ problem }) => problem === null);
  return first?.plugins.includes('portmap') === true;
}

function portText({ port, address }: AskedPort): string {
  return `${port.protocol} ${port.hostPort} -> ${backendOf(address, port.port)}`;
}
