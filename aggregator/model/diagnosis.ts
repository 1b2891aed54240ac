/** The answer to "which layer broke first?" for one pair: a walk from L1 up, in both directions. */
import type { Protocol } from '../../proto/forwarding.ts';
import type { Evidence, Layer, Remedy } from './finding.ts';

export interface DiagnosisQuestion {
  /** A pod, a node or an address: `pod/shop/web-0`. */
  readonly from: string;
  /** The same, a Service (`svc/shop/web:http`) or a DNS name. */
  readonly to: string;
  /** Null = that of `to`, or every port of a Service. */
  readonly port: number | null;
  /** Null = that of the Service's port, else TCP. */
  readonly protocol: Protocol | null;
}

export type DiagnosisAnswer =
  | { readonly ok: true; readonly diagnosis: Diagnosis }
  /** It cannot be asked so; `problem` says why and what would be right, in whole sentences. */
  | { readonly ok: false; readonly parameter: 'from' | 'to' | 'port' | 'protocol'; readonly problem: string };

/** What was asked about, as it was understood. */
export interface DiagnosisEnd {
  /** `pod/shop/web-0`, `node/node-a`, `svc/shop/web:http`, an address, or a DNS name. */
  readonly text: string;
  readonly kind: 'pod' | 'node' | 'service' | 'address' | 'name';
  readonly namespace: string | null;
  readonly name: string;
  readonly addresses: readonly string[];
  /** The node that it is on; null = several, or none. */
  readonly node: string | null;
}

export type StepVerdict =
  | 'pass'
  | 'fail'
  /** It should be known and is not; the sentence says why. */
  | 'unknown'
  /** It does not apply to this pair, or lies behind what failed: a policy means nothing to a pod without a network. */
  | 'not-looked-at';

/** One thing that must be so for the packets to get on. */
export interface DiagnosisStep {
  readonly layer: Layer;
  /** Requests go there, replies come back. */
  readonly direction: 'there' | 'back';
  readonly verdict: StepVerdict;
  /** `the pod's interface`, `route to node-b`, `kube-proxy's rules on node-a`. */
  readonly what: string;
  /** One sentence that stands alone. */
  readonly sentence: string;
  /** The node whose facts say so; null = the API's. */
  readonly node: string | null;
  readonly evidence: readonly Evidence[];
  /** Seconds since the facts behind it were read; null where they have no time (offline audits). */
  readonly ageSeconds: number | null;
  readonly remediation: readonly Remedy[];
  /** Fingerprint and check of the finding that says the same; null = none. */
  readonly finding: { readonly fingerprint: string; readonly check: string } | null;
}

/** One place that the packets pass. */
export interface DiagnosisHop {
  readonly direction: 'there' | 'back';
  readonly node: string | null;
  /** `eth0 of shop/web-0`, `vethd4f1`, `cni0`, `flannel.1`; null where it is not a link. */
  readonly link: string | null;
  /** What happens there: `DNAT 10.96.0.10:53 to 10.244.2.4:53`, `route 10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink`. */
  readonly does: string;
  /** The rule or policy that does it, as it is written; null = none, or not known. */
  readonly rule: string | null;
}

export interface LayerAnswer {
  readonly layer: Layer;
  /** The worst of its steps: fail, unknown, pass, not-looked-at. */
  readonly verdict: StepVerdict;
  readonly sentence: string;
}

export interface Diagnosis {
  readonly from: DiagnosisEnd;
  readonly to: DiagnosisEnd;
  readonly protocol: Protocol;
  /** Null where the target's kind has none, or all of a Service's were asked. */
  readonly port: number | null;
  /** `unknown`: nothing failed, and something could not be told. */
  readonly verdict: 'works' | 'broken' | 'unknown';
  /** One sentence: the first broken layer, where, and why; or that nothing is broken as far as is known. */
  readonly sentence: string;
  readonly firstBroken: { readonly layer: Layer; readonly step: number } | null;
  /** What mends the first broken one. */
  readonly remediation: readonly Remedy[];
  /** L1 to L5, in this order, always five. */
  readonly layers: readonly LayerAnswer[];
  /** By layer, there before back. */
  readonly steps: readonly DiagnosisStep[];
  readonly hops: readonly DiagnosisHop[];
}
