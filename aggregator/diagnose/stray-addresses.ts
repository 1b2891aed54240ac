/** Addresses that are nobody's now and look as if they had been a pod's or a Service's: clients may still hold them. */
import type { Address } from '../../proto/address.ts';
import { contains, prefixSet } from '../../proto/prefixes.ts';
import type { DiagnosisStep } from '../model/diagnosis.ts';
import type { DiagnosisInput } from './input.ts';
import { type Place, step } from './step.ts';

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

interface Asked {
  readonly address: Address;
  readonly port: number | null;
}

/** Steps of L3 where the address lies among those of Services and is none's; null where it does not. */
export function strayService(
  input: DiagnosisInput,
  { address, port }: Asked,
  { node, place }: { readonly node: string | null; readonly place: Place },
): readonly DiagnosisStep[] | null {
  const facts = node === null ? null : input.node(node);
  const still = facts?.isKnown === true ? facts.view.drift.find((one) => isLeft(one, { address, port })) : undefined;
  if (facts?.isKnown === true && still !== undefined) {
    const onNode = { ...place, node, ageSeconds: facts.ageSeconds };
    const sentence = `${node} still has rules for ${still.key}, which no Service asks for any more.`;
    return [step(onNode, { verdict: 'fail', sentence })];
  }
  if (!isAmongServices(input, address)) return null;
  const sentence = `${address} is no Service's address now, and lies among those of Services: one that had it may be gone, and nobody answers there.`;
  return [step(place, { verdict: 'unknown', sentence })];
}

function isLeft(
  { kind, frontend }: { readonly kind: string; readonly frontend: { readonly address: string; readonly port: number } },
  asked: Asked,
): boolean {
  return (
    kind === 'stale' && frontend.address === asked.address && (asked.port === null || frontend.port === asked.port)
  );
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
