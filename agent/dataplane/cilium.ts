/**
 * What Cilium says that it does with packets to Services: its agent's answer to `GET /v1/service`, which
 * `cilium-dbg service list -o json` prints as it is (github.com/cilium/cilium, api/v1/openapi.yaml: Service).
 *
 *     [{"spec":{"id":5,"frontend-address":{"ip":"10.96.0.10","port":53,"protocol":"UDP","scope":"external"},
 *       "flags":{"type":"ClusterIP","namespace":"kube-system","name":"kube-dns","intTrafficPolicy":"Cluster"},
 *       "backend-addresses":[{"ip":"10.0.0.220","port":53,"protocol":"UDP","state":"active","weight":100}]}}]
 *
 *     packets of pods and of the node:  frontend, scope internal where there is one, else external
 *                                       -> backends that are active, without any those that are terminating
 *     packets from outside:             unknown, for the list does not hold what decides there
 *
 * It is Cilium's word, not the kernel's: its maps are not read. The list tells neither affinity nor source ranges, nor
 * what is masqueraded for outside clients. Affinity stands as none in this table, so it must not be compared there; a
 * load balancer's address, which may have source ranges, is unknown. Nothing is said of a service without a backend that
 * counts: whether its packets are rejected or dropped is a setting.
 */
import { type Address, type Backend, backendOf, type Family, familyOf, parseAddress } from '../../proto/address.ts';
import { frontendKey } from '../../proto/canonical.ts';
import type { Entry, Fate, ForwardingTable, Frontend, FrontendKey, Protocol } from '../../proto/forwarding.ts';
import { sameFate, unknownFate } from './fate.ts';

export type CiliumServices =
  | { readonly ok: true; readonly table: ForwardingTable; readonly types: ReadonlySet<string> }
  | { readonly ok: false; readonly message: string };

/** One row of the list, as far as it decides. */
interface Row {
  readonly frontend: Frontend;
  readonly isInternal: boolean;
  readonly fate: Fate;
}

const unknown = unknownFate('cilium');
/** Of these the list tells who gets the packets of pods and of the node. Host ports are no service's. */
const toldTypes = ['ClusterIP', 'NodePort', 'ExternalIPs', 'LocalRedirect'];
/** States of a backend that gets no new connection. */
const unusedStates = ['terminating-not-serving', 'quarantined', 'maintenance'];

/**
 * Reads the list.
 * @returns the table with `types` = every type that a row has, or why the text is no such list. Rows of other clusters,
 * of host ports, and those without a protocol (of Ciliums that did not tell it) have no entry.
 */
export function readCiliumServices(text: string): CiliumServices {
  const list = parseJson(text);
  if (!Array.isArray(list)) return { ok: false, message: 'it is no JSON list of services' };
  const rows = new Map<FrontendKey, Row[]>();
  const types = new Set<string>();
  for (const [index, item] of list.entries()) {
    const spec = field(item, 'spec');
    const ip = field(field(spec, 'frontend-address'), 'ip');
    if (typeof ip !== 'string')
      return { ok: false, message: `service ${index + 1} of the list has no frontend address` };
    const type = textField(field(spec, 'flags'), 'type');
    types.add(type);
    const frontend = type === 'HostPort' ? null : frontendOf(field(spec, 'frontend-address'), type);
    if (frontend === null) continue;
    const isInternal = textField(field(spec, 'frontend-address'), 'scope') === 'internal';
    const key = frontendKey(frontend);
    const known = rows.get(key);
    const row = { frontend, isInternal, fate: toldTypes.includes(type) ? fateOf(spec, frontend) : unknown };
    if (known === undefined) rows.set(key, [row]);
    else known.push(row);
  }
  const table = new Map<FrontendKey, Entry>();
  for (const [key, ofKey] of rows) table.set(key, entryOf(ofKey));
  return { ok: true, table, types };
}

/**
 * Whether Cilium replaces kube-proxy, by its own word: `kube-proxy-replacement` of `GET /v1/healthz`, which
 * `cilium-dbg status -o json` prints. Null where it does not say, or does so in part.
 */
export function readReplacement(text: string): boolean | null {
  switch (textField(field(parseJson(text), 'kube-proxy-replacement'), 'mode').toLowerCase()) {
    case 'true':
    case 'strict':
      return true;
    case 'false':
    case 'disabled':
      return false;
    default:
      return null;
  }
}

function frontendOf(address: unknown, type: string): Frontend | null {
  const ip = parseAddress(textField(address, 'ip'));
  const protocol = protocolOf(textField(address, 'protocol'));
  const port = portOf(field(address, 'port'));
  if (ip === null || protocol === null || port === null) return null;
  // Each address of the node has a row, and so has the wildcard.
  return { family: familyOf(ip), protocol, port, address: type === 'NodePort' ? 'node' : ip };
}

function fateOf(spec: unknown, { family }: Frontend): Fate {
  const listed = field(spec, 'backend-addresses') ?? [];
  if (!Array.isArray(listed)) return unknown;
  const active = new Set<Backend>();
  const terminating = new Set<Backend>();
  const weights = new Set<number>();
  for (const item of listed) {
    const backend = backendAt(item, family);
    const weight = field(item, 'weight') ?? 100;
    const state = textField(item, 'state');
    if (backend === null || typeof weight !== 'number') return unknown;
    if (weight === 0 || unusedStates.includes(state)) continue;
    weights.add(weight);
    if (state === 'terminating') terminating.add(backend);
    else if (state === 'active' || state === '') active.add(backend);
    else return unknown;
  }
  const backends = [...(active.size > 0 ? active : terminating)].sort();
  // Unequal weights count under one of Cilium's algorithms only, and which one it uses the list does not tell.
  if (backends.length === 0 || weights.size > 1) return unknown;
  return {
    route: { action: 'forward', backends, affinitySeconds: 0, sources: 'any', otherwise: 'drop' },
    dress: { shares: 'even', masquerade: 'never', hairpin: 'all' },
  };
}

function entryOf(rows: readonly Row[]): Entry {
  const internal = rows.filter(({ isInternal }) => isInternal);
  const [first, ...others] = internal.length > 0 ? internal : rows;
  if (first === undefined) throw new Error('a key of the list has at least one row');
  const agree = others.every(({ fate }) => sameFate(fate, first.fate));
  const inside = agree ? first.fate : unknownFate('address-dependent');
  return { frontend: first.frontend, forwarding: { pod: inside, node: inside, outside: unknown } };
}

/** Of another family a translation between them is made, which nothing else here does: not told. */
function backendAt(item: unknown, family: Family): Backend | null {
  const ip: Address | null = parseAddress(textField(item, 'ip'));
  const port = portOf(field(item, 'port'));
  return ip === null || port === null || familyOf(ip) !== family ? null : backendOf(ip, port);
}

function protocolOf(text: string): Protocol | null {
  const name = text.toLowerCase();
  return name === 'tcp' || name === 'udp' || name === 'sctp' ? name : null;
}

function portOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 65535 ? value : null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function textField(value: unknown, name: string): string {
  const found = field(value, name);
  return typeof found === 'string' ? found : '';
}
