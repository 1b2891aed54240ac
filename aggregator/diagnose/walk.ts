/** What is walked, once it is known who and what is meant: the family, the node that translates, where packets end. */
import { type Address, type Family, familyOf } from '../../proto/address.ts';
import { type Destination, destinationsOf, usedBy } from './destinations.ts';
import type { ServiceTarget, Source, Target } from './ends.ts';
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
  const family = commonFamily(input, source, goal);
  const node = translatorOf(source, goal);
  const asked = goal.kind === 'service' ? askedPorts(goal, family) : [];
  const all = destinationsOf(goal, { family, protocol: protocol ?? 'tcp' }, input.objects);
  return {
    source,
    goal,
    family,
    sourceAddress: addressOf(source, family),
    ownNode: nodeOf(source),
    node,
    asked,
    destinations: usedBy(input, { source, target: goal, node }, all),
  };
}

/** Of the source's families the first that the target has, too; where there is none, the target's own. */
function commonFamily({ objects }: DiagnosisInput, source: Source, goal: Goal): Family {
  const own = familiesOf(addressesOf(source));
  const theirs = goal.kind === 'service' ? serviceFamilies(goal, objects) : familiesOf(addressesOf(goal));
  return own.find((family) => theirs.includes(family)) ?? theirs[0] ?? own[0] ?? 'ipv4';
}

function addressesOf(end: Source | Exclude<Goal, ServiceTarget>): readonly Address[] {
  switch (end.kind) {
    case 'pod':
      return end.pod.addresses;
    case 'node':
      return end.node.addresses;
    case 'address':
      return [end.address];
  }
}

function familiesOf(addresses: readonly Address[]): readonly Family[] {
  return [...new Set(addresses.map(familyOf))];
}

function serviceFamilies({ service, at }: ServiceTarget, objects: DiagnosisInput['objects']): readonly Family[] {
  if (typeof at === 'string') return [familyOf(at)];
  const own = (['ipv4', 'ipv6'] as const).filter((family) => service.clusterIPs[family] !== undefined);
  if (own.length > 0) return own;
  return [...new Set(objects.endpointSlices(service.namespace, service.name).map(({ family }) => family))];
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
