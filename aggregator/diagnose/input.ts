/** All that a diagnosis may see. */
import type { FrontendKey } from '../../proto/forwarding.ts';
import type { RuleLine } from '../../proto/parts.ts';
import type { NodeView } from '../model/check.ts';
import type { ClusterObjects } from '../model/cluster.ts';
import type { Finding } from '../model/finding.ts';

export type { DiagnosisAnswer as Answer, DiagnosisQuestion as Question } from '../model/diagnosis.ts';

/** What is known of a node now. */
export type NodeFacts =
  | {
      readonly isKnown: true;
      readonly view: NodeView;
      /** Seconds since it was read; null where that has no meaning (offline audits). */
      readonly ageSeconds: number | null;
      /** The rules that packets to a frontend meet; null where they are not at hand. */
      readonly explain: ((key: FrontendKey) => readonly RuleLine[]) | null;
    }
  | { readonly isKnown: false; readonly because: string };

export type KnownNode = Extract<NodeFacts, { readonly isKnown: true }>;

export interface DiagnosisInput {
  readonly objects: ClusterObjects;
  node(name: string): NodeFacts;
  /** Those that have not ended. */
  readonly findings: readonly Finding[];
}
