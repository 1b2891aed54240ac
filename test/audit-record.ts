/** What a running aggregator knows, for tests of those who show it: HTTP, metrics, events, the command line. */
import type { DiagnosisAnswer } from '../aggregator/model/diagnosis.ts';
import type { Matrix, MatrixGrid } from '../aggregator/model/matrix.ts';
import type { PolicyAnswer } from '../aggregator/model/policy.ts';
import type { TrackedFinding } from '../aggregator/model/lifecycle.ts';
import type {
  AuditEvent,
  AuditRecord,
  Figure,
  NodeRecord,
  Readiness,
  ServiceDetail,
} from '../aggregator/model/record.ts';
import { finding, node } from './report-builders.ts';

/** The moment at which tests of what is shown take place. */
export const noon = Date.parse('2026-11-22T12:00:00.000Z');

/** `minutesAgo(3)`: 11:57 as the API writes it. */
export function minutesAgo(minutes: number): string {
  return new Date(noon - minutes * 60_000).toISOString();
}

/** A finding on node-b that fired five minutes ago: `tracked('stale-endpoint', { severity: 'high' })`. */
export function tracked(check: string, changes: Partial<TrackedFinding> = {}): TrackedFinding {
  return {
    ...finding(check),
    episode: 1,
    nodeUid: 'uid-of-node-b',
    since: minutesAgo(10),
    shows: null,
    pendingAt: minutesAgo(6),
    firedAt: minutesAgo(5),
    endedAt: null,
    lastSeenAt: minutesAgo(0),
    knownState: 'firing',
    unknownBecause: null,
    acceptedUntil: null,
    clean: null,
    readings: 2,
    lastReading: 'epoch-1/7',
    group: `${check} of shop/web`,
    frontends: [],
    ...changes,
  };
}

/** A healthy node that reported half a minute ago: `nodeRecord('node-a', { state: 'unknown' })`. */
export function nodeRecord(name: string, changes: Partial<NodeRecord> = {}): NodeRecord {
  return {
    ...node(name),
    uid: `uid-of-${name}`,
    agent: 'reporting',
    lastHeardAt: minutesAgo(0),
    lastReadingAt: minutesAgo(0.5),
    readingIntervalSeconds: 30,
    agentVersion: '0.2.0',
    kubeProxyVersion: 'v1.36.2',
    unknownBecause: [],
    layers: (['L1', 'L2', 'L3'] as const).map((layer) => ({ layer, state: 'known', because: [] })),
    showsStateOf: null,
    findings: { firing: 0, pending: 0 },
    agentMetrics: null,
    ways: [],
    waysSentence: null,
    ...changes,
  };
}

/** A Service in sync on three nodes: `serviceDetail('shop/web', { type: 'NodePort' })`. */
export function serviceDetail(name: string, changes: Partial<ServiceDetail> = {}): ServiceDetail {
  const [namespace = '', plain = ''] = name.split('/');
  const nodes = ['node-a', 'node-b', 'node-c'];
  const does = 'forward to 10.244.1.2:8080';
  return {
    namespace,
    name: plain,
    type: 'ClusterIP',
    clusterIPs: ['10.96.0.1'],
    ports: ['http 80/TCP'],
    changedAt: minutesAgo(90),
    nodes: { inSync: 3, converging: 0, drifted: 0, unknown: 0, total: 3 },
    findings: { firing: 0, pending: 0 },
    frontends: [
      {
        frontend: 'tcp 10.96.0.1:80',
        kind: 'clusterIP',
        versions: [{ verdict: 'in-sync', does, showsStateOf: null, count: 3, nodes }],
      },
    ],
    ...changes,
  };
}

/** What the record says now; a test may change it. */
export interface RecordSketch {
  nodes: readonly NodeRecord[];
  findings: readonly TrackedFinding[];
  services: readonly ServiceDetail[];
  readiness: Readiness;
  figures: readonly Figure[];
  /** What it answers to every question. */
  diagnosis: DiagnosisAnswer;
  policy: PolicyAnswer;
  matrix: Matrix;
  grid: MatrixGrid;
}

export interface FakeRecord extends AuditRecord {
  readonly says: RecordSketch;
  /** Tells all subscribers. */
  tell(event: AuditEvent): void;
  readonly subscribers: () => number;
}

/** A record that says this, and else that there is nothing and that it is ready. */
export function auditRecord(sketch: Partial<RecordSketch> = {}): FakeRecord {
  const listeners = new Set<(event: AuditEvent) => void>();
  const says: RecordSketch = {
    nodes: [],
    findings: [],
    services: [],
    readiness: { ready: true, because: [] },
    figures: [],
    diagnosis: { ok: false, parameter: 'from', problem: 'The API knows no such pod.' },
    policy: { ok: false, parameter: 'from', problem: 'The API server knows no such Pod.' },
    matrix: { workloads: [], pairs: [], total: 0, notJudged: [], unknownBecause: [] },
    grid: { rows: [], columns: [], cells: [], hidden: 0, notJudged: [], unknownBecause: [] },
    ...sketch,
  };
  return {
    says,
    nodes: () => says.nodes,
    node: (name) => {
      const known = says.nodes.find((one) => one.name === name);
      return known === undefined ? null : { parts: [], network: [], kubeProxy: null, ...known };
    },
    findings: () => says.findings,
    services: () => says.services,
    service: (namespace, name) => says.services.find((one) => one.namespace === namespace && one.name === name) ?? null,
    diagnose: () => says.diagnosis,
    policy: () => says.policy,
    matrix: async () => says.matrix,
    matrixGrid: async () => says.grid,
    readiness: () => says.readiness,
    figures: () => says.figures,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
    tell: (event) => {
      for (const listener of listeners) listener(event);
    },
    subscribers: () => listeners.size,
  };
}
