/**
 * The form of every part, since what a node sends is hostile until it is read: no member more or less, every text and
 * list with its limit, every address in its canonical text.
 */
import Type, { type Static, type TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import {
  type Address,
  type Backend,
  backendOf,
  parseAddress,
  parseHostPort,
  type Prefix,
} from '../../proto/address.ts';
import { frontendKey as keyOf, parseFrontendKey } from '../../proto/canonical.ts';
import { type FrontendKey, origins, unknownReasons } from '../../proto/forwarding.ts';
import type { EbpfProxy, ForwardingReport, NodeParts, Part, PartName, ReadMode } from '../../proto/parts.ts';
import { parsePrefix } from '../../proto/prefixes.ts';
import type { DataplaneMode, NodeProfile } from '../../proto/profile.ts';

/** The value of each part when it is ok. The table of the forwarding part travels as leaves. */
export type PartValues = {
  readonly [Name in PartName]: Name extends 'forwarding'
    ? Omit<ForwardingReport, 'table' | 'owners'>
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

const backendText = Type.Unsafe<Backend>(
  Type.Refine(
    text(52),
    (one: string) => {
      const parsed = parseHostPort(one);
      return parsed !== null && backendOf(parsed.address, parsed.port) === one;
    },
    () => 'is no canonical backend',
  ),
);

function excerpt<Item extends TSchema>(item: Item, most: number) {
  return object({ total: count, first: list(item, most) });
}

const frontendKey = Type.Unsafe<FrontendKey>(
  Type.Refine(
    text(64),
    (one: string) => {
      const parsed = parseFrontendKey(one);
      return parsed !== null && keyOf(parsed) === one;
    },
    () => 'is no canonical frontend',
  ),
);
const port = Type.Integer({ minimum: 0, maximum: 65535 });
const counter = object({ total: count, increase: count, windowSeconds: seconds, reset: Type.Boolean() });
const backend = words('legacy', 'nft');
/** nftables mode writes the Service into the names of its chains. */
const chainName = text(512);
const baseJump = object({ table: name, from: chainName, to: chainName });
const line = { table: name, chain: chainName, rule: text(longestText.line) };
const danglingJump = object({ ...line, target: chainName });
const duplicateRule = object({ ...line, count });
const masqueradePath = words('ok', 'mark-not-set', 'not-masqueraded', 'masquerades-unmarked');

const structure = object({
  backend,
  family,
  tables: list(name, mostListed.few),
  rules: count,
  kubeRules: object({ nat: count, filter: count }),
  hasServiceRules: Type.Boolean(),
  presentBaseJumps: list(baseJump, mostListed.few),
  missingBaseJumps: list(baseJump, mostListed.few),
  danglingJumps: excerpt(danglingJump, mostListed.excerpt),
  duplicateRules: excerpt(duplicateRule, mostListed.excerpt),
  orphanedChains: excerpt(object({ table: name, chain: name }), mostListed.excerpt),
  unreadableRules: excerpt(object(line), mostListed.excerpt),
  masqueradePath,
  dropsInvalid: Type.Boolean(),
  rulesAhead: excerpt(
    object({
      ...line,
      ahead: baseJump,
      origins: list(words(...origins), 3),
      frontends: excerpt(frontendKey, mostListed.list),
    }),
    mostListed.excerpt,
  ),
  rulesAfterNodePorts: excerpt(object(line), mostListed.excerpt),
  markRules: excerpt(object({ ...line, effect: words('sets', 'clears') }), mostListed.excerpt),
  podForwarding: Type.Union([
    object({ fate: Type.Literal('accepted') }),
    object({
      fate: Type.Literal('dropped'),
      by: orNull(object(line)),
      pods: Type.Union([Type.Literal('any'), prefix]),
    }),
    object({ fate: Type.Literal('unknown'), reason: words(...unknownReasons) }),
  ]),
  hostPorts: excerpt(
    object({ protocol: words('tcp', 'udp', 'sctp'), port, address: orNull(address), backend: backendText }),
    mostListed.list,
  ),
  healthCheckPorts: list(port, mostListed.list),
  localDrops: count,
  droppedPackets: excerpt(object({ frontend: frontendKey, packets: counter }), mostListed.excerpt),
});

const iptables = object({
  structures: list(structure, 4),
  serviceBackends: list(backend, 2),
  proxyChains: list(text(longestText.name), mostListed.few),
  hostPortTables: list(text(longestText.words), mostListed.few),
});

const forwarding = object({
  mode: words<ReadMode>('iptables', 'nftables', 'ipvs', 'cilium'),
  unlisted: orNull(words(...unknownReasons)),
});

const nftablesStructure = object({
  family,
  chains: count,
  rules: count,
  elements: count,
  missingBaseJumps: list(baseJump, mostListed.few),
  danglingJumps: excerpt(danglingJump, mostListed.excerpt),
  duplicateRules: excerpt(duplicateRule, mostListed.excerpt),
  unreadableRules: excerpt(object(line), mostListed.excerpt),
  masqueradePath,
});
const nftables = object({ structures: list(nftablesStructure, 2) });

const virtualServer = object({ protocol: words('tcp', 'udp', 'sctp'), address, port });
const ipvs = object({
  virtualServers: count,
  realServers: count,
  drained: excerpt(
    object({
      server: virtualServer,
      backend: backendText,
      activeConnections: count,
      inactiveConnections: count,
      persistent: Type.Boolean(),
      forSeconds: seconds,
      sinceFallSeconds: seconds,
    }),
    mostListed.excerpt,
  ),
  unboundServers: excerpt(virtualServer, mostListed.excerpt),
  idleAddresses: excerpt(address, mostListed.excerpt),
  connReuseMode: orNull(Type.Integer()),
  expireQuiescentTemplate: orNull(Type.Integer()),
});

const ebpfProxy = object({
  proxy: orNull(words<EbpfProxy>('cilium', 'calico', 'antrea', 'kube-router', 'ovn-kubernetes')),
  replacesKubeProxy: orNull(Type.Boolean()),
  signs: list(text(longestText.words), mostListed.few),
  unreadBecause: orNull(text(longestText.words)),
});

const health = words('healthy', 'unhealthy', 'silent', 'unknown');
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
      what: words('iptables-restore', 'iptables-partial-restore', 'nftables-sync', 'nftables-cleanup'),
      counter,
    }),
    mostListed.few,
  ),
  serviceChanges: orNull(counter),
  endpointChanges: orNull(counter),
  syncP99Seconds: orNull(seconds),
  programmingP99Seconds: orNull(seconds),
  healthChecks: list(
    object({
      port,
      status: orNull(count),
      service: orNull(text(longestText.words)),
      localEndpoints: orNull(count),
      proxyHealthy: orNull(Type.Boolean()),
      problem: orNull(text(longestText.words)),
    }),
    mostListed.list,
  ),
  problems: list(text(longestText.words), mostListed.few),
});

const conntrack = object({
  count,
  max: count,
  drop: orNull(counter),
  earlyDrop: orNull(counter),
  insertFailed: orNull(counter),
  udp: orNull(
    excerpt(
      object({
        family,
        destination: address,
        port,
        backend: address,
        backendPort: port,
        flows: count,
        unreplied: count,
        lasting: Type.Optional(Type.Boolean()),
      }),
      mostListed.list,
    ),
  ),
  udpUnreadBecause: orNull(text(longestText.words)),
});

const kernel = object({
  conntrackTcpBeLiberal: orNull(Type.Boolean()),
  xtablesLock: orNull(
    object({
      pid: count,
      program: text(longestText.name),
      parent: orNull(text(longestText.name)),
      heldSeconds: seconds,
      waiting: count,
    }),
  ),
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
  mode: sourced(words<DataplaneMode>('iptables', 'nftables', 'ipvs', 'cilium', 'ebpf', 'none')),
  kubeProxyVersion: sourced(text(128)),
  nodeName: sourced(text(253)),
  families: list(family, 2),
  localAddresses: sourced(list(address, mostAddresses)),
  nodePortAddresses: sourced(Type.Union([words('all', 'primary'), list(prefix, mostListed.list)])),
  localDetector: object({ ipv4: detector, ipv6: detector }),
  masqueradeAll: sourced(Type.Boolean()),
  localhostNodePorts: sourced(Type.Boolean()),
  markBit: sourced(Type.Integer({ minimum: 0, maximum: 31 })),
  hairpin: sourced(words('every-endpoint', 'own-endpoints')),
  refusesOwnFirst: sourced(Type.Boolean()),
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
  forwarding: form(forwarding),
  iptables: form(iptables),
  nftables: form(nftables),
  ipvs: form(ipvs),
  ebpfProxy: form(ebpfProxy),
  conntrack: form(conntrack),
  kernel: form(kernel),
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
