/*
 * With `ndots:5` a name of fewer than five dots is tried with every domain of the search list before it is tried as it is,
 * each for IPv4 and IPv6. A pod's list has three domains of the cluster, and the kubelet appends those of its node
 * (kubernetes#14051, #33554; dns#119).
 */
import type { ResolverSettings } from '../../proto/parts.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Violation } from '../model/finding.ts';
import { dnsOf } from './shared/dns.ts';
import { fact } from './shared/evidence.ts';
import { nodeSubject } from './shared/findings.ts';
import { counted } from './shared/words.ts';

export const dnsSearchAmplification: NodeCheck = {
  id: 'dns-search-amplification',
  layer: 'L4',
  scope: 'node',
  severity: 'medium',
  title: 'Every external name costs many lookups',
  explanation: `The pods of this node have a long search list and \`ndots:5\`. For each name outside of the cluster every domain of the list is tried first, for IPv4 and for IPv6: a dozen lookups that all come back with NXDOMAIN, load on cluster DNS, and many more chances to lose one. The kubelet appends the search domains of its node to the three of the cluster.`,
  falsePositives: `The usual list, three domains of the cluster and up to two of the node, is no finding. Pods that set \`ndots\` lower for themselves are not counted.`,
  remediation: `Shorten the search list of the node (its DHCP, or \`resolvConf\` of the kubelet), set \`dnsConfig.options\` \`ndots: 2\` in the pods that use external names most, or write such names with a dot at the end.`,
  needs: ['dns'],
  holdForSeconds: 300,
  clearForSeconds: 60,
  evaluate,
};

/** Three are the cluster's; one or two more are usual in clouds and at home. */
const usualDomains = 5;
const usualDots = 5;

function evaluate(view: NodeView): readonly Violation[] {
  const dns = dnsOf(view);
  if (dns === null) return [];
  const seen = dns.pods.first.map(({ settings }) => settings).filter(isLong);
  const example = seen[0] ?? inherited(view);
  return example === null ? [] : [violation(view, example, seen.length)];
}

function isLong({ ndots, search }: ResolverSettings): boolean {
  return ndots >= usualDots && search.length > usualDomains;
}

/** Where no pod could be looked into: what the kubelet makes of its node's list. */
function inherited(view: NodeView): ResolverSettings | null {
  const dns = dnsOf(view);
  const upstream = dns?.kubelet?.upstream ?? null;
  if (dns === null || dns.pods.first.length > 0 || upstream === null || dns.kubelet === null) return null;
  const { clusterDomain, clusterDns } = dns.kubelet;
  const own = [`default.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain];
  const made = { nameservers: clusterDns, search: [...own, ...upstream.search], ndots: usualDots, options: [] };
  return isLong(made) ? made : null;
}

function violation(view: NodeView, { search, ndots }: ResolverSettings, pods: number): Violation {
  const lookups = 2 * (search.length + 1);
  const who = pods === 0 ? `pods of ${view.name}` : `${counted(pods, 'pod')} of ${view.name}`;
  return {
    subject: nodeSubject(view),
    summary: `Each name outside of the cluster costs ${who} ${lookups} lookups: ndots is ${ndots}, and the search list has ${search.length} domains.`,
    evidence: [fact('search', search.join(' ')), fact('ndots', String(ndots))],
    remediation: [
      {
        command: `kubectl patch deployment NAME --patch '{"spec":{"template":{"spec":{"dnsConfig":{"options":[{"name":"ndots","value":"2"}]}}}}}'`,
        effect: 'Makes its pods try external names as they are first; it restarts them.',
      },
    ],
    frontends: [],
  };
}
