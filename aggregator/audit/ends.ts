/**
 * The two ends that people ask about, as they write them; one grammar for `policy`, `trace` and `matrix`.
 *
 *     pod/shop/web-0        node/node-a           svc/shop/web  svc/shop/web:http  svc/shop/web:80
 *     deployment/shop/web   statefulset/db/pg     10.244.1.7    10.96.0.10:53      [fd00::1]:53
 *     web.shop  orders.shop.svc.cluster.local:8080  example.com
 */
import { type Address, backendOf, parseAddress, parseHostPort, parseWhole } from '../../proto/address.ts';
import type { ClusterObjects, Pod } from '../model/cluster.ts';

export type End =
  | { readonly kind: 'pod'; readonly namespace: string; readonly name: string }
  | { readonly kind: 'node'; readonly name: string }
  /** `port`: a port's number or name as it was written; null = all of its ports. */
  | { readonly kind: 'service'; readonly namespace: string; readonly name: string; readonly port: string | null }
  /** `ref` is that of `workloadRef`. */
  | { readonly kind: 'workload'; readonly ref: string; readonly namespace: string; readonly name: string }
  | { readonly kind: 'address'; readonly address: Address; readonly port: number | null }
  /** A DNS name, without a dot at the end unless one was written; lower case. */
  | { readonly kind: 'name'; readonly name: string; readonly port: number | null };

export interface EndProblem {
  readonly problem: string;
}

export type ParsedEnd = End | EndProblem;

const longest = 600;
/** What kubectl takes for the same kinds. */
const kindsByWord: ReadonlyMap<string, string> = new Map([
  ...['pod', 'pods', 'po'].map((word) => [word, 'pod'] as const),
  ...['node', 'nodes', 'no'].map((word) => [word, 'node'] as const),
  ...['service', 'services', 'svc'].map((word) => [word, 'service'] as const),
  ...['deployment', 'deployments', 'deploy'].map((word) => [word, 'deployment'] as const),
  ...['statefulset', 'statefulsets', 'sts'].map((word) => [word, 'statefulset'] as const),
  ...['daemonset', 'daemonsets', 'ds'].map((word) => [word, 'daemonset'] as const),
  ...['replicaset', 'replicasets', 'rs'].map((word) => [word, 'replicaset'] as const),
  ...['job', 'jobs'].map((word) => [word, 'job'] as const),
]);
/** RFC 1123 subdomains, which names of objects are; a controller of another kind may be anything that is one word. */
const objectName = /^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$/;
const portName = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/i;
/** Labels of DNS names; an underscore occurs in names of services (RFC 2782). */
const dnsName =
  /^(?=.{1,254}$)(?:[a-z0-9_](?:[-a-z0-9_]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[-a-z0-9_]{0,61}[a-z0-9_])?\.?$/i;

const grammar =
  'Give pod/NAMESPACE/NAME, node/NAME, svc/NAMESPACE/NAME[:PORT], deployment/NAMESPACE/NAME (or another workload), an IP or a DNS name.';

/** Reads one end. @returns what is wrong, in words that say what would have been taken, where it is none. */
export function parseEnd(text: string): ParsedEnd {
  if (text.length > longest) return problemOf(text, 'is too long');
  if (text.includes('/')) return parseObject(text);
  const address = parseAddress(text) ?? (/^\[.*\]$/.test(text) ? parseAddress(text.slice(1, -1)) : null);
  if (address !== null) return { kind: 'address', address, port: null };
  const hostPort = parseHostPort(text);
  if (hostPort !== null) return { kind: 'address', ...hostPort };
  return parseName(text);
}

function parseObject(text: string): ParsedEnd {
  const [word = '', ...rest] = text.split('/');
  const kind = kindsByWord.get(word) ?? word;
  if (kind !== 'service' && /:\d+$/.test(text)) {
    return problemOf(text, 'names a port, which only a Service does: give it for itself (--port, or port= in a URL)');
  }
  if (kind === 'node') {
    const [name = '', ...more] = rest;
    return more.length === 0 && objectName.test(name)
      ? { kind, name }
      : problemOf(text, 'is no node: a node is written node/NAME');
  }
  const [namespace = '', last = '', ...more] = rest;
  if (more.length > 0 || !objectName.test(namespace)) {
    return problemOf(text, `is not of the form ${word}/NAMESPACE/NAME`);
  }
  if (kind === 'service') return parseService(text, namespace, last);
  if (!objectName.test(last)) return problemOf(text, `is not of the form ${word}/NAMESPACE/NAME`);
  if (kind === 'pod') return { kind, namespace, name: last };
  return /^[a-z][a-z0-9]*$/.test(kind)
    ? { kind: 'workload', ref: `${kind}/${namespace}/${last}`, namespace, name: last }
    : problemOf(text, `begins with ${JSON.stringify(word)}, which is no kind`);
}

function parseService(text: string, namespace: string, last: string): ParsedEnd {
  const [name = '', port, ...more] = last.split(':');
  if (!objectName.test(name) || more.length > 0) return problemOf(text, 'is not of the form svc/NAMESPACE/NAME[:PORT]');
  if (port === undefined) return { kind: 'service', namespace, name, port: null };
  const isNumber = /^\d+$/.test(port);
  const fits = isNumber ? isPort(port) : portName.test(port);
  if (!fits)
    return problemOf(
      text,
      `has the port ${JSON.stringify(port)}, which is neither a number from 1 to 65535 nor a name`,
    );
  return { kind: 'service', namespace, name, port: isNumber ? String(Number(port)) : port };
}

function parseName(text: string): ParsedEnd {
  const [name = '', port, ...more] = text.split(':');
  // What is made of digits and dots alone was meant as an address.
  if (more.length > 0 || !dnsName.test(name) || /^[\d.]+$/.test(name))
    return problemOf(text, 'is neither an IP nor a name');
  if (port !== undefined && !isPort(port)) {
    return problemOf(text, `has the port ${JSON.stringify(port)}, which is no number from 1 to 65535`);
  }
  return { kind: 'name', name: name.toLowerCase(), port: port === undefined ? null : Number(port) };
}

function isPort(text: string): boolean {
  return (parseWhole(text, 65_535) ?? 0) > 0;
}

function problemOf(text: string, what: string): EndProblem {
  return { problem: `${JSON.stringify(text.slice(0, 100))} ${what}. ${grammar}` };
}

/** An end as it is written, in its long form. */
export function endText(end: End): string {
  switch (end.kind) {
    case 'pod':
      return `pod/${end.namespace}/${end.name}`;
    case 'node':
      return `node/${end.name}`;
    case 'service':
      return `svc/${end.namespace}/${end.name}${end.port === null ? '' : `:${end.port}`}`;
    case 'workload':
      return end.ref;
    case 'address':
      return end.port === null ? end.address : backendOf(end.address, end.port);
    case 'name':
      return end.port === null ? end.name : `${end.name}:${end.port}`;
  }
}

/** Whose pod it is: `deployment/shop/web`, `daemonset/kube-system/kube-proxy`; `pod/shop/debug` of one without a controller. */
export function workloadRef({ namespace, name, owner }: Pick<Pod, 'namespace' | 'name' | 'owner'>): string {
  return owner === undefined ? `pod/${namespace}/${name}` : `${owner.kind.toLowerCase()}/${namespace}/${owner.name}`;
}

/** Whether a pod has, or will have, a network: Succeeded and Failed ones have none any more. */
export function isLive({ phase }: Pick<Pod, 'phase'>): boolean {
  return phase !== 'Succeeded' && phase !== 'Failed';
}

/**
 * The live pods that an end stands for: the pod, those of the workload, those behind the Service (of every port), the one
 * with the address. Of a node, of a name and of an address outside there are none. Costs what the namespace has.
 */
export function podsOf(objects: ClusterObjects, end: End): readonly Pod[] {
  switch (end.kind) {
    case 'pod':
      return [...objects.podsIn(end.namespace)].filter((pod) => pod.name === end.name && isLive(pod));
    case 'workload':
      return [...objects.podsIn(end.namespace)].filter((pod) => isLive(pod) && workloadRef(pod) === end.ref);
    case 'service':
      return podsBehind(objects, end.namespace, end.name);
    case 'address':
      return objects.podsWithAddress(end.address).filter(isLive);
    case 'node':
    case 'name':
      return [];
  }
}

function podsBehind(objects: ClusterObjects, namespace: string, name: string): readonly Pod[] {
  const addresses = objects
    .endpointSlices(namespace, name)
    .flatMap(({ endpoints }) => endpoints.map(({ address }) => address));
  return [...new Set(addresses.flatMap((address) => objects.podsWithAddress(address)))].filter(isLive);
}
