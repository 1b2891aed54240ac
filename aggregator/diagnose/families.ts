/** IPv4 and IPv6: which of them both ends have, and what is said where they have none in common. */
import { type Address, type Family, familyOf } from '../../proto/address.ts';
import { shellWord } from '../checks/shared/remedies.ts';
import type { ClusterObjects } from '../model/cluster.ts';
import type { DiagnosisStep } from '../model/diagnosis.ts';
import type { Remedy } from '../model/finding.ts';
import { endLabel } from './end-words.ts';
import { addressesOf, type ServiceTarget, type Source } from './ends.ts';
import { type Place, step } from './step.ts';
import type { Goal } from './walk.ts';

/** Of the source's families the first that the target has, too; where there is none, the target's own. */
export function commonFamily(objects: ClusterObjects, source: Source, goal: Goal): Family {
  const [own, theirs] = [familiesOf(source), goalFamilies(objects, goal)];
  return own.find((family) => theirs.includes(family)) ?? theirs[0] ?? own[0] ?? 'ipv4';
}

/** A step where a node port is asked at an address of a family that its Service has not. */
function doorSteps(goal: Goal): readonly DiagnosisStep[] {
  if (goal.kind !== 'service' || goal.at === null || typeof goal.at === 'string') return [];
  const { by, nodePortOf } = goal.at;
  if (by === undefined || goal.service.clusterIPs[familyOf(by)] !== undefined) return [];
  const [other] = clusterFamilies(goal);
  if (other === undefined) return [];
  const place: Place = { layer: 'L3', direction: 'there', what: 'the node port', node: null, ageSeconds: null };
  const sentence = `${endLabel(goal)} has ${spelt[other]} addresses alone, so its node port is none at ${by}: nobody answers there; ask ${nodePortOf.name} by ${spelt[other]}.`;
  return [step(place, { verdict: 'fail', sentence, remediation: remediesOf(goal) })];
}

/** A step where both ends have addresses and no family in common: no packet can go from one to the other. Else none. */
export function strangerSteps(objects: ClusterObjects, source: Source, goal: Goal): readonly DiagnosisStep[] {
  const atDoor = doorSteps(goal);
  if (atDoor.length > 0) return atDoor;
  const [own, theirs] = [familiesOf(source), goalFamilies(objects, goal)];
  const [first, second] = [own[0], theirs[0]];
  if (first === undefined || second === undefined || own.some((family) => theirs.includes(family))) return [];
  const layer = goal.kind === 'service' ? 'L3' : source.kind === 'pod' || goal.kind === 'pod' ? 'L1' : 'L2';
  const place: Place = { layer, direction: 'there', what: 'the families of both ends', node: null, ageSeconds: null };
  const sentence = `${familyText(source, first)} and ${familyText(goal, second)}: no packet can go from one to the other.`;
  return [step(place, { verdict: 'fail', sentence, remediation: remediesOf(goal) })];
}

const spelt: Readonly<Record<Family, string>> = { ipv4: 'IPv4', ipv6: 'IPv6' };

/** By an address that was asked for, or by all that the end has. */
function familyText(end: Source | Goal, family: Family): string {
  const address = addressAsked(end);
  return address === null
    ? `${endLabel(end)} has ${spelt[family]} addresses alone`
    : `${address} is an ${spelt[family]} address`;
}

function addressAsked(end: Source | Goal): Address | null {
  switch (end.kind) {
    case 'address':
      return end.address;
    case 'service':
      return (typeof end.at === 'string' ? end.at : end.at?.by) ?? null;
    case 'pod':
    case 'node':
      return end.by ?? null;
  }
}

function remediesOf(goal: Goal): readonly Remedy[] {
  if (goal.kind !== 'service') return [];
  const { namespace, name } = goal.service;
  return [
    {
      command: `kubectl -n ${shellWord(namespace)} patch service ${shellWord(name)} -p '{"spec":{"ipFamilyPolicy":"PreferDualStack"}}'`,
      effect: 'Gives the Service an address of each family that the cluster has; its pods must have both, too.',
    },
  ];
}

function goalFamilies(objects: ClusterObjects, goal: Goal): readonly Family[] {
  return goal.kind === 'service' ? serviceFamilies(goal, objects) : familiesOf(goal);
}

function familiesOf(end: Source | Exclude<Goal, ServiceTarget>): readonly Family[] {
  return [...new Set(addressesOf(end).map(familyOf))];
}

function serviceFamilies(goal: ServiceTarget, objects: ClusterObjects): readonly Family[] {
  const { service } = goal;
  const asked = addressAsked(goal);
  if (asked !== null) return [familyOf(asked)];
  const own = clusterFamilies(goal);
  if (own.length > 0) return own;
  return [...new Set(objects.endpointSlices(service.namespace, service.name).map(({ family }) => family))];
}

function clusterFamilies({ service }: ServiceTarget): readonly Family[] {
  return (['ipv4', 'ipv6'] as const).filter((family) => service.clusterIPs[family] !== undefined);
}
