/*
 * NodeLocal DNSCache is a CoreDNS on each node that pods ask at a link-local address, on a link of its own. Where it is
 * down, the link or its rules are gone, the pods of that one node resolve nothing (kubernetes/dns#292, #568, #453, #318;
 * kubernetes#90043, #98758).
 */
import type { DnsReport, NodeLocalDns } from '../../proto/parts.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Violation } from '../model/finding.ts';
import { dnsOf, isHeldToKubelet, isSilent, isWell } from './shared/dns.ts';
import { fact } from './shared/evidence.ts';
import { nodeSubject } from './shared/findings.ts';
import { nodeTopic } from './shared/topics.ts';
import { joined } from './shared/words.ts';

export const nodeLocalDnsDown: NodeCheck = {
  id: 'node-local-dns-down',
  layer: 'L4',
  scope: 'node',
  severity: 'critical',
  title: 'The node-local DNS cache does not answer',
  explanation: `Pods of this node are told to ask the DNS cache on it, at a link-local address. It gives no answer: its link is gone, nobody listens there (its pod crashes or was taken away without its address), or its packets are lost. All lookups of the node's pods fail, and no other node is hurt.`,
  falsePositives: `One lookup that is answered is proof that it works, whatever links look like (Cilium leads its address elsewhere without a link; the cache's own link is down by nature). A node whose pods are not told to ask the cache is not asked, nor is one where single pods name it by themselves. Where lookups are off, only an absent listener beside a link that is there counts.`,
  remediation: `Restart its pod: it makes link and rules anew. If the cache was removed on purpose, its address must leave the kubelet's clusterDNS and the pods be made anew.`,
  needs: ['dns'],
  holdForSeconds: 60,
  clearForSeconds: 60,
  evaluate,
};

function evaluate(view: NodeView): readonly Violation[] {
  const dns = dnsOf(view);
  if (dns === null || dns.nodeLocal === null || !isUsed(view, dns, dns.nodeLocal)) return [];
  const asked = dns.lookups.filter(({ by, name }) => by === 'node-local' && name === 'cluster');
  if (asked.some(isWell)) return [];
  const why = whyDown(dns.nodeLocal, { isAsked: asked.length > 0, isDead: asked.length > 0 && asked.every(isSilent) });
  return why === null ? [] : [violation(view, dns.nodeLocal, why)];
}

/** Whether anybody on the node is told to ask it. What a pod names by itself is its own affair: it may be anything. */
function isUsed(view: NodeView, { kubelet, pods }: DnsReport, { addresses }: NodeLocalDns): boolean {
  const held = new Set([...view.objects.podsOn(view.name)].filter(isHeldToKubelet).map(({ uid }) => uid));
  const given = pods.first.filter(({ uid }) => held.has(uid)).flatMap(({ settings }) => settings.nameservers);
  return [...(kubelet?.clusterDns ?? []), ...given].some((address) => addresses.includes(address));
}

function whyDown(
  { link, listens }: NodeLocalDns,
  { isAsked, isDead }: { readonly isAsked: boolean; readonly isDead: boolean },
): string | null {
  // While lookups are made, they decide; a window that is not full yet says nothing.
  if (isAsked && !isDead) return null;
  if (link !== null && listens !== null && !listens.udp && !listens.tcp) return 'nobody listens at its port';
  if (!isDead) return null;
  return link === null ? 'no link of the node has its address' : 'lookups there are lost';
}

function violation(view: NodeView, { addresses, link, listens }: NodeLocalDns, why: string): Violation {
  return {
    subject: nodeSubject(view),
    summary: `The DNS cache of ${view.name}, which its pods ask at ${joined(addresses)}, does not answer: ${why}.`,
    evidence: [
      fact('link', link ?? 'none'),
      ...(listens === null
        ? []
        : [fact('listens', `UDP ${listens.udp ? 'yes' : 'no'}, TCP ${listens.tcp ? 'yes' : 'no'}`)]),
    ],
    remediation: [
      {
        command: `kubectl -n kube-system delete pod --field-selector spec.nodeName=${view.name} -l k8s-app=node-local-dns`,
        effect: 'Its DaemonSet makes it anew, with its link and rules.',
      },
    ],
    frontends: [],
    topics: [nodeTopic],
  };
}
