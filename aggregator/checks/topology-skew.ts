/*
 * Hints on endpoints keep traffic in its zone: `trafficDistribution: PreferSameZone` (before: PreferClose) gives each
 * endpoint the hint of its own zone, `service.kubernetes.io/topology-mode: Auto` spreads endpoints over the zones by CPU.
 * kube-proxy heeds them all or not at all: one ready endpoint without a hint, or a node without a zone, and they are
 * passed over in silence (pkg/proxy/topology.go). Heeded, they may send the whole of a zone to one pod
 * (kubernetes#101525, #103888, #119990, #124699; PR#106507).
 */
import type { Family } from '../../proto/address.ts';
import type { ClusterCheck, ClusterView } from '../model/check.ts';
import type { ClusterNode, ClusterObjects, Endpoint, EndpointSlice, Service } from '../model/cluster.ts';
import type { Evidence, Remedy, Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { shellWord } from './shared/remedies.ts';
import { counted, joined } from './shared/words.ts';

const zoneLabel = 'topology.kubernetes.io/zone';
/** Endpoints of one zone beside the single one of another: fewer may well be as asked. */
const manyEndpoints = 3;
/** As many are named. */
const mostNamed = 10;

export const topologySkew: ClusterCheck = {
  id: 'topology-skew',
  layer: 'L3',
  scope: 'cluster',
  severity: 'medium',
  title: 'Topology hints send traffic where nobody would expect it, or are passed over',
  explanation: `Endpoints carry hints for zones, so that traffic stays in its zone. Four things go wrong with them in silence. Some ready endpoints have a hint and others have none: then kube-proxy heeds none of them, on every node. A zone has endpoints of its own, and the hints send its traffic elsewhere. All nodes of a zone send to one endpoint, while several share the work of a zone that is no larger. A node has no label \`${zoneLabel}\`: hints do not count there, and its traffic goes to all zones.`,
  falsePositives: `A zone without endpoints uses all of them, as documented, and is no finding. One endpoint for each zone is what \`trafficDistribution\` asks for: the single endpoint of a zone is told only where another zone, of no more nodes, has at least ${manyEndpoints}. Hints for single nodes (\`PreferSameNode\`) are not weighed. Endpoints that are not ready do not count. While endpoints come and go, hints follow a moment later: it takes five minutes. Nodes that are being removed, or are not ready yet, need no zone: in a cluster that grows all the time there is always one that waits for its labels.`,
  remediation: `Give every node its zone (\`kubectl label node NODE ${zoneLabel}=ZONE\`), and spread the pods over the zones with \`topologySpreadConstraints\`. Or take the preference back, and every node uses every endpoint.`,
  needs: [],
  holdForSeconds: 300,
  clearForSeconds: 60,
  evaluate,
};

/** The zones of the cluster, and how many nodes each has. */
type Zones = ReadonlyMap<string, number>;

/** Something surprising about one Service's hints in one family. */
interface Skew {
  /** Ends a sentence that begins with the Service's name. */
  readonly text: string;
  readonly evidence: readonly Evidence[];
}

function evaluate({ objects }: ClusterView): readonly Violation[] {
  const violations: Violation[] = [];
  let zones: Zones | null = null;
  let hinted = 0;
  for (const service of objects.services()) {
    if (!heedsHints(service)) continue;
    const slices = objects.endpointSlices(service.namespace, service.name);
    if (!slices.some(({ endpoints }) => endpoints.some(hasZoneHint))) continue;
    hinted++;
    zones ??= zonesOf(objects);
    const skews = (['ipv4', 'ipv6'] as const).flatMap(
      (family) => skewOf(readyEndpoints(slices, family), zones ?? new Map(), objects) ?? [],
    );
    const [first] = skews;
    if (first !== undefined) violations.push(violationOf(service, first));
  }
  return hinted === 0 ? [] : [...violations, ...nodesWithoutZone(objects, hinted)];
}

/** Whether any address of it uses endpoints of all nodes: Local policies know no hints. */
function heedsHints(service: Service): boolean {
  const { type, otherProxy, clusterIPs, internalTrafficPolicy, externalTrafficPolicy } = service;
  if (type === 'ExternalName' || otherProxy) return false;
  if (clusterIPs.ipv4 === undefined && clusterIPs.ipv6 === undefined) return false;
  return internalTrafficPolicy === 'Cluster' || (type !== 'ClusterIP' && externalTrafficPolicy === 'Cluster');
}

function hasZoneHint({ ready, zoneHints }: Endpoint): boolean {
  return ready && zoneHints.length > 0;
}

/** Each address once: slices of several ports repeat them. */
function readyEndpoints(slices: readonly EndpointSlice[], family: Family): readonly Endpoint[] {
  const endpoints = slices.filter((slice) => slice.family === family).flatMap((slice) => slice.endpoints);
  return [...new Map(endpoints.filter(({ ready }) => ready).map((one) => [one.address, one])).values()];
}

function zonesOf(objects: ClusterObjects): Zones {
  const zones = new Map<string, number>();
  for (const { zone } of objects.nodes()) if (zone !== null) zones.set(zone, (zones.get(zone) ?? 0) + 1);
  return zones;
}

function skewOf(endpoints: readonly Endpoint[], zones: Zones, objects: ClusterObjects): Skew | null {
  const without = endpoints.filter(({ zoneHints }) => zoneHints.length === 0);
  const areForNodes = endpoints.every(({ nodeHints }) => nodeHints.length > 0);
  if (endpoints.length === 0 || without.length === endpoints.length || areForNodes) return null;
  if (without.length > 0) return passedOver(endpoints.length, without, objects);
  return sentAway(endpoints, zones, objects) ?? crowded(endpoints, zones);
}

/** Some have a hint, others do not. */
function passedOver(all: number, without: readonly Endpoint[], objects: ClusterObjects): Skew {
  return {
    text: `has zone hints that no node heeds: ${without.length} of its ${counted(all, 'ready endpoint')} ${without.length === 1 ? 'has' : 'have'} none`,
    evidence: without
      .slice(0, mostNamed)
      .map(({ address, nodeName }) => fact('without a hint', `${address} ${placeText(nodeName, objects)}`)),
  };
}

function placeText(nodeName: string | null, objects: ClusterObjects): string {
  if (nodeName === null) return 'on no node';
  const zone = objects.node(nodeName)?.zone ?? null;
  return `on ${nodeName}, ${zone === null ? 'which has no zone' : `in ${zone}`}`;
}

/** A zone has endpoints of its own, and no hint names it. */
function sentAway(endpoints: readonly Endpoint[], zones: Zones, objects: ClusterObjects): Skew | null {
  const named = new Set(endpoints.flatMap(({ zoneHints }) => zoneHints));
  for (const zone of [...zones.keys()].sort()) {
    if (named.has(zone)) continue;
    const own = endpoints.filter(({ nodeName }) => nodeName !== null && objects.node(nodeName)?.zone === zone);
    if (own.length === 0) continue;
    return {
      text: `has ${counted(own.length, 'ready endpoint')} in ${zone}, and no hint for ${zone}: its nodes use those of all zones`,
      evidence: own
        .slice(0, mostNamed)
        .map(({ address, zoneHints }) => fact(`in ${zone}: ${address}`, `hint for ${joined(zoneHints)}`)),
    };
  }
  return null;
}

/** All nodes of a zone use one endpoint, where a zone of no more nodes has many. */
function crowded(endpoints: readonly Endpoint[], zones: Zones): Skew | null {
  const shares = [...zones].map(([zone, nodes]) => ({
    zone,
    nodes,
    count: endpoints.filter(({ zoneHints }) => zoneHints.includes(zone)).length,
  }));
  const one = shares.filter(({ count }) => count === 1).sort((a, b) => b.nodes - a.nodes)[0];
  const many = shares.filter(({ count }) => count >= manyEndpoints).sort((a, b) => b.count - a.count)[0];
  if (one === undefined || many === undefined || one.nodes < many.nodes) return null;
  return {
    text: `sends all of ${one.zone} (${counted(one.nodes, 'node')}) to one endpoint, while ${many.count} share the work of ${many.zone} (${counted(many.nodes, 'node')})`,
    evidence: shares.map(({ zone, nodes, count }) =>
      fact(zone, `${counted(nodes, 'node')}, ${counted(count, 'endpoint')} hinted`),
    ),
  };
}

function violationOf({ namespace, name }: Service, { text, evidence }: Skew): Violation {
  const kubectl = `kubectl -n ${shellWord(namespace)}`;
  return {
    subject: { kind: 'Service', namespace, name, port: '', protocol: 'tcp' },
    summary: `${namespace}/${name} ${text}.`,
    evidence,
    remediation: [
      {
        command: `${kubectl} get endpointslices -l kubernetes.io/service-name=${shellWord(name)} -o yaml`,
        effect: 'Shows each endpoint with its zone and its hints.',
      },
      { command: `kubectl get nodes -L ${zoneLabel}`, effect: 'Shows the zone of each node.' },
      {
        command: `${kubectl} patch service ${shellWord(name)} --type merge -p '{"metadata":{"annotations":{"service.kubernetes.io/topology-mode":null}},"spec":{"trafficDistribution":null}}'`,
        effect: 'Takes the preference back, in whichever way it was asked for: every node uses every endpoint.',
      },
    ],
    frontends: [],
  };
}

/** One finding for all nodes without a zone. @param hinted Services whose hints they pass over. */
function nodesWithoutZone(objects: ClusterObjects, hinted: number): readonly Violation[] {
  const nodes = [...objects.nodes()].filter(({ zone, leaving, ready }) => zone === null && !leaving && ready !== false);
  if (nodes.length === 0) return [];
  const names = nodes.map(({ name }) => name).sort();
  const have = nodes.length === 1 ? 'has' : 'have';
  return [
    {
      subject: { kind: 'Cluster', name: 'nodes without a zone' },
      summary: `${joined(names)} ${have} no zone, so that the hints of ${counted(hinted, 'Service')} do not count there: traffic goes to all zones.`,
      evidence: names.slice(0, mostNamed).map((name) => fact(name, `no label ${zoneLabel}`)),
      remediation: zoneRemedies(nodes),
      frontends: [],
    },
  ];
}

function zoneRemedies(nodes: readonly ClusterNode[]): readonly Remedy[] {
  return nodes.slice(0, mostNamed).map(({ name }) => ({
    command: `kubectl label node ${shellWord(name)} ${zoneLabel}=ZONE`,
    effect: `Says where ${name} is; ZONE is the name of its zone, as other nodes have it.`,
  }));
}
