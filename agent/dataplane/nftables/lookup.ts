/** Which packets a match or map takes, when all but their sources is known. */
import type { Address } from '../../../proto/address.ts';
import type { Protocol } from '../../../proto/forwarding.ts';
import { emptySet, type PrefixSet, union } from '../../../proto/prefixes.ts';
import type { Asked, ElementIndex } from './elements.ts';
import type { Among, Field, Verdict } from './rule.ts';
import type { NftTable } from './table.ts';

/** What is known of a packet's header. */
export interface Header {
  readonly destination: Address;
  readonly protocol: Protocol;
  readonly port: number;
}

/** The sources that elements hold: all of them where the source is not asked for; `unread` where nobody knows. */
export type Held = 'all' | 'none' | 'unread' | PrefixSet;

/** The elements that a match looks among; null when there is no such set. */
export function elementsOf(table: NftTable, among: Among): ElementIndex | null {
  return 'elements' in among ? among.elements : (table.sets.get(among.set)?.elements ?? null);
}

/** The sources whose packets are among the elements. */
export function heldSources(elements: ElementIndex, fields: readonly Field[], header: Header): Held {
  const place = fields.indexOf('source');
  if (place < 0) {
    if (elements.find(askedOf(fields, header)) !== undefined) return 'all';
    return elements.isRead ? 'none' : 'unread';
  }
  if (!elements.isRead) return 'unread';
  if (fields.length === 1) return allAddresses(elements);
  let held: PrefixSet = emptySet;
  for (const [sources] of elements.addressesAt(place, withoutSource(fields, header))) held = union(held, sources);
  return held;
}

const known = new WeakMap<ElementIndex, PrefixSet>();

/** Source ranges and pod ranges are asked for again and again. */
function allAddresses(elements: ElementIndex): PrefixSet {
  let all = known.get(elements);
  if (all === undefined) {
    all = emptySet;
    for (const [addresses] of elements.addressesAt(0, [undefined])) all = union(all, addresses);
    known.set(elements, all);
  }
  return all;
}

/** What a verdict map says of a packet: to which sources which verdict; 'unread' where it may say more. */
export function verdictsFor(
  elements: ElementIndex,
  fields: readonly Field[],
  header: Header,
): readonly { readonly sources: 'all' | PrefixSet; readonly verdict: Verdict }[] | 'unread' {
  const place = fields.indexOf('source');
  if (place < 0) {
    const verdict = elements.find(askedOf(fields, header));
    if (verdict !== undefined && verdict !== null) return [{ sources: 'all', verdict }];
    return elements.isRead ? [] : 'unread';
  }
  if (!elements.isRead) return 'unread';
  const found: { sources: PrefixSet; verdict: Verdict }[] = [];
  for (const [sources, verdict] of elements.addressesAt(place, withoutSource(fields, header))) {
    if (verdict !== null) found.push({ sources, verdict });
  }
  return found;
}

function askedOf(fields: readonly Field[], header: Header): readonly Asked[] {
  return withoutSource(fields, header).filter((asked) => asked !== undefined);
}

function withoutSource(fields: readonly Field[], header: Header): readonly (Asked | undefined)[] {
  return fields.map((field) => (field === 'source' ? undefined : header[field]));
}
