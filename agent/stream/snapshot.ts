/** A reading as the aggregator is told of it: the tree of its table, and what travels of each part. */
import { type Leaf, type TreeDigests, treeOf } from '../../proto/bucket-tree.ts';
import type { FrontendKey } from '../../proto/forwarding.ts';
import type * as wire from '../../proto/generated/plumbline/agent/v1/agent.ts';
import type { Part, PartName } from '../../proto/parts.ts';
import { encodeChanges, type LeafChange } from '../../proto/wire/changes.ts';
import { digestBytes } from '../../proto/wire/digest-bytes.ts';
import { type PartContent, partChange, partContent, withMembers } from '../../proto/wire/part.ts';
import type { NodeReading } from '../reading.ts';
import { steadyMembers } from './figures.ts';

/** What was told of one reading, or is about to be. */
export interface Snapshot {
  readonly reading: NodeReading;
  /** Null when the table could not be read. */
  readonly table: { readonly leaves: readonly Leaf[]; readonly tree: TreeDigests } | null;
  /** The parts that are not absent. */
  readonly parts: ReadonlyMap<PartName, SentPart>;
  readonly ownerHint: (key: FrontendKey) => string | null;
}

interface SentPart {
  /** What it was made of: the same object again has the same content. */
  readonly source: object;
  readonly content: PartContent;
  /** Members with figures, without them. */
  readonly steady: ReadonlyMap<string, string>;
  /** Some figures are those of an earlier reading. */
  readonly isHeldBack: boolean;
}

/**
 * @param told what the aggregator knows of this node on this stream; null when nothing.
 * @param withFigures figures go along; else the told ones stand for the new.
 */
export function snapshotOf(reading: NodeReading, told: Snapshot | null, withFigures: boolean): Snapshot {
  const parts = new Map<PartName, SentPart>();
  for (const [name, part] of partsOf(reading)) {
    const sent = sentPart({ name, part, reading }, told?.parts.get(name) ?? null, withFigures);
    if (sent !== null) parts.set(name, sent);
  }
  return { reading, table: tableOf(reading, told), parts, ownerHint: reading.ownerHint };
}

/** Whether figures of this reading were held back. */
export function holdsBack({ parts }: Snapshot): boolean {
  return [...parts.values()].some(({ isHeldBack }) => isHeldBack);
}

function partsOf({ parts, profile }: NodeReading): readonly (readonly [PartName, Part<object>])[] {
  // The profile travels like a part; it has no time of its own, and none would travel.
  const asPart: Part<object> = { state: 'ok', value: profile, collectedAt: '' };
  return [...(Object.entries(parts) as [PartName, Part<object>][]), ['profile', asPart]];
}

function tableOf({ leaves }: NodeReading, told: Snapshot | null): Snapshot['table'] {
  if (leaves === null) return null;
  if (told?.table?.leaves === leaves) return told.table;
  return { leaves, tree: treeOf(leaves.map(({ digest }) => digest)) };
}

interface NamedPart {
  readonly name: PartName;
  readonly part: Part<object>;
  readonly reading: NodeReading;
}

function sentPart({ name, part, reading }: NamedPart, told: SentPart | null, withFigures: boolean): SentPart | null {
  const source = part.state === 'ok' ? part.value : part;
  if (told !== null && told.source === source && !(told.isHeldBack && withFigures)) return told;
  const content = partContent(name, part);
  if (content === null) return null;
  const steady = steadyMembers(reading.parts, name);
  const held = told === null || withFigures ? null : heldMembers(told, content, steady);
  if (held === null || held.size === 0) return { source, content, steady, isHeldBack: false };
  return { source, content: withMembers(content, held), steady, isHeldBack: true };
}

/** The told JSON of members in which nothing but figures has changed. */
function heldMembers(
  told: SentPart,
  { members }: PartContent,
  steady: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const held = new Map<string, string>();
  for (const [member, text] of steady) {
    const known = told.content.members?.get(member);
    const isFigureOnly = known !== undefined && told.steady.get(member) === text;
    if (isFigureOnly && known !== members?.get(member)) held.set(member, known);
  }
  return held;
}

/** The message of a snapshot, and the parts that are uploaded with it. */
export interface Telling {
  readonly state: wire.State;
  readonly uploads: readonly wire.Part[];
}

/**
 * What the aggregator has to be told to know `next`, when it knows `told`.
 * @param monotonicMs now, by the clock of the reading's end.
 */
export function telling(told: Snapshot | null, next: Snapshot, monotonicMs: number): Telling {
  const changed = [...next.parts].filter(
    ([name, { content }]) => told?.parts.get(name)?.content.digest !== content.digest,
  );
  const gone = told === null ? [] : [...told.parts.keys()].filter((name) => !next.parts.has(name));
  const parts = [
    ...changed.map(([name, { content }]) => ({ name, digest: digestBytes(content.digest) })),
    ...gone.map((name) => ({ name, digest: new Uint8Array(0) })),
  ];
  const state: wire.State = {
    reading: readingOf(next.reading, monotonicMs),
    table: tableChange(told, next),
    parts,
    whole: told === null,
    tableLost: next.table === null && told !== null && told.table !== null,
  };
  if (told === null) return { state, uploads: [] };
  const uploads = changed.map(([name, { content }]) =>
    partChange(name, told.parts.get(name)?.content ?? null, content),
  );
  return { state, uploads };
}

function readingOf({ number, endedAtMs, takenAt }: NodeReading, monotonicMs: number): wire.Reading {
  return {
    number: BigInt(number),
    ageMs: Math.min(2 ** 32 - 1, Math.max(0, Math.round(monotonicMs - endedAtMs))),
    takenAtMs: BigInt(takenAt.getTime()),
  };
}

/** Undefined where there is no table, or no change. */
function tableChange(told: Snapshot | null, next: Snapshot): wire.Table | undefined {
  if (next.table === null || told?.table?.tree.root === next.table.tree.root) return undefined;
  const root = digestBytes(next.table.tree.root);
  const before = told?.table;
  if (!before) return { root, base: new Uint8Array(0), changed: new Uint8Array(0) };
  const changes: LeafChange[] = [];
  for (const [index, digest] of next.table.tree.leaves.entries()) {
    if (digest !== before.tree.leaves[index]) changes.push({ index, digest });
  }
  return { root, base: digestBytes(before.tree.root), changed: encodeChanges(changes) };
}
