/** What a check found, and the same with identity. */
import type { FrontendKey } from '../../proto/forwarding.ts';

/** From the pod's interface up: what a layer rests on comes before it. */
export const layers = ['L1', 'L2', 'L3', 'L4', 'L5'] as const;
export type Layer = (typeof layers)[number];

/** Most urgent first. */
export const severities = ['critical', 'high', 'medium', 'low'] as const;
export type Severity = (typeof severities)[number];

/** What a finding is about. `port` is the Service port's name (may be empty) or the frontend's text. */
export type Subject =
  | {
      readonly kind: 'Service';
      readonly namespace: string;
      readonly name: string;
      readonly port: string;
      readonly protocol: string;
    }
  /** A frontend whose owner is not known: `tcp 10.96.0.1:443`. */
  | { readonly kind: 'Frontend'; readonly name: string; readonly port: string; readonly protocol: string }
  | { readonly kind: 'Node'; readonly name: string }
  | { readonly kind: 'Pod'; readonly namespace: string; readonly name: string }
  | { readonly kind: 'NetworkPolicy'; readonly namespace: string; readonly name: string }
  /** A network link of the finding's node. */
  | { readonly kind: 'Link'; readonly name: string }
  /** Another node, as the finding's node reaches it: its name, or the address of a router that is no Node. */
  | { readonly kind: 'Peer'; readonly name: string }
  | { readonly kind: 'Address'; readonly name: string }
  /** One thing on a node: a base jump, a chain, a rule. */
  | { readonly kind: 'Rule'; readonly name: string }
  | { readonly kind: 'Cluster'; readonly name: string };

/** Typed evidence; every string is shown as text. */
export type Evidence =
  | { readonly kind: 'forwarding'; readonly frontend: string; readonly wanted: string; readonly real: string }
  | {
      readonly kind: 'backend';
      readonly frontend: string;
      readonly backend: string;
      readonly state: 'missing' | 'stale';
    }
  | { readonly kind: 'rule'; readonly table: string; readonly rule: string; readonly note: string }
  | { readonly kind: 'fact'; readonly name: string; readonly value: string };

/** A command or an act that mends it, and what it will do. */
export interface Remedy {
  readonly command: string;
  readonly effect: string;
}

export interface Violation {
  readonly subject: Subject;
  /** One sentence, shown alone: says what is wrong, where. */
  readonly summary: string;
  readonly evidence: readonly Evidence[];
  readonly remediation: readonly Remedy[];
  /** The frontends this violation speaks of. */
  readonly frontends: readonly FrontendKey[];
  /**
   * The frontends whose drift this violation accounts for: their other violations become its children.
   * Absent: it explains nothing.
   */
  readonly explains?: readonly FrontendKey[] | 'all';
  /** What else it speaks of, beside frontends (topics.ts of the checks): `pod shop/web-0`, `peer node-b`. */
  readonly topics?: readonly string[];
  /** The topics whose other violations on this node follow from this one; `all`: whatever they speak of. */
  readonly explainsTopics?: readonly string[] | 'all';
  /** Pods by which it came about. Where findings of nodes explain each of them, that of the first is the cause. */
  readonly stranded?: readonly Stranded[];
  /** Only where it is not the check's own, for a reason that the summary states. */
  readonly severity?: Severity;
  /** `unknown` where the check could not be decided and says so (with a reason in the summary). */
  readonly state?: 'firing' | 'unknown';
  /**
   * Only of cluster checks: the drifts that this violation declares undecided, by node name. They are left out of the
   * nodes' own findings, and the frontends count as unknown (model-disagreement).
   */
  readonly disputes?: ReadonlyMap<string, ReadonlySet<FrontendKey>>;
}

/** Pods of one node that cannot be reached. */
export interface Stranded {
  readonly node: string;
  /** Of the pods, as far as a fault of single pods explains it. */
  readonly topics: readonly string[];
  /** The nodes that hear nothing from them, and the topic of their ways to this node; null = they wait for a network. */
  readonly unheard: { readonly by: readonly string[]; readonly peer: string } | null;
}

export interface Finding {
  /** Hash of check id, node (or cluster) and subject; 16 hexadecimal digits. */
  readonly fingerprint: string;
  readonly check: string;
  readonly layer: Layer;
  readonly severity: Severity;
  readonly state: 'pending' | 'firing' | 'resolved' | 'gone' | 'unknown' | 'suppressed';
  /** The node's name; null for a finding of the whole cluster. */
  readonly node: string | null;
  readonly subject: Subject;
  /** Fingerprint of the cause, null where this is one. */
  readonly parent: string | null;
  readonly summary: string;
  readonly evidence: readonly Evidence[];
  readonly remediation: readonly Remedy[];
}

/** What a finding is about, in one word: `shop/web:http`, `kube-system/kube-dns:dns/udp`, `tcp 10.96.0.1:443`, `node-b`. */
export function subjectText(subject: Subject): string {
  switch (subject.kind) {
    case 'Service': {
      const port = subject.port === '' ? '' : `:${subject.port}`;
      const protocol = subject.protocol.toLowerCase() === 'tcp' ? '' : `/${subject.protocol.toLowerCase()}`;
      return `${subject.namespace}/${subject.name}${port}${protocol}`;
    }
    case 'Pod':
    case 'NetworkPolicy':
      return `${subject.namespace}/${subject.name}`;
    case 'Frontend':
    case 'Node':
    case 'Link':
    case 'Peer':
    case 'Address':
    case 'Rule':
    case 'Cluster':
      return subject.name;
  }
}
