/**
 * The form of every part, since what a node sends is hostile until it is read: no member more or less, every text and
 * list with its limit, every address in its canonical text.
 */
import Type, { type Static, type TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { type Address, parseAddress, type Prefix } from '../../proto/address.ts';
import { unknownReasons } from '../../proto/forwarding.ts';
import type { IptablesReport, NodeParts, Part, PartName } from '../../proto/parts.ts';
import { parsePrefix } from '../../proto/prefixes.ts';
import type { DataplaneMode, NodeProfile } from '../../proto/profile.ts';

/** The value of each part when it is ok. The table of the iptables part travels as leaves. */
export type PartValues = {
  readonly [Name in PartName]: Name extends 'iptables'
    ? Omit<IptablesReport, 'table' | 'owners'>
    : Name extends keyof NodeParts
      ? NodeParts[Name] extends Part<infer Value>
        ? Value
        : never
      : NodeProfile;
};

const longestText = { name: 64, line: 8192, words: 2048 };
const mostListed = { excerpt: 40, list: 2000, few: 64 };

function object<Properties extends Record<string, TSchema>>(properties: Properties) {
  return Type.Object(properties, { additionalProperties: false });
}

function text(maxLength: number) {
  return Type.String({ maxLength });
}

function words<const Word extends string>(...of: readonly Word[]) {
  return Type.Union(of.map((word) => Type.Literal(word)));
}

function list<Item extends TSchema>(item: Item, maxItems: number) {
  return Type.Array(item, { maxItems });
}

function orNull<Schema extends TSchema>(schema: Schema) {
  return Type.Union([schema, Type.Null()]);
}

const count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const seconds = Type.Number({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const name = text(longestText.name);
const family = words('ipv4', 'ipv6');
const address = Type.Unsafe<Address>(
  Type.Refine(
    text(45),
    (one: string) => parseAddress(one) === one,
    () => 'is no canonical address',
  ),
);
const prefix = Type.Unsafe<Prefix>(
  Type.Refine(
    text(49),
    (one: string) => parsePrefix(one) === one,
    () => 'is no canonical prefix',
  ),
);

function excerpt<Item extends TSchema>(item: Item, most: number) {
  return object({ total: count, first: list(item, most) });
}

const backend = words('legacy', 'nft');
const baseJump = object({ table: words('nat', 'filter'), from: name, to: name });
const line = { table: name, chain: name, rule: text(longestText.line) };

const structure = object({
  backend,
  family,
  tables: list(name, mostListed.few),
  rules: count,
  kubeRules: object({ nat: count, filter: count }),
  hasServiceRules: Type.Boolean(),
  presentBaseJumps: list(baseJump, mostListed.few),
  missingBaseJumps: list(baseJump, mostListed.few),
  danglingJumps: excerpt(object({ ...line, target: name }), mostListed.excerpt),
  duplicateRules: excerpt(object({ ...line, count }), mostListed.excerpt),
  orphanedChains: excerpt(object({ table: name, chain: name }), mostListed.excerpt),
  unreadableRules: excerpt(object(line), mostListed.excerpt),
  masqueradePath: words('ok', 'mark-not-set', 'not-masqueraded', 'masquerades-unmarked'),
});

const iptables = object({
  structures: list(structure, 4),
  serviceBackends: list(backend, 2),
  unlisted: orNull(words(...unknownReasons)),
});

const health = words('healthy', 'unhealthy', 'silent', 'unknown');
const counter = object({ total: count, increase: count, windowSeconds: seconds, reset: Type.Boolean() });
const syncTimes = list(object({ family, seconds }), 2);

const kubeProxy = object({
  healthz: health,
  livez: health,
  metricsAnswered: Type.Boolean(),
  mode: orNull(name),
  version: orNull(text(128)),
  believedRules: list(object({ family, table: name, rules: count }), mostListed.few),
  lastSync: syncTimes,
  lastQueued: syncTimes,
  syncFailures: list(
    object({
      family: orNull(family),
      what: words('iptables-restore', 'iptables-partial-restore', 'nftables-sync'),
      counter,
    }),
    mostListed.few,
  ),
  serviceChanges: orNull(counter),
  endpointChanges: orNull(counter),
  programmingP99Seconds: orNull(seconds),
  problems: list(text(longestText.words), mostListed.few),
});

/** A node of a big cloud has a link per pod and several addresses on each. */
const mostAddresses = 8192;

const addresses = object({
  addresses: list(
    object({ link: name, address, prefixLength: Type.Integer({ minimum: 0, maximum: 128 }) }),
    mostAddresses,
  ),
  links: list(name, mostAddresses),
});

const proxyTraces = object({ iptables: Type.Boolean(), nftables: Type.Boolean(), ipvs: Type.Boolean() });

const route = object({
  family,
  table: name,
  kind: name,
  destination: prefix,
  link: orNull(name),
  gateway: orNull(address),
  source: orNull(address),
  protocol: name,
  metric: count,
});
const routes = object({ routes: excerpt(route, mostListed.list) });

const link = object({
  index: count,
  name,
  kind: name,
  state: name,
  mtu: count,
  mac: orNull(name),
  master: orNull(name),
  peerIndex: orNull(Type.Integer()),
  peerNamespaceId: orNull(Type.Integer()),
});
const links = object({ links: excerpt(link, mostListed.list) });

const cni = object({
  configurations: list(
    object({
      file: text(256),
      network: orNull(text(256)),
      plugins: list(text(256), mostListed.few),
      problem: orNull(text(longestText.words)),
    }),
    256,
  ),
  reservations: excerpt(object({ network: text(256), address, container: text(256), link: name }), mostListed.list),
});

function sourced<Value extends TSchema>(value: Value) {
  return Type.Union([
    object({ value, source: words('configz', 'proxyMode', 'metrics', 'rules', 'addresses', 'api', 'default') }),
    object({ source: Type.Literal('unknown'), reason: text(longestText.words) }),
  ]);
}

const detector = sourced(
  Type.Union([
    object({ kind: Type.Literal('prefix'), prefix }),
    object({ kind: Type.Literal('interface'), pattern: name }),
    object({ kind: Type.Literal('none') }),
  ]),
);

const profile = object({
  mode: sourced(words<DataplaneMode>('iptables', 'nftables', 'ipvs', 'cilium', 'none')),
  kubeProxyVersion: sourced(text(128)),
  nodeName: sourced(text(253)),
  families: list(family, 2),
  localAddresses: sourced(list(address, mostAddresses)),
  nodePortAddresses: sourced(Type.Union([words('all', 'primary'), list(prefix, mostListed.list)])),
  localDetector: object({ ipv4: detector, ipv6: detector }),
  masqueradeAll: sourced(Type.Boolean()),
  localhostNodePorts: sourced(Type.Boolean()),
  markBit: sourced(Type.Integer({ minimum: 0, maximum: 31 })),
});

/** What came of reading a part. */
export type ReadPart<Value> =
  | { readonly state: 'ok'; readonly value: Value }
  | { readonly state: 'failed'; readonly reason: string }
  | { readonly state: 'misfit'; readonly message: string };

interface PartForm<Value> {
  read(part: unknown): ReadPart<Value>;
}

const failedPart = Compile(object({ state: Type.Literal('failed'), reason: text(longestText.words) }));

function form<Schema extends TSchema>(value: Schema): PartForm<Static<Schema>> {
  const okPart = Compile(object({ state: Type.Literal('ok'), value }));
  return {
    read(part) {
      if (failedPart.Check(part)) return part;
      // The compiler cannot follow a schema that it does not know yet.
      const fits: boolean = okPart.Check(part);
      if (fits) return part as { readonly state: 'ok'; readonly value: Static<Schema> };
      const [first] = isFailed(part) ? failedPart.Errors(part) : okPart.Errors(part);
      return { state: 'misfit', message: printable(`${first?.instancePath} ${first?.message}`) };
    },
  };
}

/** Compiles only while every form reads what the contract says. */
const forms: { readonly [Name in PartName]: PartForm<PartValues[Name]> } = {
  iptables: form(iptables),
  kubeProxy: form(kubeProxy),
  addresses: form(addresses),
  proxyTraces: form(proxyTraces),
  routes: form(routes),
  links: form(links),
  cni: form(cni),
  profile: form(profile),
};

export const partNames: readonly PartName[] = Object.keys(forms) as PartName[];

/** The name of a part, if this version knows it: an agent may be newer. */
export function isPartName(text: string): text is PartName {
  return Object.hasOwn(forms, text);
}

/** Reads the JSON of a part. Whatever it is, this does not throw. */
export function readPart<Name extends PartName>(name: Name, json: string): ReadPart<PartValues[Name]> {
  let part: unknown;
  try {
    part = JSON.parse(json);
  } catch {
    return { state: 'misfit', message: 'it is no JSON' };
  }
  return forms[name].read(part);
}

function isFailed(part: unknown): boolean {
  return typeof part === 'object' && part !== null && 'state' in part && part.state === 'failed';
}

/** The path in the message may hold names that a node made up. */
function printable(message: string): string {
  return message
    .trim()
    .slice(0, 200)
    .replace(/[^ -~]/g, '?');
}
