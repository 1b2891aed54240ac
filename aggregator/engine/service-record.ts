/** One Service, as the shells show it: which nodes have which version of it. */
import { entryDigest, routeText } from '../../proto/canonical.ts';
import { type Entry, type FrontendKey, origins } from '../../proto/forwarding.ts';
import type { DesiredBook } from '../audit/desired-book.ts';
import type { Service } from '../model/cluster.ts';
import type { ClusterFeed } from '../model/feeds.ts';
import type { ServiceDetail, ServiceNodeCounts, ServiceRecord } from '../model/record.ts';
import type { LastLook, NodeMemory } from './node-memory.ts';

export interface ServiceSources {
  readonly cluster: ClusterFeed;
  readonly book: DesiredBook;
  /** The nodes of the API. */
  readonly memories: readonly NodeMemory[];
}

type Verdict = 'in-sync' | 'converging' | 'drifted' | 'unknown';
type Version = ServiceDetail['frontends'][number]['versions'][number];

/** So many nodes are named for one version; the others are counted. */
const namedNodes = 100;
/** From the least to the most telling: a node whose one frontend drifts has drifted. */
const gravity: readonly Verdict[] = ['in-sync', 'converging', 'unknown', 'drifted'];

/** Every Service that is served, by namespace and name. */
export function serviceRecords(sources: ServiceSources): readonly ServiceRecord[] {
  const { cluster, memories } = sources;
  const told = new Map<string, Map<string, Verdict>>();
  for (const memory of memories) {
    for (const [key, verdict] of verdictsOf(memory)) {
      const nodes = told.get(key) ?? new Map<string, Verdict>();
      nodes.set(memory.name, verdict);
      told.set(key, nodes);
    }
  }
  const findings = findingsByService(memories);
  return [...cluster.services]
    .filter(([, service]) => isServed(service))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, service]) => recordOf(service, { sources, told: told.get(key), findings: findings.get(key) }));
}

/** One Service with all versions of it; null where the API has none, or no node serves it. */
export function serviceDetail(key: string, sources: ServiceSources): ServiceDetail | null {
  const service = sources.cluster.services.get(key);
  if (service === undefined || !isServed(service)) return null;
  const [record] = serviceRecords({
    ...sources,
    cluster: { ...sources.cluster, services: new Map([[key, service]]) },
  });
  if (record === undefined) return null;
  const frontends = sources.book.frontendsOf(key);
  return {
    ...record,
    frontends: frontends.map(({ key: frontend, kind }) => ({
      frontend,
      kind,
      versions: versionsOf(frontend, sources.memories),
    })),
  };
}

interface Told {
  readonly sources: ServiceSources;
  /** Nodes that are not in sync, by name. */
  readonly told: ReadonlyMap<string, Verdict> | undefined;
  readonly findings: ServiceRecord['findings'] | undefined;
}

function recordOf(service: Service, { sources, told, findings }: Told): ServiceRecord {
  const changed = sources.book.serviceChangedAt(`${service.namespace}/${service.name}`);
  return {
    namespace: service.namespace,
    name: service.name,
    type: service.type,
    clusterIPs: Object.values(service.clusterIPs),
    ports: service.ports.map(({ name, port, protocol, nodePort }) => {
      const named = `${name === '' ? '' : `${name} `}${port}/${protocol.toUpperCase()}`;
      return nodePort === 0 ? named : `${named} node port ${nodePort}`;
    }),
    changedAt: changed === null ? null : new Date(changed).toISOString(),
    nodes: countNodes(sources.memories, told),
    findings: findings ?? { firing: 0, pending: 0 },
  };
}

function countNodes(memories: readonly NodeMemory[], told: Told['told']): ServiceNodeCounts {
  const counts = { 'in-sync': 0, converging: 0, drifted: 0, unknown: 0 };
  for (const memory of memories) counts[isJudged(memory) ? (told?.get(memory.name) ?? 'in-sync') : 'unknown']++;
  const { converging, drifted, unknown } = counts;
  return { inSync: counts['in-sync'], converging, drifted, unknown, total: memories.length };
}

function isServed({ type, clusterIPs, otherProxy }: Service): boolean {
  return type !== 'ExternalName' && !otherProxy && Object.keys(clusterIPs).length > 0;
}

/** Whether both tables of the node were compared. */
function isJudged({ last, frozenBecause }: NodeMemory): boolean {
  return frozenBecause === null && last !== null && last.view.desired !== null && last.view.observed !== null;
}

/** The Services of which a node is not in sync. */
function verdictsOf(memory: NodeMemory): ReadonlyMap<string, Verdict> {
  const verdicts = new Map<string, Verdict>();
  const { last } = memory;
  if (last === null || !isJudged(memory)) return verdicts;
  const note = (key: FrontendKey, verdict: Verdict): void => {
    const owner = last.view.owners.get(key);
    if (owner === undefined) return;
    const service = `${owner.namespace}/${owner.name}`;
    if (gravity.indexOf(verdict) > gravity.indexOf(verdicts.get(service) ?? 'in-sync')) verdicts.set(service, verdict);
  };
  for (const { key, kind } of last.view.drift) note(key, kind === 'unknown' ? 'unknown' : 'drifted');
  for (const key of last.placed.converging) note(key, 'converging');
  return verdicts;
}

function findingsByService(memories: readonly NodeMemory[]): ReadonlyMap<string, ServiceRecord['findings']> {
  const counts = new Map<string, { firing: number; pending: number }>();
  for (const { state, subject } of memories.flatMap(({ open }) => open)) {
    if (subject.kind !== 'Service' || (state !== 'firing' && state !== 'pending')) continue;
    const key = `${subject.namespace}/${subject.name}`;
    const count = counts.get(key) ?? { firing: 0, pending: 0 };
    count[state]++;
    counts.set(key, count);
  }
  return counts;
}

/** Nodes that do the same with a frontend, most of them first. */
function versionsOf(key: FrontendKey, memories: readonly NodeMemory[]): readonly Version[] {
  const groups = Map.groupBy(
    memories.map((memory) => ({ name: memory.name, does: doingOf(key, memory) })),
    ({ does }) => JSON.stringify(does),
  );
  return [...groups.values()]
    .flatMap((nodes): readonly Version[] => {
      const [first] = nodes;
      if (first === undefined) return [];
      const names = nodes.map(({ name }) => name).sort();
      return [{ ...first.does.told, count: names.length, nodes: names.slice(0, namedNodes) }];
    })
    .sort((a, b) => b.count - a.count);
}

interface Doing {
  readonly entry: string;
  readonly told: Pick<Version, 'verdict' | 'does' | 'showsStateOf'>;
}

function doingOf(key: FrontendKey, memory: NodeMemory): Doing {
  const { last } = memory;
  if (last === null || !isJudged(memory)) {
    return { entry: '', told: { verdict: 'unknown', does: 'not known', showsStateOf: null } };
  }
  const entry = last.view.observed?.get(key);
  const past = last.placed.staleness.get(key);
  return {
    entry: entry === undefined ? '' : entryDigest(key, entry.forwarding),
    told: {
      verdict: verdictOn(key, last),
      does: entry === undefined ? 'nothing' : doingText(entry),
      showsStateOf: past?.shows === 'past-state' ? past.until : null,
    },
  };
}

function verdictOn(key: FrontendKey, { view, placed }: LastLook): Verdict {
  if (placed.converging.has(key)) return 'converging';
  const drift = view.drift.find((one) => one.key === key);
  if (drift === undefined) return 'in-sync';
  return drift.kind === 'unknown' ? 'unknown' : 'drifted';
}

/** The routes in words; one for all origins where they agree. */
function doingText({ forwarding }: Entry): string {
  const routes = origins.map((origin) => [origin, routeText(forwarding[origin].route)] as const);
  const [first] = routes;
  if (first !== undefined && routes.every(([, text]) => text === first[1])) return first[1];
  return routes.map(([origin, text]) => `${origin}: ${text}`).join('; ');
}
