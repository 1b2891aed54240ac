/**
 * Reading of API objects out of parsed JSON, which may be anything: each value knows the way to it, so that what does
 * not fit is said as `Service shop/web: spec.ports[1].port is "x", expected a whole number up to 65535`.
 * Absent and null are the same, as in the API.
 */
import type { Address, Prefix } from '../../proto/address.ts';
import { parseAddress, parseWhole } from '../../proto/address.ts';
import type { Protocol } from '../../proto/forwarding.ts';
import { parsePrefix } from '../../proto/prefixes.ts';

/** What came of reading: the value, or everything that did not fit. */
export type Reading<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly string[] };

/** A value inside an API object. */
export interface Field {
  readonly value: unknown;
  readonly key: string | number;
  /** The value it is in; null for the object itself, whose key is its name. */
  readonly inside: Field | null;
  readonly problems: string[];
}

/** The object itself. What does not fit is added to `problems`. */
export function rootField(value: unknown, name: string, problems: string[]): Field {
  return { value, key: name, inside: null, problems };
}

/** One member of an object; its value is undefined when the object is absent. */
export function member(field: Field, key: string): Field {
  return { value: recordOf(field)?.[key], key, inside: field, problems: field.problems };
}

/** The elements of a list; none when it is absent. */
export function elements(field: Field): readonly Field[] {
  if (isAbsent(field)) return [];
  if (!Array.isArray(field.value)) {
    refuse(field, 'a list');
    return [];
  }
  return field.value.map((value, key) => ({ value, key, inside: field, problems: field.problems }));
}

/** A string; null when it is absent. */
export function text(field: Field): string | null {
  if (typeof field.value === 'string') return field.value;
  if (!isAbsent(field)) refuse(field, 'a string');
  return null;
}

/** A string that must be there; empty after a problem. */
export function requiredText(field: Field): string {
  if (isAbsent(field)) refuse(field, 'a string');
  return text(field) ?? '';
}

/** A boolean; null when it is absent. */
export function flag(field: Field): boolean | null {
  if (typeof field.value === 'boolean') return field.value;
  if (!isAbsent(field)) refuse(field, 'true or false');
  return null;
}

/** A whole number from 0 to `max`; null when it is absent. */
export function whole(field: Field, max: number): number | null {
  const { value } = field;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max) return value;
  if (!isAbsent(field)) refuse(field, `a whole number up to ${max}`);
  return null;
}

/** One of a few words; `fallback` when it is absent. */
export function oneOf<T extends string>(field: Field, words: readonly T[], fallback: T): T {
  if (isAbsent(field)) return fallback;
  const found = words.find((word) => word === field.value);
  if (found === undefined) refuse(field, `one of ${words.join(', ')}`);
  return found ?? fallback;
}

/** Strings by name, as labels, annotations and selectors are; null when absent. */
export function textMap(field: Field): Readonly<Record<string, string>> | null {
  const record = recordOf(field);
  if (record === null) return null;
  const texts: Record<string, string> = {};
  for (const key of Object.keys(record)) {
    const value = text(member(field, key));
    if (value !== null) texts[key] = value;
  }
  return texts;
}

/** A list of strings; empty when it is absent. */
export function textList(field: Field): readonly string[] {
  return elements(field).flatMap((element) => text(element) ?? []);
}

/** Lists of strings by name, as what authenticators add to a user; empty when absent. */
export function textListMap(field: Field): Readonly<Record<string, readonly string[]>> {
  const keys = Object.keys(recordOf(field) ?? {});
  return Object.fromEntries(keys.map((key) => [key, textList(member(field, key))]));
}

/** TCP, UDP or SCTP, TCP when absent as the API has it. */
export function protocolOf(field: Field): Protocol {
  switch (oneOf(field, ['TCP', 'UDP', 'SCTP'], 'TCP')) {
    case 'TCP':
      return 'tcp';
    case 'UDP':
      return 'udp';
    case 'SCTP':
      return 'sctp';
  }
}

/** An address as Kubernetes reads one: old objects may have leading zeros, which it takes for decimal digits. */
export function apiAddress(written: string): Address | null {
  return parseAddress(withoutLeadingZeros(written.trim()));
}

/** A prefix as Kubernetes reads one; see apiAddress. A bare address is none. */
export function apiPrefix(written: string): Prefix | null {
  return written.includes('/') ? parsePrefix(withoutLeadingZeros(written.trim())) : null;
}

/** Says that a value is not what it should be. */
export function refuse(field: Field, expected: string): void {
  const way: string[] = [];
  let root = field;
  for (; root.inside !== null; root = root.inside) {
    way.unshift(typeof root.key === 'number' ? `[${root.key}]` : `.${root.key}`);
  }
  const path = way.join('').replace(/^\./, '');
  const found = field.value === undefined ? 'absent' : JSON.stringify(field.value).slice(0, 60);
  const problem = `${root.key}: ${path === '' ? 'it' : path} is ${found}, expected ${expected}`;
  // Each member asked of what is no object would say the same again.
  if (field.problems.at(-1) !== problem) field.problems.push(problem);
}

function isAbsent({ value }: Field): boolean {
  return value === undefined || value === null;
}

function recordOf(field: Field): Readonly<Record<string, unknown>> | null {
  if (isAbsent(field)) return null;
  if (typeof field.value === 'object' && !Array.isArray(field.value)) return field.value as Record<string, unknown>;
  refuse(field, 'an object');
  return null;
}

function withoutLeadingZeros(written: string): string {
  if (written.includes(':')) return written;
  const slash = written.indexOf('/');
  const octets = (slash < 0 ? written : written.slice(0, slash)).split('.');
  const decimal = octets.map((octet) => parseWhole(octet, 255) ?? octet).join('.');
  return slash < 0 ? decimal : decimal + written.slice(slash);
}
