/** What is walked, once it is known who and what is meant: the family, the node that translates, where packets end. */
import type { Address, Family } from '../../proto/address.ts';
import type { FrontendKey, Protocol } from '../../proto/forwarding.ts';
import { type Destination, destinationsOf, usedBy } from './destinations.ts';
import type { Source, Target } from './ends.ts';
import { commonFamily } from './families.ts';
import { type AskedPort, askedPorts } from './frontends.ts';
import { addressOf } from './hops.ts';
import type { DiagnosisInput, Question } from './input.ts';
import { leftFrontend } from './stray-addresses.ts';

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
  /** Where packets meet rules that no Service asks for any more, the node that has them and their frontend. */
  readonly left: { readonly node: string; readonly key: FrontendKey } | null;
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
    left: leftOf(input, goal, { node, family, protocol: protocol ?? 'tcp' }),
    destinations: usedBy(input, { source, sourceAddress, target: goal, node }, all),
  };
}

/** A node port is met on the node that is asked, an address of a Service on the source's own. */
function leftOf(
  input: DiagnosisInput,
  goal: Goal,
  { node, ...how }: { readonly node: string | null; readonly family: Family; readonly protocol: Protocol },
): Walk['left'] {
  const asked = leftAt(goal);
  const on = asked?.address === 'node' && goal.kind === 'node' ? goal.node.name : node;
  if (asked === null || on === null) return null;
  const key = leftFrontend(input, on, { ...asked, ...how });
  return key === null ? null : { node: on, key };
}

function leftAt(goal: Goal): { readonly address: Address | 'node'; readonly port: number | null } | null {
  switch (goal.kind) {
    case 'address':
      return { address: goal.address, port: goal.port };
    case 'node':
      return goal.port === null ? null : { address: 'node', port: goal.port };
    case 'service':
      return goal.lacks !== undefined && typeof goal.at === 'string'
        ? { address: goal.at, port: goal.lacks.port }
        : null;
    case 'pod':
      return null;
  }
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
