/**
 * The form of every part, since what a node sends is hostile until it is read: no member more or less, every text and
 * list with its limit, every address in its canonical text.
 */
import Type, { type Static, type TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { origins, unknownReasons } from '../../proto/forwarding.ts';
import type { EbpfProxy, ForwardingReport, NodeParts, Part, PartName, ReadMode } from '../../proto/parts.ts';
import type { DataplaneMode, NodeProfile } from '../../proto/profile.ts';
import { dns } from './dns-part-schema.ts';
import * as network from './network-part-schemas.ts';
import {
  address,
  backend,
  backendText,
  chainName,
  count,
  counter,
  excerpt,
  family,
  frontendKey,
  list,
  longestText,
  mostAddresses,
  mostListed,
  name,
  object,
  orNull,
  port,
  prefix,
  seconds,
  text,
  words,
} from './schema-pieces.ts';

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

const proxyTraces = object({ iptables: Type.Boolean(), nftables: Type.Boolean(), ipvs: Type.Boolean() });

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
  addresses: form(network.addresses),
  proxyTraces: form(proxyTraces),
  routes: form(network.routes),
  links: form(network.links),
  neighbours: form(network.neighbours),
  networkSettings: form(network.networkSettings),
  networkCounters: form(network.networkCounters),
  offloads: form(network.offloads),
  cni: form(network.cni),
  flannel: form(network.flannel),
  bird: form(network.bird),
  podNetworks: form(network.podNetworks),
  sandboxes: form(network.sandboxes),
  probes: form(network.probes),
  dns: form(dns),
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
