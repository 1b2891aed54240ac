/**
 * The NetworkPolicies that would allow a flow, as YAML: one for each side that denies it, as narrow as labels go. Written
 * by hand: values are JSON strings, which YAML reads as they are.
 */
import { hash } from 'node:crypto';
import type { Address } from '../../../proto/address.ts';
import { prefixOfAddress } from '../../../proto/prefixes.ts';
import type { Pod } from '../../model/cluster.ts';
import type { Flow, PolicyDirection, PolicyVerdict } from '../../model/policy.ts';
import { type EndsSource, type SeenEnd, seenSource, seenTarget } from './flow-ends.ts';

/** Labels that change with every roll-out or release, or belong to one pod alone. */
const passingLabels: ReadonlySet<string> = new Set([
  'pod-template-hash',
  'controller-revision-hash',
  'pod-template-generation',
  'statefulset.kubernetes.io/pod-name',
  'apps.kubernetes.io/pod-index',
  'controller-uid',
  'job-name',
  'helm.sh/chart',
  'app.kubernetes.io/version',
  'batch.kubernetes.io/controller-uid',
  'batch.kubernetes.io/job-name',
  'batch.kubernetes.io/job-completion-index',
  // Where a pod is, which may be elsewhere tomorrow.
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
]);

/** Null where no side denies. */
export function allowingPolicies(flow: Flow, verdict: PolicyVerdict, source: EndsSource): string | null {
  const from = seenSource(flow, null, source);
  const to = seenTarget(flow, null);
  const documents = [
    ...(verdict.egress.state === 'denied' && from.pod !== null ? [policyYaml('egress', flow, [from.pod, to])] : []),
    ...(verdict.ingress.state === 'denied' && to.pod !== null ? [policyYaml('ingress', flow, [to.pod, from])] : []),
  ];
  return documents.length === 0 ? null : documents.join('---\n');
}

function policyYaml(direction: PolicyDirection, flow: Flow, [own, peer]: readonly [Pod, SeenEnd]): string {
  const isIngress = direction === 'ingress';
  const spec = [
    ...remarkLines(own, '  '),
    ...selectorLines('podSelector', stableLabels(own), '  '),
    `  policyTypes: [${isIngress ? 'Ingress' : 'Egress'}]`,
    `  ${direction}:`,
    `    - ${isIngress ? 'from' : 'to'}:`,
    ...peerLines(peer, own.namespace),
    '      ports:',
    `        - protocol: ${flow.protocol.toUpperCase()}`,
    `          port: ${flow.port}`,
  ];
  return `${[
    'apiVersion: networking.k8s.io/v1',
    'kind: NetworkPolicy',
    'metadata:',
    `  name: ${JSON.stringify(nameOf(direction, flow, spec))}`,
    `  namespace: ${JSON.stringify(own.namespace)}`,
    'spec:',
    ...spec,
  ].join('\n')}\n`;
}

/** A pod in its node's network is known by the node's addresses, as everything else there. */
function peerLines({ pod, hostOf, addresses }: SeenEnd, own: string): readonly string[] {
  if (pod === null || hostOf !== null || pod.hostNetwork) return addresses.flatMap(blockLines);
  const lines = [
    ...(pod.namespace === own
      ? []
      : selectorLines('namespaceSelector', { 'kubernetes.io/metadata.name': pod.namespace }, '')),
    ...selectorLines('podSelector', stableLabels(pod), ''),
  ];
  return [...remarkLines(pod, '        '), ...lines.map((line, index) => `        ${index === 0 ? '-' : ' '} ${line}`)];
}

/** Where the selector cannot tell this pod from others. */
function remarkLines(pod: Pod, indent: string): readonly string[] {
  return Object.keys(stableLabels(pod)).length > 0
    ? []
    : [`${indent}# The pod has no label that lasts, so this means every pod of its namespace.`];
}

function blockLines(address: Address): readonly string[] {
  return ['        - ipBlock:', `            cidr: ${JSON.stringify(prefixOfAddress(address))}`];
}

function selectorLines(name: string, labels: Pod['labels'], indent: string): readonly string[] {
  const entries = Object.entries(labels);
  if (entries.length === 0) return [`${indent}${name}: {}`];
  return [
    `${indent}${name}:`,
    `${indent}  matchLabels:`,
    ...entries.map(([key, value]) => `${indent}    ${keyText(key)}: ${JSON.stringify(value)}`),
  ];
}

function stableLabels({ labels }: Pod): Pod['labels'] {
  const entries = Object.entries(labels).filter(([key]) => !passingLabels.has(key));
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Bare where it can be read as nothing else. */
function keyText(key: string): string {
  return /^[a-z][a-z0-9]*(?:[./-][a-z0-9]+)*$/.test(key) && !/^(?:true|false|null|yes|no|on|off|y|n)$/.test(key)
    ? key
    : JSON.stringify(key);
}

/**
 * `allow-8080-tcp-from-shop-3f2a9`, `allow-53-udp-to-kube-system-0c41d`, `allow-80-tcp-from-addresses-77e02`: at most 253
 * characters. What is allowed has a part in it: one policy that is applied must not take the place of another.
 */
function nameOf(direction: PolicyDirection, { from, to, port, protocol }: Flow, spec: readonly string[]): string {
  const peer = direction === 'ingress' ? from : to;
  const whose = peer.kind === 'pod' && !peer.pod.hostNetwork ? peer.pod.namespace : 'addresses';
  const digest = hash('sha256', spec.join('\n'), 'hex').slice(0, 5);
  return `allow-${port}-${protocol}-${direction === 'ingress' ? 'from' : 'to'}-${whose}-${digest}`;
}
