/**
 * The parts of a report as JSON, and the changes of a part. A part has one text and one digest: member by member as its
 * collector made it, without `collectedAt`, which is the reading's time.
 */
import { digest } from '../canonical.ts';
import type * as wire from '../generated/plumbline/agent/v1/agent.ts';
import type { Part, PartName } from '../parts.ts';
import { type Decoded, fits, misfit, quoted } from './decoded.ts';
import { digestBytes, digestText } from './digest-bytes.ts';
import { changedJson, jsonChange } from './json-change.ts';

/** A part as it travels. */
export interface PartContent {
  /** `{"state":"ok","value":{...}}` or `{"state":"failed","reason":"..."}`. */
  readonly json: string;
  /** Of `json`. */
  readonly digest: string;
  /** Of `value`, each member's JSON by its name, in their order; null where the part failed. */
  readonly members: ReadonlyMap<string, string> | null;
}

/** What else travels of a part's value; the table and its owners travel as leaves. */
const leftOut: { readonly [name in PartName]?: readonly string[] } = { forwarding: ['table', 'owners'] };

/** What travels of a part; null where it is absent. The value of every part is an object. */
export function partContent(name: PartName, part: Part<object>): PartContent | null {
  if (part.state === 'absent') return null;
  if (part.state === 'failed') return contentOf(JSON.stringify({ state: 'failed', reason: part.reason }), null);
  const members = new Map<string, string>();
  const skipped = leftOut[name] ?? [];
  for (const [member, value] of Object.entries(part.value)) {
    const json = skipped.includes(member) ? undefined : textOf(value);
    if (json !== undefined) members.set(member, json);
  }
  return contentOf(okJson(members), members);
}

/** The same part with other JSON for some of its members; the names and their order stay. */
export function withMembers(part: PartContent, members: ReadonlyMap<string, string>): PartContent {
  if (part.members === null) return part;
  const changed = new Map([...part.members].map(([name, json]) => [name, members.get(name) ?? json] as const));
  return contentOf(okJson(changed), changed);
}

function contentOf(json: string, members: ReadonlyMap<string, string> | null): PartContent {
  return { json, digest: digest(json), members };
}

/** Undefined for what JSON leaves out, which the type of JSON.stringify denies. */
function textOf(value: unknown): string | undefined {
  return JSON.stringify(value);
}

function okJson(members: ReadonlyMap<string, string>): string {
  return `{"state":"ok","value":${objectJson(members)}}`;
}

function objectJson(members: ReadonlyMap<string, string>): string {
  return `{${[...members].map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(',')}}`;
}

/**
 * What to send of a part whose other side has `base`: what changed in the members that changed (json-change.ts), or all
 * of it where that says no less (no base, a failed part, other members).
 */
export function partChange(name: PartName, base: PartContent | null, next: PartContent): wire.Part {
  const whole: wire.Part = {
    name,
    digest: digestBytes(next.digest),
    json: utf8(next.json),
    base: new Uint8Array(0),
  };
  const change = base === null ? null : changeOf(base, next);
  if (base === null || change === null) return whole;
  return { ...whole, json: utf8(change), base: digestBytes(base.digest) };
}

/** Null where the two have not the same members in the same order. */
function changeOf(base: PartContent, next: PartContent): string | null {
  if (base.members === null || next.members === null || base.members.size !== next.members.size) return null;
  const names = base.members.keys();
  const changed = new Map<string, string>();
  for (const [name, json] of next.members) {
    if (names.next().value !== name) return null;
    const own = base.members.get(name) ?? '';
    const change = own === json ? null : jsonChange(JSON.parse(own), JSON.parse(json));
    if (change !== null) changed.set(name, change);
  }
  return objectJson(changed);
}

/**
 * The whole JSON of a part that came in, if it is what the part's digest stands for, and in its one form.
 * @param baseJson the JSON of the part with the digest `base`; null where nobody has it.
 */
export function applyPart(part: wire.Part, baseJson: string | null): Decoded<string> {
  const name = `part ${quoted(part.name)}`;
  const expected = digestText(part.digest);
  if (expected === null) return misfit(`${name} has no digest`);
  const text = utf8Text(part.json);
  if (text === null) return misfit(`${name} is not UTF-8`);
  const json = part.base.length === 0 ? inOneForm(text) : changedPart(text, baseJson);
  if (json === null) {
    return misfit(part.base.length === 0 ? `${name} is not the JSON of a part` : `${name} does not fit its base`);
  }
  const found = digest(json);
  return found === expected ? fits(json) : misfit(`${name} of digest ${expected} has digest ${found}`);
}

/** Null unless the text is the JSON of a part that comes out again as it is: no blanks, no member twice. */
function inOneForm(text: string): string | null {
  const part = objectOf(text);
  const state = part?.get('state');
  if (part === null || (state !== 'ok' && state !== 'failed')) return null;
  const members = new Map<string, string>();
  for (const [name, value] of part) {
    const json = stringified(value);
    if (json === null) return null;
    members.set(name, json);
  }
  return objectJson(members) === text ? text : null;
}

/** Null where either text is no object, or the change does not fit. */
function changedPart(text: string, baseJson: string | null): string | null {
  const change = objectOf(text);
  const base = baseJson === null ? null : objectOf(baseJson);
  if (change === null || base?.get('state') !== 'ok' || entriesOf(base.get('value')) === null) return null;
  try {
    const value = changedJson(base.get('value'), Object.fromEntries(change));
    return value === null ? null : `{"state":"ok","value":${value}}`;
  } catch {
    // Nested too deeply for JSON.stringify.
    return null;
  }
}

/** The members of a JSON object as a map, where `__proto__` is a name like any other; null for anything else. */
function objectOf(text: string): ReadonlyMap<string, unknown> | null {
  try {
    return entriesOf(JSON.parse(text));
  } catch {
    return null;
  }
}

function entriesOf(value: unknown): ReadonlyMap<string, unknown> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? new Map(Object.entries(value)) : null;
}

/** Null for what is nested too deeply: JSON.parse takes it, JSON.stringify runs out of stack. */
function stringified(value: unknown): string | null {
  try {
    return JSON.stringify(value);
  } catch {
    return null;
  }
}

const encoder = new TextEncoder();

function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

function utf8Text(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}
