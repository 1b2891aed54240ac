/** What is walked, once it is known who and what is meant: the family, the node that translates, where packets end. */
import type { Address, Family } from '../../proto/address.ts';
import { type Destination, destinationsOf, usedBy } from './destinations.ts';
import type { Source, Target } from './ends.ts';
import { commonFamily } from './families.ts';
import { type AskedPort, askedPorts } from './frontends.ts';
import { addressOf } from './hops.ts';
import type { DiagnosisInput, Question } from './input.ts';

export type Goal = Exclude<Target, { readonly kind: 'name' }>;

/** What is walked, once it is known who and what is meant. */
export interface Walk {
  readonly source: Source;
  readonly goal: Goal;
  readonly family: Family;
  readonly sourceAddress: Address | null;
  /** The node that the source is on; null = none here, or not known. */
  readonly ownNode: string | null;
  /** The node that translates: the source's own, but for a node port that of the port; null = not known. */
  readonly node: string | null;
  readonly asked: readonly AskedPort[];
  readonly destinations: readonly Destination[];
}

/** What there is to walk between a source and what was asked, a name being resolved already. */
export function walkOf(input: DiagnosisInput, source: Source, goal: Goal, { protocol }: Question): Walk {
  const family = commonFamily(input.objects, source, goal);
  const sourceAddress = addressOf(source, family);
  const node = translatorOf(source, goal);
  const asked = goal.kind === 'service' ? askedPorts(goal, family) : [];
  const all = destinationsOf(goal, { family, protocol: protocol ?? 'tcp' }, input.objects);
  return {
    source,
    goal,
    family,
    sourceAddress,
    ownNode: nodeOf(source),
    node,
    asked,
    destinations: usedBy(input, { source, sourceAddress, target: goal, node }, all),
  };
}

function nodeOf(source: Source): string | null {
  if (source.kind === 'node') return source.node.name;
  return source.kind === 'pod' ? source.pod.nodeName : null;
}

/** A node takes node ports at its own addresses alone: packets to those of another node leave as they are. */
function translatorOf(source: Source, goal: Goal): string | null {
  const at = goal.kind === 'service' ? goal.at : null;
  return typeof at === 'object' && at !== null ? at.nodePortOf.name : nodeOf(source);
}
