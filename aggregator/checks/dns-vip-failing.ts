/*
 * Pods ask the address of the DNS Service, and a node sends that on to one of the replicas. Where the replicas answer the
 * node directly and the Service's address does not, what is broken is on this node: kube-proxy's rules, an old entry of
 * connection tracking (kubernetes#125467, #48370), or a node whose two iptables backends disagree (coredns#2354).
 */
import type { DnsReport, Lookup } from '../../proto/parts.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Remedy, Violation } from '../model/finding.ts';
import { dnsFrontend, dnsOf, dnsPort, isSilent, isWell, serverText, serviceSubject } from './shared/dns.ts';
import { fact } from './shared/evidence.ts';
import { keepRules, restartKubeProxy } from './shared/remedies.ts';
import { joined } from './shared/words.ts';

export const dnsVipFailing: NodeCheck = {
  id: 'dns-vip-failing',
  layer: 'L4',
  scope: 'node',
  severity: 'critical',
  title: "The DNS Service's address does not answer on this node, its replicas do",
  explanation: `Lookups at the address of the cluster DNS Service get no answer on this node, while at least one replica answers the same question when it is asked at its own address. So CoreDNS works and the way to it through the Service does not: rules of kube-proxy that are missing or old, an entry of connection tracking from before the rules, two iptables backends that disagree. Pods of this node resolve nothing; on other nodes all is well.`,
  falsePositives: `Three lookups in a row must be lost at the Service's address, by the same protocol by which a replica answers. Where another replica is silent to this node, the lookups may have been sent to it, and nothing is said. An address that the node-local cache holds itself is that cache's matter. Where no replica answers either, this says nothing.`,
  remediation: `Look at the findings of this node about the DNS Service first: they name the rule. If there is none, delete the entries of connection tracking for the address with the command of the finding, then restart kube-proxy.`,
  needs: ['dns'],
  holdForSeconds: 60,
  clearForSeconds: 60,
  evaluate,
};

function evaluate(view: NodeView): readonly Violation[] {
  const dns = dnsOf(view);
  if (dns === null) return [];
  return dns.lookups.flatMap((lookup) => {
    const isAsked = lookup.by === 'service' && lookup.name === 'cluster' && !isHeldHere(dns, lookup);
    const answering = isAsked && isSilent(lookup) ? replicasAnswering(view, dns, lookup) : [];
    return answering.length === 0 ? [] : [violation(view, lookup, answering)];
  });
}

function isHeldHere({ nodeLocal }: DnsReport, { server }: Lookup): boolean {
  return nodeLocal?.addresses.includes(server) === true;
}

/**
 * Of the replicas that this node's rules, as they are or as they should be, send the address to, those that answer. None
 * where one of them is silent: of two replicas one has every eighth window to itself.
 */
function replicasAnswering(view: NodeView, { lookups }: DnsReport, { server, protocol }: Lookup): readonly Lookup[] {
  const key = dnsFrontend(server, protocol);
  const routes = [view.observed, view.desired].map((table) => table?.get(key)?.forwarding.node.route);
  const own = new Set(routes.flatMap((route) => (route?.action === 'forward' ? route.backends : [])));
  const replicas = lookups.filter(
    (one) =>
      one.by === 'backend' &&
      one.name === 'cluster' &&
      one.protocol === protocol &&
      (own.size === 0 || [...own].includes(serverText(one) as never)),
  );
  return replicas.some(isSilent) ? [] : replicas.filter(isWell);
}

function violation(view: NodeView, lookup: Lookup, answering: readonly Lookup[]): Violation {
  const { server, protocol } = lookup;
  const replicas = joined(answering.map(serverText));
  return {
    subject: serviceSubject(view, lookup),
    summary: `${view.name} gets no answer from cluster DNS at ${server} by ${protocol.toUpperCase()}, while ${replicas} ${answering.length === 1 ? 'answers' : 'answer'} when asked directly.`,
    evidence: [
      fact(
        `lookups at ${serverText(lookup)}`,
        `${lookup.answered} of ${lookup.sent} answered (${lookup.error ?? 'timeout'})`,
      ),
      ...answering.map((one) => fact(`lookups at ${serverText(one)}`, `${one.answered} of ${one.sent} answered`)),
    ],
    remediation: remedies(view, lookup),
    frontends: [dnsFrontend(server, protocol)],
  };
}

function remedies(view: NodeView, { server, protocol }: Lookup): readonly Remedy[] {
  return [
    keepRules(view),
    {
      command: `conntrack -D -p ${protocol} --orig-dst ${server} --orig-port-dst ${dnsPort}`,
      effect: `Run on ${view.name}: forgets connections to the address; what is asked from then on meets the rules of now.`,
    },
    restartKubeProxy(view.name),
  ];
}
