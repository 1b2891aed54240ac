/**
 * What the schemas of parts are made of: no member more or less, every text and list with its limit, every address in its
 * canonical text.
 */
import Type, { type TSchema } from 'typebox';
import {
  type Address,
  type Backend,
  backendOf,
  parseAddress,
  parseHostPort,
  type Prefix,
} from '../../proto/address.ts';
import { frontendKey as keyOf, parseFrontendKey } from '../../proto/canonical.ts';
import type { FrontendKey } from '../../proto/forwarding.ts';
import { parsePrefix } from '../../proto/prefixes.ts';

export const longestText = { name: 64, line: 8192, words: 2048 };
export const mostListed = { excerpt: 40, list: 2000, few: 64 };
/** A node of a big cloud has a link per pod and several addresses on each. */
export const mostAddresses = 8192;

export function object<Properties extends Record<string, TSchema>>(properties: Properties) {
  return Type.Object(properties, { additionalProperties: false });
}

export function text(maxLength: number) {
  return Type.String({ maxLength });
}

export function words<const Word extends string>(...of: readonly Word[]) {
  return Type.Union(of.map((word) => Type.Literal(word)));
}

export function list<Item extends TSchema>(item: Item, maxItems: number) {
  return Type.Array(item, { maxItems });
}

export function orNull<Schema extends TSchema>(schema: Schema) {
  return Type.Union([schema, Type.Null()]);
}

export const count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
export const seconds = Type.Number({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
export const name = text(longestText.name);
export const family = words('ipv4', 'ipv6');
export const address = Type.Unsafe<Address>(
  Type.Refine(
    text(45),
    (one: string) => parseAddress(one) === one,
    () => 'is no canonical address',
  ),
);
export const prefix = Type.Unsafe<Prefix>(
  Type.Refine(
    text(49),
    (one: string) => parsePrefix(one) === one,
    () => 'is no canonical prefix',
  ),
);

export const backendText = Type.Unsafe<Backend>(
  Type.Refine(
    text(52),
    (one: string) => {
      const parsed = parseHostPort(one);
      return parsed !== null && backendOf(parsed.address, parsed.port) === one;
    },
    () => 'is no canonical backend',
  ),
);

export function excerpt<Item extends TSchema>(item: Item, most: number) {
  return object({ total: count, first: list(item, most) });
}

export const frontendKey = Type.Unsafe<FrontendKey>(
  Type.Refine(
    text(64),
    (one: string) => {
      const parsed = parseFrontendKey(one);
      return parsed !== null && keyOf(parsed) === one;
    },
    () => 'is no canonical frontend',
  ),
);
export const port = Type.Integer({ minimum: 0, maximum: 65535 });
export const counter = object({ total: count, increase: count, windowSeconds: seconds, reset: Type.Boolean() });
export const backend = words('legacy', 'nft');
/** nftables mode writes the Service into the names of its chains. */
export const chainName = text(512);
