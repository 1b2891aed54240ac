/**
 * Query parameters: declared as a schema, which is also the documentation, and read strictly. What is not declared is
 * refused, with what would have been taken.
 */
import Type from 'typebox';
import { type Problem, problem } from './errors.ts';

const mostValues = 50;
const longestText = 253;
const longestCursor = 2_048;
export const defaultLimit = 100;
const mostItems = 500;

/** A parameter that takes these words and may be given several times: any of them matches. */
export function someOf<const V extends string[]>(words: readonly [...V], description: string) {
  return Type.Optional(Type.Array(Type.Enum(words), { maxItems: mostValues, description }));
}

/** A parameter that takes any text, compared as a whole, and may be given several times: any of them matches. */
export function someText(description: string) {
  const text = Type.String({ minLength: 1, maxLength: longestText });
  return Type.Optional(Type.Array(text, { maxItems: mostValues, description }));
}

export const limit = Type.Optional(
  Type.Integer({ minimum: 1, maximum: mostItems, default: defaultLimit, description: 'At most so many items.' }),
);
export const cursor = Type.Optional(
  Type.String({ minLength: 1, maxLength: longestCursor, description: "The last page's `next`, as it came." }),
);

/** For paths that take no parameters. */
export const noParameters = Type.Object({});

/** A parameter's schema, as far as it is read here. */
interface ParameterSchema {
  readonly type?: 'array' | 'integer' | 'string';
  readonly items?: ParameterSchema;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
}

export interface QuerySchema {
  readonly properties?: Readonly<Record<string, ParameterSchema>>;
}

type Read<T> = { readonly value: T } | { readonly problem: Problem };

/** A query as its schema declares it: lists as arrays, numbers as numbers. */
export function readQuery(
  { properties = {} }: QuerySchema,
  query: Readonly<Record<string, unknown>>,
): Read<Readonly<Record<string, unknown>>> {
  const read: Record<string, unknown> = {};
  for (const [name, given] of Object.entries(query)) {
    const schema = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (schema === undefined) return { problem: unknownParameter(name, Object.keys(properties)) };
    const values = (Array.isArray(given) ? given : [given]).map(String);
    const result = schema.type === 'array' ? readMany(name, schema, values) : readOnce(name, schema, values);
    if ('problem' in result) return result;
    read[name] = result.value;
  }
  return { value: read };
}

function unknownParameter(parameter: string, allowed: readonly string[]): Problem {
  const shown = JSON.stringify(parameter.slice(0, longestText));
  const known = allowed.length === 0 ? 'This path takes no parameters.' : `Allowed are ${allowed.join(', ')}.`;
  return problem('unknown-parameter', `The parameter ${shown} is not known here. ${known}`, { allowed });
}

function readMany(name: string, schema: ParameterSchema, values: readonly string[]): Read<unknown> {
  if (values.length > (schema.maxItems ?? Number.POSITIVE_INFINITY)) {
    return wrong(name, `may be given at most ${schema.maxItems} times, not ${values.length}`);
  }
  for (const value of values) {
    const result = readOne(name, schema.items ?? {}, value);
    if ('problem' in result) return result;
  }
  return { value: values };
}

function readOnce(name: string, schema: ParameterSchema, [value = '', ...more]: readonly string[]): Read<unknown> {
  return more.length > 0 ? wrong(name, 'may be given once only') : readOne(name, schema, value);
}

function readOne(name: string, schema: ParameterSchema, value: string): Read<unknown> {
  if (schema.type === 'integer') return readInteger(name, schema, value);
  if (schema.enum !== undefined && !schema.enum.includes(value)) {
    return wrong(name, `takes ${schema.enum.join(', ')}, not ${shown(value)}`, schema.enum);
  }
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY } = schema;
  if (value.length < minLength || value.length > maxLength) {
    return wrong(name, `takes ${minLength} to ${maxLength} characters, not ${value.length}`);
  }
  return { value };
}

function readInteger(name: string, { minimum = 0, maximum = 0 }: ParameterSchema, value: string): Read<unknown> {
  const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= minimum && number <= maximum) return { value: number };
  return wrong(name, `takes a whole number from ${minimum} to ${maximum}, not ${shown(value)}`);
}

function wrong(parameter: string, fault: string, allowed?: readonly string[]): { readonly problem: Problem } {
  const more = allowed === undefined ? { parameter } : { parameter, allowed };
  return { problem: problem('bad-value', `The parameter ${parameter} ${fault}.`, more) };
}

function shown(value: string): string {
  return JSON.stringify(value.slice(0, longestText));
}
