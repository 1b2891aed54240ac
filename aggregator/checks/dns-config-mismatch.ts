/*
 * Pods ask the server that their kubelet writes into their resolv.conf. Where that is no address of cluster DNS, or the
 * domain is not the one that CoreDNS answers for, they resolve nothing; where the list is longer than resolvers read, what
 * stands at its end is never asked (event DNSConfigForming).
 */
import type { Address } from '../../proto/address.ts';
import type { DnsReport, ResolverSettings } from '../../proto/parts.ts';
import { contains, parsePrefix, prefixSet } from '../../proto/prefixes.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { ClusterObjects, Pod } from '../model/cluster.ts';
import type { Severity, Violation } from '../model/finding.ts';
import { clusterCorefile } from './shared/corefile.ts';
import { addressesOf, dnsOf, dnsServices, isHeldToKubelet } from './shared/dns.ts';
import { fact } from './shared/evidence.ts';
import { nodeSubject, unique } from './shared/findings.ts';
import { podTopic } from './shared/topics.ts';
import { counted, joined } from './shared/words.ts';

export const dnsConfigMismatch: NodeCheck = {
  id: 'dns-config-mismatch',
  layer: 'L4',
  scope: 'node',
  severity: 'medium',
  title: "Resolver settings are not the cluster's",
  explanation: `The kubelet of this node gives pods a nameserver that no Service of the cluster has, or a domain that CoreDNS does not answer for: their lookups go nowhere (then the severity is high). Or single pods have other nameservers than their dnsPolicy asks for, as after a change of the kubelet's configuration, which only new pods see. Or a list is longer than resolvers read: of nameservers the first three count, of search domains 32 at the most.`,
  falsePositives: `Addresses of the node-local cache are right. Pods with dnsPolicy None or Default, or with nameservers of their own, and pods in the network of their node are not held against the kubelet; nor are pods whose nameservers are addresses of cluster DNS, whatever the kubelet's file names: the flag --cluster-dns wins over it and stands in none. A Corefile that could not be read as a whole says nothing of domains.`,
  remediation: `Set \`clusterDNS\` and \`clusterDomain\` in the kubelet's configuration to what cluster DNS has, restart the kubelet, and make the pods anew.`,
  needs: ['dns'],
  holdForSeconds: 120,
  clearForSeconds: 60,
  evaluate,
};

/** What glibc and the kubelet take: of domains as many since Kubernetes 1.28, before that six. */
const mostServers = 3;
const mostDomains = 32;
const linkLocal = prefixSet(['169.254.0.0/16', 'fe80::/10'].map(parsePrefix).filter((prefix) => prefix !== null));

/** One thing that does not fit. */
interface Mismatch {
  readonly text: string;
  readonly severity: Severity;
  readonly topics: readonly string[];
}

function evaluate(view: NodeView): readonly Violation[] {
  const dns = dnsOf(view);
  if (dns === null) return [];
  const found = [...wrongServers(view, dns), ...wrongDomain(view.objects, dns), ...wrongPods(view, dns)];
  const [first] = found;
  if (first === undefined) return [];
  const severity = found.some((one) => one.severity === 'high') ? 'high' : 'medium';
  return [
    {
      subject: nodeSubject(view),
      summary: `On ${view.name} ${first.text}${found.length > 1 ? `; and ${found.length - 1} more` : ''}.`,
      evidence: found.slice(0, 10).map(({ text }) => fact('differs', text)),
      remediation: [
        {
          command: `kubectl get --raw /api/v1/nodes/${view.name}/proxy/configz`,
          effect: 'Shows clusterDNS, clusterDomain and resolvConf as the kubelet has them now.',
        },
      ],
      frontends: [],
      topics: unique(found.flatMap(({ topics }) => topics)),
      severity,
    },
  ];
}

/**
 * Servers that are no address of any Service with port 53, nor of the cache. The flag --cluster-dns wins over the file and
 * stands in none, and a kubelet that was not restarted has the file's words of before: pods that have the right ones
 * tell that, or merely began before.
 */
function wrongServers(view: NodeView, dns: DnsReport): readonly Mismatch[] {
  const { kubelet } = dns;
  if (kubelet === null) return [];
  const services = dnsServices(view.objects, new Set(kubelet.clusterDns));
  const right = rightServers(view.objects, dns);
  const wrong = kubelet.clusterDns.filter((address) => !right.has(address) && !contains(linkLocal, address));
  if (services.length === 0 || wrong.length === 0) return [];
  const wanted = joined(services.flatMap(addressesOf));
  const text = `the kubelet gives pods the nameserver ${joined(wrong)}, which no Service has; cluster DNS is ${wanted}`;
  const spared = podsHeld(view, dns).filter(({ settings }) => settings.nameservers.every((one) => right.has(one)));
  const isAll = wrong.length === kubelet.clusterDns.length;
  if (spared.length === 0) return [{ text, severity: isAll ? 'high' : 'medium', topics: [] }];
  const but = `${counted(spared.length, 'pod')} here ${spared.length === 1 ? 'has' : 'have'} the right one`;
  return [{ text: `${text} (${but}: from before, or by the flag --cluster-dns)`, severity: 'medium', topics: [] }];
}

/** What leads to cluster DNS: the addresses of its Services and of the cache on the node. */
function rightServers(objects: ClusterObjects, { kubelet, nodeLocal }: DnsReport): ReadonlySet<Address> {
  const services = dnsServices(objects, new Set(kubelet?.clusterDns));
  return new Set([...services.flatMap(addressesOf), ...(nodeLocal?.addresses ?? [])]);
}

function wrongDomain(objects: ClusterObjects, { kubelet }: DnsReport): readonly Mismatch[] {
  const corefile = objects.knowsDnsConfiguration ? clusterCorefile(objects.dnsConfigurations()) : null;
  if (kubelet === null || corefile === null || corefile.problem !== null || corefile.unread.length > 0) return [];
  const zones = corefile.servers.flatMap(({ plugins }) =>
    plugins.flatMap((plugin) => (plugin.kind === 'kubernetes' ? plugin.zones : [])),
  );
  const domain = kubelet.clusterDomain.replace(/\.$/, '').toLowerCase();
  const isAnswered = zones.some((zone) => zone === '.' || domain === zone || domain.endsWith(`.${zone}`));
  if (zones.length === 0 || isAnswered) return [];
  const shown = zones.filter((zone) => !zone.endsWith('arpa'));
  const text = `the kubelet's cluster domain is ${domain}, and CoreDNS answers for ${joined(shown)}`;
  return [{ text, severity: 'high', topics: [] }];
}

interface SeenPod {
  readonly pod: Pod;
  readonly settings: ResolverSettings;
}

/** The pods whose settings were seen. */
function podsSeen(view: NodeView, { pods }: DnsReport): readonly SeenPod[] {
  const seen = new Map(pods.first.map(({ uid, settings }) => [uid, settings]));
  return [...view.objects.podsOn(view.name)].flatMap((pod) => {
    const settings = seen.get(pod.uid);
    return settings === undefined ? [] : [{ pod, settings }];
  });
}

/** Those of them that ask for what the kubelet gives. */
function podsHeld(view: NodeView, dns: DnsReport): readonly SeenPod[] {
  return podsSeen(view, dns).filter(({ pod }) => isHeldToKubelet(pod));
}

function wrongPods(view: NodeView, dns: DnsReport): readonly Mismatch[] {
  const pods = podsSeen(view, dns);
  const right = rightServers(view.objects, dns);
  const long = pods.filter(({ settings }) => settings.nameservers.length > mostServers);
  const held = podsHeld(view, dns);
  const other = held.filter(({ settings }) => !isRight(dns, right, settings.nameservers));
  const given = held.filter((one) => !other.includes(one));
  const many = pods.filter(({ settings }) => settings.search.length > mostDomains);
  return [
    ...ofPods(
      other,
      (settings, names) =>
        `${names} the nameserver ${joined(settings.nameservers)}, not the kubelet's${sinceText(other, given)}`,
    ),
    ...ofPods(
      long,
      (settings, names) => `${names} ${settings.nameservers.length} nameservers, of which three are asked`,
    ),
    ...ofPods(
      many,
      (settings, names) => `${names} more than ${mostDomains} search domains (${settings.search.length})`,
    ),
  ];
}

type Started = readonly { readonly pod: Pod }[];

/** A pod keeps what it was given when it began: whether the kubelet's setting has changed since, others of its node tell. */
function sinceText(other: Started, given: Started): string {
  const timesOf = (pods: Started) =>
    pods.map(({ pod: { startedAt, createdAt } }) => startedAt ?? createdAt ?? '').sort();
  const last = timesOf(other).at(-1) ?? '';
  const [first] = timesOf(given);
  if (first === undefined || last === '' || first <= last) return '';
  return `: pods that began until ${last} keep what was given then, those from ${first} on have the kubelet's`;
}

/** The kubelet's, or others that lead to cluster DNS all the same. */
function isRight({ kubelet }: DnsReport, right: ReadonlySet<Address>, servers: readonly Address[]): boolean {
  if (kubelet === null || kubelet.clusterDns.length === 0) return true;
  return servers.every((address) => right.has(address) || kubelet.clusterDns.includes(address));
}

function ofPods(
  found: readonly SeenPod[],
  text: (settings: ResolverSettings, names: string) => string,
): readonly Mismatch[] {
  const [first] = found;
  if (first === undefined) return [];
  const names = joined(found.map(({ pod }) => `${pod.namespace}/${pod.name}`));
  const said = `${counted(found.length, 'pod')} (${names}) ${found.length === 1 ? 'has' : 'have'}`;
  const topics = found.slice(0, 100).map(({ pod }) => podTopic(pod.namespace, pod.name));
  return [{ text: text(first.settings, said), severity: 'medium', topics }];
}
