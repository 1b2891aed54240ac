/**
 * Where a node stands among the others: what of it makes the same Service ask something else of it. What changes the
 * entries of all Services alike is its class; the rest is its place and its addresses, and counts for some Services only.
 *
 *     class       mode, families, version features, flags        few: nodes are set up alike
 *       zone      the zone, for Services with zone hints          some
 *         node    name and addresses                              each its own
 *
 * Each of the three is a standing, so that one formula computes the tables of all: those of a class and of a zone are
 * the tables of a node that is nowhere, and is called what nothing is called.
 */
import type { Family } from '../../proto/address.ts';
import { digest } from '../../proto/canonical.ts';
import type { LocalDetector, NodeProfile } from '../../proto/profile.ts';
import { valueOr } from '../../proto/profile.ts';
import type { ClusterNode } from '../model/cluster.ts';
import { onNodeOf } from './desired.ts';
import type { NodeFacts } from './node-facts.ts';
import type { OnNode } from './wishes.ts';

/** One family of a standing. */
export interface FamilyStanding extends OnNode {
  /** Stands for all that decides what source ranges come to: addresses and detector. */
  readonly sources: string;
}

export interface Standing {
  /** Equal for nodes of one class. */
  readonly classText: string;
  /** Equal for nodes of which every Service wants the same. */
  readonly text: string;
  /** The families that the node serves. */
  readonly families: ReadonlyMap<Family, FamilyStanding>;
}

/** What a node hangs below. */
export interface Standings {
  readonly ofClass: Standing;
  readonly ofZone: Standing;
  readonly ofNode: Standing;
}

/** No name of the API holds this character. */
const nowhere = '\u0000';
/** Of a standing without addresses. */
export const noSources = '';

/** The standings of one node, from the most common to its own. */
export function standingsOf(apiNode: ClusterNode, profile: NodeProfile): Standings {
  const { name, zone } = apiNode;
  const families = new Map<Family, FamilyStanding>();
  for (const family of profile.families) {
    const onNode = onNodeOf({ name, zone, profile }, apiNode, family);
    families.set(family, { ...onNode, sources: sourcesText(onNode.facts) });
  }
  const mode = valueOr<string>(profile.mode, '?');
  const classText = JSON.stringify([mode, ...[...families].map(([family, one]) => [family, classOf(one)]).sort()]);
  const standing = (own: ReadonlyMap<Family, FamilyStanding>): Standing => ({
    classText,
    text: JSON.stringify([classText, [...own.values()].map(ownText).sort()]),
    families: own,
  });
  return {
    ofClass: standing(mapped(families, (one) => generic(one, nowhere))),
    ofZone: standing(mapped(families, (one) => generic(one, one.place.zone ?? ''))),
    ofNode: standing(families),
  };
}

/** What of a family changes the entries of all Services. */
function classOf({ place, facts }: OnNode): readonly unknown[] {
  const { localDetector, masqueradeAll, servesNodePorts, hairpinOwnOnly, refusesOwnFirst } = facts;
  return [
    place.nodeHints,
    localDetector.kind === 'none',
    masqueradeAll,
    servesNodePorts,
    hairpinOwnOnly,
    refusesOwnFirst,
  ];
}

/** The same class, without a name or an address. */
function generic({ place, facts }: FamilyStanding, zone: string): FamilyStanding {
  const localDetector: LocalDetector =
    facts.localDetector.kind === 'none' ? facts.localDetector : { kind: 'interface', pattern: '' };
  return {
    place: { ...place, nodeName: nowhere, zone },
    facts: { ...facts, localDetector, localAddresses: new Set(), primaryAddress: null },
    sources: noSources,
  };
}

function sourcesText({ localDetector, localAddresses, primaryAddress }: NodeFacts): string {
  const addresses = localAddresses === null ? null : [...localAddresses].sort();
  const { kind } = localDetector;
  const detector = kind === 'prefix' ? localDetector.prefix : kind === 'interface' ? localDetector.pattern : '';
  return digest(JSON.stringify([kind, detector, addresses, primaryAddress]));
}

function ownText({ place, facts, sources }: FamilyStanding): string {
  return JSON.stringify([facts.family, place.nodeName, place.zone ?? '', sources]);
}

function mapped<T>(families: ReadonlyMap<Family, T>, change: (one: T) => T): ReadonlyMap<Family, T> {
  return new Map([...families].map(([family, one]) => [family, change(one)]));
}
