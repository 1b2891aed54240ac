/** Addresses that are nobody's now and look as if they had been a pod's or a Service's: clients may still hold them. */
import type { Address, Family } from '../../proto/address.ts';
import type { FrontendKey, Protocol } from '../../proto/forwarding.ts';
import { contains, prefixSet } from '../../proto/prefixes.ts';
import { restartKubeProxy } from '../checks/shared/remedies.ts';
import type { DiagnosisStep } from '../model/diagnosis.ts';
import type { DiagnosisInput } from './input.ts';
import { openFindings, type Place, step, withCause } from './step.ts';

/** A step of L1 where the address is of a node's pod range, and no pod has it; else none. */
export function strayPod(input: DiagnosisInput, address: Address): readonly DiagnosisStep[] {
  const { objects } = input;
  if (!objects.knowsPods) return [];
  for (const { name, podCIDRs } of objects.nodes()) {
    if (!contains(prefixSet(podCIDRs), address)) continue;
    const place: Place = {
      layer: 'L1',
      direction: 'there',
      what: `the pod at ${address}`,
      node: null,
      ageSeconds: null,
    };
    const link = ownLinkOf(input, name, address);
    if (link !== null) {
      return [step(place, { verdict: 'pass', sentence: `${address} is ${name}'s own, on ${link}: no pod has it.` })];
    }
    const sentence = `No pod has ${address} now: it is of the pod range of ${name}, and whoever had it is gone.`;
    return [step(place, { verdict: 'fail', sentence, remediation: [whoHas(address)] })];
  }
  return [];
}

/** The link of a node with this address, as a bridge has the first of the node's range; null where none is seen. */
function ownLinkOf(input: DiagnosisInput, node: string, address: Address): string | null {
  const facts = input.node(node);
  if (!facts.isKnown || facts.view.parts.addresses.state !== 'ok') return null;
  return facts.view.parts.addresses.value.addresses.find((one) => one.address === address)?.link ?? null;
}

function whoHas(address: Address) {
  return {
    command: `kubectl get endpointslices -A -o wide | grep -wF ${address}`,
    effect: 'Shows whether any endpoint still has the address; a client that keeps it has to ask anew.',
  };
}

/** The stale frontend on a node that packets meet there, though no Service asks for it any more; null where there is none. */
export function leftFrontend(
  input: DiagnosisInput,
  node: string,
  asked: {
    readonly address: Address | 'node';
    readonly family: Family;
    readonly port: number | null;
    readonly protocol: Protocol;
  },
): FrontendKey | null {
  const facts = input.node(node);
  if (!facts.isKnown) return null;
  const left = facts.view.drift.find(
    ({ kind, frontend: { address, family, port, protocol } }) =>
      kind === 'stale' &&
      address === asked.address &&
      family === asked.family &&
      protocol === asked.protocol &&
      (asked.port === null || port === asked.port),
  );
  return left?.key ?? null;
}

/** What is said of rules that are left, and what mends them. */
export function leftStep(
  input: DiagnosisInput,
  { node, key }: { readonly node: string; readonly key: FrontendKey },
  place: Place,
): DiagnosisStep {
  const facts = input.node(node);
  const [finding] = openFindings(
    input,
    (one) =>
      one.node === node &&
      one.check === 'stale-service' &&
      (one.subject.name === key || one.evidence.some((piece) => piece.kind === 'forwarding' && piece.frontend === key)),
  );
  const told =
    finding === undefined ? { evidence: [], remediation: [restartKubeProxy(node)] } : withCause(input, finding);
  const sentence = `${node} still has rules for ${key.replace(/ node[46]:/, ' node port ')}, which no Service asks for any more.`;
  return step(
    { ...place, node, ageSeconds: facts.isKnown ? facts.ageSeconds : null },
    { verdict: 'fail', sentence, ...told, finding: finding ?? null },
  );
}

/** A step of L3 where the address lies among those of Services and is none's; else none. */
export function strayService(input: DiagnosisInput, address: Address, place: Place): DiagnosisStep | null {
  if (!isAmongServices(input, address)) return null;
  const sentence = `${address} is no Service's address now, and lies among those of Services: one that had it may be gone, and nobody answers there.`;
  return step(place, { verdict: 'unknown', sentence });
}

/** The range of Services is not told by the API: an address is taken to be of it that begins as most cluster IPs do. */
function isAmongServices({ objects }: DiagnosisInput, address: Address): boolean {
  const start = startOf(address);
  let [alike, all] = [0, 0];
  for (const { clusterIPs } of objects.services()) {
    const own = address.includes(':') ? clusterIPs.ipv6 : clusterIPs.ipv4;
    if (own === undefined) continue;
    all++;
    if (startOf(own) === start) alike++;
  }
  return all > 0 && alike * 2 > all;
}

/** The first 16 bits of an IPv4 address, the first 48 or so of an IPv6 one. */
function startOf(address: Address): string {
  return address.includes(':') ? address.split(':').slice(0, 3).join(':') : address.split('.').slice(0, 2).join('.');
}
