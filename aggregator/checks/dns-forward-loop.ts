/*
 * CoreDNS that forwards to itself answers nothing that it does not know: each lookup goes round until it times out, or the
 * plugin `loop` notices at the start and ends the process (CrashLoopBackOff). On nodes with systemd-resolved
 * /etc/resolv.conf names 127.0.0.53, which inside the pod is the pod itself (coredns#2087, #2391, #4289, #2795).
 */
import type { Address } from '../../proto/address.ts';
import type { ClusterCheck, ClusterView, NodeView } from '../model/check.ts';
import type { ClusterObjects, Pod, Service } from '../model/cluster.ts';
import type { Violation } from '../model/finding.ts';
import { clusterCorefile, type CorefilePlace, type CorefileServer, type ForwardPlugin } from './shared/corefile.ts';
import { addressesOf, dnsPort, dnsServices, givenServers, readyServers } from './shared/dns.ts';
import { handedOn, isLoopback } from './shared/dns-upstreams.ts';
import { fact } from './shared/evidence.ts';
import { outsideNamesTopic, podTopic } from './shared/topics.ts';
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
  needs: ['dns', 'dns-configuration', 'pods'],
  holdForSeconds: 60,
  clearForSeconds: 30,
  evaluate,
};

/** One way back to itself. */
interface Loop {
  readonly place: CorefilePlace;
  readonly text: string;
  /** The replicas that it leads back to themselves. */
  readonly pods: readonly Pod[];
  /** It takes every name that CoreDNS does not know, and no server beside it is asked. */
  readonly isOfAllNames: boolean;
  /** The plugin `loop` notices, and ends the process at its start. */
  readonly endsItself: boolean;
}

function evaluate({ nodes, objects }: ClusterView): readonly Violation[] {
  const corefile = clusterCorefile(objects.dnsConfigurations());
  if (corefile === null || corefile.problem !== null) return [];
  const services = dnsServices(objects, givenServers(nodes));
  const all = services.flatMap((service) => replicas(objects, service));
  const loops = corefile.servers.flatMap((server) =>
    server.plugins.flatMap((plugin) => {
      if (plugin.kind !== 'forward') return [];
      const byFile = loopsByFile({ nodes, objects }, services, plugin);
      const byAddress = comesBackAsAnother(server) ? [] : loopsByAddress(objects, services, plugin);
      const isOfTheRest = plugin.from === '.' && server.zones.includes('.') && plugin.to.length === 1;
      const hasLoopPlugin = server.plugins.some(({ kind }) => kind === 'loop');
      return [...byAddress.map((loop) => ({ ...loop, pods: all, isOnly: true })), ...byFile].map((loop) => {
        const isOfAllNames = isOfTheRest && loop.isOnly;
        return { ...loop, isOfAllNames, endsItself: isOfAllNames && hasLoopPlugin };
      });
    }),
  );
  return loops.length === 0 ? [] : [violation(loops, all)];
}

type FoundLoop = Pick<Loop, 'place' | 'text'>;
/** `isOnly`: the file names no other server. */
type FileLoop = Pick<Loop, 'place' | 'text' | 'pods'> & { readonly isOnly: boolean };

/** A zone of its own whose names are rewritten before they are handed on: they arrive as others, and are answered. */
function comesBackAsAnother({ zones, plugins }: CorefileServer): boolean {
  return !zones.includes('.') && plugins.some(({ kind }) => kind === 'rewrite');
}

/** The line names the Service, or a replica. */
function loopsByAddress(
  objects: ClusterObjects,
  services: readonly Service[],
  { to, place }: ForwardPlugin,
): readonly FoundLoop[] {
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
): readonly FileLoop[] {
  if (!to.some((target) => target.kind === 'file' && target.path === '/etc/resolv.conf')) return [];
  const views = new Map(nodes.map((view) => [view.name, view]));
  return services.flatMap((service) =>
    replicas(objects, service).flatMap((pod) => {
      // In its node's network it reaches the resolver of the node at its loopback address.
      if (pod.hostNetwork) return [];
      const found = whyLoops(pod, views.get(pod.nodeName ?? ''), service);
      if (found === null) return [];
      return [{ place, text: `${pod.namespace}/${pod.name}: ${found.why}`, pods: [pod], isOnly: found.isOnly }];
    }),
  );
}

function replicas(objects: ClusterObjects, { namespace, selector }: Service): readonly Pod[] {
  if (selector === null) return [];
  return [...objects.podsIn(namespace)].filter(
    ({ labels, terminating, phase }) =>
      !terminating &&
      phase !== 'Succeeded' &&
      phase !== 'Failed' &&
      Object.entries(selector).every(([key, value]) => labels[key] === value),
  );
}

function whyLoops(
  { dns, nodeName }: Pod,
  view: NodeView | undefined,
  service: Service,
): { readonly why: string; readonly isOnly: boolean } | null {
  const policy = dns?.policy ?? 'ClusterFirst';
  const own = dns?.nameservers ?? [];
  if (policy === 'ClusterFirst' || policy === 'ClusterFirstWithHostNet') {
    return { why: `its dnsPolicy is ${policy}, so its /etc/resolv.conf names cluster DNS`, isOnly: own.length === 0 };
  }
  const given = policy === 'None' || view === undefined ? own : [...own, ...(handedOn(view) ?? [])];
  const back = given.filter((address) => isLoopback(address) || addressesOf(service).includes(address));
  const [first] = back;
  if (first === undefined) return null;
  return { why: `the resolv.conf that ${nodeName} gives it names ${first}`, isOnly: back.length === given.length };
}

function violation(loops: readonly Loop[], all: readonly Pod[]): Violation {
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
    explainsTopics: explained(loops, all),
  };
}

/** Replicas that end themselves; and, where no replica is without a loop, that names outside do not resolve. */
function explained(loops: readonly Loop[], all: readonly Pod[]): readonly string[] {
  const ofAllNames = new Set(loops.flatMap(({ pods, isOfAllNames }) => (isOfAllNames ? pods : [])));
  const ending = new Set(loops.flatMap(({ pods, endsItself }) => (endsItself ? pods : [])));
  return [
    ...(all.length > 0 && all.every((pod) => ofAllNames.has(pod)) ? [outsideNamesTopic] : []),
    ...[...ending].map(({ namespace, name }) => podTopic(namespace, name)),
  ];
}
