/** What the running aggregator knows, as its shells show it: HTTP, metrics, events. */
import type { WayFailure, WayKind } from '../../proto/ways.ts';
import type { DiagnosisAnswer, DiagnosisQuestion } from './diagnosis.ts';
import type { Matrix, MatrixGrid, MatrixQuestion } from './matrix.ts';
import type { PolicyAnswer, PolicyQuestion } from './policy.ts';
import type { LayerStatus, NodeStatus } from './node-status.ts';
import type { TrackedFinding, Transition } from './lifecycle.ts';

/** One node, as the aggregator knows it now. Times are RFC 3339, UTC. */
export interface NodeRecord extends NodeStatus {
  readonly uid: string | null;
  /** `reporting`, `late` (silent for 30 s), `silent` (for 45 s and more), or `never` since the aggregator started. */
  readonly agent: 'reporting' | 'late' | 'silent' | 'never';
  /** When the last message of its agent came; null = never. */
  readonly lastHeardAt: string | null;
  /** When the newest reading was taken, by the aggregator's clock; null = none. */
  readonly lastReadingAt: string | null;
  /** Seconds between two readings, as the agent chose them; null = not told. */
  readonly readingIntervalSeconds: number | null;
  readonly agentVersion: string | null;
  readonly kubeProxyVersion: string | null;
  /** Why the node, or a part of it, is unknown. */
  readonly unknownBecause: readonly string[];
  /** The layers that have checks; empty before the first look. */
  readonly layers: readonly LayerStatus[];
  /** The node shows the state of this time: every stale entry was wanted until then. Null = it is in sync, or not dated. */
  readonly showsStateOf: string | null;
  readonly findings: { readonly firing: number; readonly pending: number };
  /** The agent's own figures, from its last heartbeat; null = none. */
  readonly agentMetrics: AgentFigures | null;
  /** The ways by which its agent may reach the aggregator, as it told them last; empty = not told. */
  readonly ways: readonly AgentWay[];
  /** One sentence where the Service's address fails on this node and another way works; null otherwise. */
  readonly waysSentence: string | null;
}

/** One way of an agent to the aggregator, by the agent's word. Times are RFC 3339, UTC. */
export interface AgentWay {
  readonly address: string;
  readonly kind: WayKind;
  /** The agent's stream goes over it. */
  readonly inUse: boolean;
  /** When a connection over it worked last; null = never since the agent started. */
  readonly lastWorkedAt: string | null;
  /** When one failed last; null = never since the agent started. */
  readonly lastFailedAt: string | null;
  /** Since when none works; null = the last one worked, or there was none. */
  readonly failingSince: string | null;
  /** Why the last one failed; null = none did, or the reason has no word here. */
  readonly reason: WayFailure | null;
}

/** One part of a node's newest report. */
export interface PartRecord {
  readonly name: string;
  readonly state: 'ok' | 'failed' | 'absent';
  /** By the node's clock; null where there is nothing. */
  readonly collectedAt: string | null;
  /** Why it failed; null otherwise. */
  readonly reason: string | null;
}

/** What kube-proxy says of itself, which is no proof of what the kernel does. */
export interface KubeProxyWord {
  readonly healthz: string;
  readonly livez: string;
  readonly lastSyncAt: string | null;
  /** When it last heard of a change. */
  readonly lastQueuedAt: string | null;
  /** Rules that it believes to be there, of all tables; null = it counts none. */
  readonly believedRules: number | null;
  /** Questions that it did not answer. */
  readonly problems: readonly string[];
}

/** One line about how a node is wired, as it reports it itself. */
export interface NetworkFact {
  readonly layer: 'L1' | 'L2';
  /** `links`, `BGP`. */
  readonly name: string;
  /** At most 300 characters. */
  readonly value: string;
}

/** One node with the parts of its newest report. */
export interface NodeDetail extends NodeRecord {
  readonly parts: readonly PartRecord[];
  readonly network: readonly NetworkFact[];
  /** Null where it says nothing. */
  readonly kubeProxy: KubeProxyWord | null;
}

/** An agent's own word about itself. */
export interface AgentFigures {
  readonly rssBytes: number;
  readonly childPeakBytes: number;
  readonly cpuSeconds: number;
  readonly uptimeSeconds: number;
  readonly readings: number;
  readonly unchangedReadings: number;
  readonly failedReadings: number;
  readonly lastReadingSeconds: number;
  readonly intervalSeconds: number;
  readonly hints: number;
  readonly reconnects: number;
  readonly refusedCommands: number;
  /** What tells the agent of changes between readings: `nft-generation`, `kube-proxy-sync`. */
  readonly hintSources: readonly string[];
  /** Lines of its file of addresses that are none. */
  readonly badAddressLines: number;
}

/** One Service, and which nodes have which version of it. */
export interface ServiceRecord {
  readonly namespace: string;
  readonly name: string;
  readonly type: string;
  readonly clusterIPs: readonly string[];
  /** `http 80/TCP`, `443/TCP node port 30443`. */
  readonly ports: readonly string[];
  /** When the API last changed it or its endpoints, as far as this aggregator saw it. */
  readonly changedAt: string | null;
  readonly nodes: ServiceNodeCounts;
  readonly findings: { readonly firing: number; readonly pending: number };
}

/** Nodes by what they do with a Service; the five add up to the nodes of the API. */
export interface ServiceNodeCounts {
  readonly inSync: number;
  /** They show a state that was wanted a moment ago, inside the grace time. */
  readonly converging: number;
  readonly drifted: number;
  readonly unknown: number;
  readonly total: number;
}

/** The versions of a Service among the nodes. */
export interface ServiceDetail extends ServiceRecord {
  /** One for each frontend, `tcp 10.96.0.1:443`. */
  readonly frontends: readonly {
    readonly frontend: string;
    readonly kind: string;
    /** Nodes that do the same with it, most of them first. */
    readonly versions: readonly {
      readonly verdict: 'in-sync' | 'converging' | 'drifted' | 'unknown';
      /** What these nodes do: `forward to 10.244.1.2:8080, 10.244.1.3:8080`. */
      readonly does: string;
      /** `the state of 14:02:11` or the like, where they show a past desired state. */
      readonly showsStateOf: string | null;
      /** Their number, and the names of at most 100. */
      readonly count: number;
      readonly nodes: readonly string[];
    }[];
  }[];
}

/** Whether the aggregator can do its work, each fact with its reason. */
export interface Readiness {
  readonly ready: boolean;
  /** `watch of services: not synced yet`, `journal: disk full`. Empty when ready. */
  readonly because: readonly string[];
}

/** One figure for /metrics. Every shell and the engine tell theirs in this form; prom-client stays in `http`. */
export interface Figure {
  /** With the prefix `plumbline_`; counters end in `_total`. */
  readonly name: string;
  readonly help: string;
  readonly kind: 'gauge' | 'counter';
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What happened, for subscribers (SSE). */
export type AuditEvent =
  /** `finding` is null where it was withdrawn. */
  | { readonly kind: 'finding'; readonly transition: Transition; readonly finding: TrackedFinding | null }
  | { readonly kind: 'node'; readonly node: NodeRecord };

/** What the shells may ask the engine. Every answer is of one moment; nothing here changes anything. */
export interface AuditRecord {
  nodes(): readonly NodeRecord[];
  node(name: string): NodeDetail | null;
  /** Every finding that has not ended, most urgent first. */
  findings(): readonly TrackedFinding[];
  services(): readonly ServiceRecord[];
  service(namespace: string, name: string): ServiceDetail | null;
  /** Which layer broke first between two ends. */
  diagnose(question: DiagnosisQuestion): DiagnosisAnswer;
  /** Whether NetworkPolicies let one end reach another. */
  policy(question: PolicyQuestion): PolicyAnswer;
  /** Who reaches whom; worked out a row at a time, and kept for some seconds. `busy` where too many others ask. */
  matrix(question: MatrixQuestion): Promise<Matrix | 'busy'>;
  /** @param namespace null = all. */
  matrixGrid(namespace: string | null): Promise<MatrixGrid | 'busy'>;
  readiness(): Readiness;
  figures(): readonly Figure[];
  /** @returns what ends the subscription. */
  subscribe(listener: (event: AuditEvent) => void): () => void;
}
