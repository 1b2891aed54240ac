/*
 * CoreDNS that forwards to itself answers nothing that it does not know: each lookup goes round until it times out, or the
 * plugin `loop` notices at the start and ends the process (CrashLoopBackOff). On nodes with systemd-resolved
 * /etc/resolv.conf names 127.0.0.53, which inside the pod is the pod itself (coredns#2087, #2391, #4289, #2795).
 */
import type { Address } from '../../proto/address.ts';
import type { DnsReport } from '../../proto/parts.ts';
import { contains, parsePrefix, prefixSet } from '../../proto/prefixes.ts';
import type { ClusterCheck, ClusterView, NodeView } from '../model/check.ts';
import type { ClusterObjects, Pod, Service } from '../model/cluster.ts';
import type { Violation } from '../model/finding.ts';
import { clusterCorefile, type CorefilePlace, type CorefileServer, type ForwardPlugin } from './shared/corefile.ts';
import { addressesOf, dnsOf, dnsPort, dnsServices, givenServers, readyServers } from './shared/dns.ts';
import { fact } from './shared/evidence.ts';
import { joined } from './shared/words.ts';

export const dnsForwardLoop: ClusterCheck = {
  id: 'dns-forward-loop',
  layer: 'L4',
  scope: 'cluster',
  severity: 'critical',
  title: 'CoreDNS forwards to itself',
  explanation: `What CoreDNS does not know it hands on to the servers of its \`forward\` line. Here that leads back to itself: it forwards to \`/etc/resolv.conf\`, and the file that the kubelet gives its pod names a loopback address (systemd-resolved's 127.0.0.53, which inside the pod is the pod) or cluster DNS; or the line names the DNS Service or a replica. Names outside of the cluster then time out, and with the plugin \`loop\` CoreDNS ends itself at its start.`,
  falsePositives: `What the pod gets is worked out from its dnsPolicy and from what its node told of the kubelet's resolv.conf; where that is not known, nothing is said. Replicas in the network of their node reach its own resolver, and are left out. A zone whose names are rewritten before they go to cluster DNS again is lawful. Lines of the Corefile that could not be read are not guessed.`,
  remediation: `Set \`resolvConf: /run/systemd/resolve/resolv.conf\` in the kubelet's configuration of the named nodes and restart the kubelet and CoreDNS; or name the servers above in the Corefile: \`forward . ADDRESS\`.`,
  needs: ['dns-configuration', 'pods'],
  holdForSeconds: 60,
  clearForSeconds: 30,
  evaluate,
};

const loopback = prefixSet(['127.0.0.0/8', '::1/128'].map(parsePrefix).filter((prefix) => prefix !== null));

/** One way back to itself. */
interface Loop {
  readonly place: CorefilePlace;
  readonly text: string;
}

function evaluate({ nodes, objects }: ClusterView): readonly Violation[] {
  const corefile = clusterCorefile(objects.dnsConfigurations());
  if (corefile === null || corefile.problem !== null) return [];
  const services = dnsServices(objects, givenServers(nodes));
  const loops = corefile.servers.flatMap((server) =>
    server.plugins.flatMap((plugin) => {
      if (plugin.kind !== 'forward') return [];
      const byFile = loopsByFile({ nodes, objects }, services, plugin);
      return comesBackAsAnother(server) ? byFile : [...loopsByAddress(objects, services, plugin), ...byFile];
    }),
  );
  return loops.length === 0 ? [] : [violation(loops)];
}

/** A zone of its own whose names are rewritten before they are handed on: they arrive as others, and are answered. */
function comesBackAsAnother({ zones, plugins }: CorefileServer): boolean {
  return !zones.includes('.') && plugins.some(({ kind }) => kind === 'rewrite');
}

/** The line names the Service, or a replica. */
function loopsByAddress(
  objects: ClusterObjects,
  services: readonly Service[],
  { to, place }: ForwardPlugin,
): readonly Loop[] {
  const own = new Map<Address, string>();
  for (const service of services) {
    const name = `${service.namespace}/${service.name}`;
    for (const address of addressesOf(service)) own.set(address, `the Service ${name} itself`);
    for (const { address, port } of readyServers(objects.endpointSlices(service.namespace, service.name), service)) {
      if (port === dnsPort) own.set(address, `a replica of ${name}`);
    }
  }
  return to.flatMap((target) => {
    const what = target.kind === 'server' && target.port === dnsPort ? own.get(target.address) : undefined;
    return what === undefined || target.kind !== 'server'
      ? []
      : [{ place, text: `forwards to ${target.address}, ${what}` }];
  });
}

/** The file that the line names is the one of the pod, which its kubelet made. */
function loopsByFile(
  { nodes, objects }: ClusterView,
  services: readonly Service[],
  { to, place }: ForwardPlugin,
): readonly Loop[] {
  if (!to.some((target) => target.kind === 'file' && target.path === '/etc/resolv.conf')) return [];
  const views = new Map(nodes.map((view) => [view.name, view]));
  return services.flatMap((service) =>
    replicas(objects, service).flatMap((pod) => {
      const why = whyLoops(pod, views.get(pod.nodeName ?? ''), service);
      return why === null ? [] : [{ place, text: `${pod.namespace}/${pod.name}: ${why}` }];
    }),
  );
}

function replicas(objects: ClusterObjects, { namespace, selector }: Service): readonly Pod[] {
  if (selector === null) return [];
  return [...objects.podsIn(namespace)].filter(
    ({ labels, hostNetwork, terminating, phase }) =>
      !hostNetwork &&
      !terminating &&
      phase !== 'Succeeded' &&
      phase !== 'Failed' &&
      Object.entries(selector).every(([key, value]) => labels[key] === value),
  );
}

function whyLoops({ dns, nodeName }: Pod, view: NodeView | undefined, service: Service): string | null {
  const policy = dns?.policy ?? 'ClusterFirst';
  const own = dns?.nameservers ?? [];
  if (policy === 'ClusterFirst' || policy === 'ClusterFirstWithHostNet') {
    return `its dnsPolicy is ${policy}, so its /etc/resolv.conf names cluster DNS`;
  }
  const given = policy === 'None' ? own : [...own, ...(upstreamOf(view) ?? [])];
  const back = given.find((address) => contains(loopback, address) || addressesOf(service).includes(address));
  return back === undefined ? null : `the resolv.conf that ${nodeName} gives it names ${back}`;
}

/** The file that the kubelet hands on; the node's own only where the kubelet's is not another one. */
function upstreamOf(view: NodeView | undefined): readonly Address[] | null {
  const dns: DnsReport | null = view === undefined ? null : dnsOf(view);
  if (dns === null) return null;
  if (dns.kubelet?.upstream) return dns.kubelet.upstream.nameservers;
  const isNodes = dns.kubelet?.resolvConf === '/etc/resolv.conf';
  return isNodes ? (dns.node?.settings.nameservers ?? null) : null;
}

function violation(loops: readonly Loop[]): Violation {
  const [first] = loops;
  return {
    subject: { kind: 'Cluster', name: 'cluster DNS' },
    summary: `CoreDNS forwards to itself (${first?.place.file} line ${first?.place.line}): ${first?.text}${loops.length > 1 ? `; and ${loops.length - 1} more` : ''}.`,
    evidence: loops.slice(0, 10).map(({ place, text }) => fact(`${place.file} line ${place.line}`, text)),
    remediation: [
      {
        command: 'kubectl -n kube-system edit configmap coredns',
        effect: `There name the servers above: \`forward . ADDRESS\` in place of what leads back (${joined(loops.map(({ place }) => `line ${place.line}`))}).`,
      },
    ],
    frontends: [],
  };
}
