/** L2: whether packets get from one node to an address on another one: routes, next hops, and what probes tell. */
import type { Address } from '../../proto/address.ts';
import type { NodeRoute } from '../../proto/parts.ts';
import { fact } from '../checks/shared/evidence.ts';
import { nodeWithAddress } from '../checks/shared/peers.ts';
import { badHopThere } from '../checks/shared/probe-hops.ts';
import { overlayProbes } from '../checks/shared/probe-results.ts';
import { lookUp, type Lookup } from '../checks/shared/route-lookup.ts';
import { shellWord } from '../checks/shared/remedies.ts';
import type { NodeView } from '../model/check.ts';
import type { DiagnosisStep } from '../model/diagnosis.ts';
import type { Evidence, Finding, Remedy } from '../model/finding.ts';
import type { DiagnosisInput, KnownNode } from './input.ts';
import { findingStep, openFindings, type Place, step } from './step.ts';

/** Packets from one node to an address on another. */
export interface Way {
  readonly from: string;
  readonly to: string;
  /** The pod's or node's address there. */
  readonly address: Address;
  readonly direction: 'there' | 'back';
}

/** The steps of one way: what findings say of it, else what the sender's own routes and probes show. */
export function waySteps(input: DiagnosisInput, way: Way): readonly DiagnosisStep[] {
  const { from, to, address, direction } = way;
  const what = `the way from ${from} to ${to}`;
  const place: Place = { layer: 'L2', direction, what, node: from, ageSeconds: null };
  const facts = input.node(from);
  if (!facts.isKnown) {
    const sentence = `How ${from} sends packets to ${address} on ${to} is not known: nothing is known of ${from} (${facts.because}).`;
    return [step({ ...place, node: null }, { verdict: 'unknown', sentence })];
  }
  const onNode = { ...place, ageSeconds: facts.ageSeconds };
  const found = lookUpOf(facts.view, address);
  const told = openFindings(input, (finding) => isOfWay(finding, way, found));
  if (told.length > 0) return told.map((finding) => findingStep(input, onNode, finding));
  return [routeStep(input, facts, { way, found, place: onNode })];
}

function lookUpOf({ parts: { routes } }: NodeView, address: Address): Lookup | null {
  return routes.state === 'ok' ? lookUp(routes.value, address) : null;
}

/** Findings about a whole node that stop what it sends to others, or forwards for them. */
const wholeNode = [
  'ip-forward-off',
  'peer-route-missing',
  'peer-fdb-missing',
  'node-unreachable',
  'bgp-down',
  'pod-cidr-mismatch',
  'pod-cidr-overlap',
];

/** Whether a finding of L2 stops packets of this way. What a node does with packets that arrive counts, too. */
function isOfWay({ layer, node, subject, check }: Finding, { from, to }: Way, found: Lookup | null): boolean {
  if (layer !== 'L2') return false;
  if (node === null) return subject.kind === 'Node' && wholeNode.includes(check) && [from, to].includes(subject.name);
  if (node === to) return check === 'ip-forward-off' || check === 'pod-cidr-mismatch';
  if (node !== from) return false;
  switch (subject.kind) {
    case 'Peer':
      return subject.name === to;
    case 'Link':
      return found?.kind === 'route' && found.routes.some(({ link }) => link === subject.name);
    case 'Node':
      return wholeNode.includes(check);
    case 'Rule':
      return found?.kind === 'refused' && check === 'blackhole-route';
    default:
      return false;
  }
}

interface Looked {
  readonly way: Way;
  readonly found: Lookup | null;
  readonly place: Place;
}

function routeStep(input: DiagnosisInput, { view }: KnownNode, { way, found, place }: Looked): DiagnosisStep {
  const { from, address } = way;
  if (found === null) {
    const sentence = `How ${from} sends packets to ${address} is not known: its routes were not read.`;
    return step(place, { verdict: 'unknown', sentence });
  }
  if (found.kind === 'unknown') {
    const sentence = `How ${from} sends packets to ${address} cannot be told: ${found.because}.`;
    return step(place, { verdict: 'unknown', sentence });
  }
  const evidence = [fact(`route of ${from} to ${address}`, lookupText(found))];
  const wrong = whatIsWrong(input, view, { way, found });
  if (wrong !== null) {
    const remediation = [showRoute(from, address)];
    return step(place, { verdict: 'fail', sentence: `${wrong}.`, evidence, remediation });
  }
  return probedStep(view, { way, found, place }, evidence);
}

/** What the sender's facts show to be wrong; null where nothing does. */
function whatIsWrong(
  input: DiagnosisInput,
  view: NodeView,
  { way: { from, to, address }, found }: Pick<Looked, 'way'> & { readonly found: Lookup },
): string | null {
  const peer = input.node(to);
  const parts = peer.isKnown ? peer.view.parts : null;
  const hop = parts === null ? null : badHopThere(view, { name: to, parts }, { target: address, bytes: null });
  if (hop !== null) return `Packets from ${from} to ${address} do not get to ${to}: ${hop}`;
  if (found.kind === 'none') return `${from} has no route to ${address}, which is on ${to}`;
  if (found.kind === 'refused') return `A route or rule of ${from} drops packets to ${address}, which is on ${to}`;
  if (found.kind !== 'route') return null;
  const [{ gateway }] = found.routes;
  const holder = gateway === null ? null : nodeWithAddress(view, gateway);
  if (holder === null || holder.name === to) return null;
  return `${from} sends packets for ${address} to ${holder.name} (${gateway}), and it is on ${to}`;
}

function probedStep(view: NodeView, { way, found, place }: Looked, evidence: readonly Evidence[]): DiagnosisStep {
  const { from, to } = way;
  const probes = overlayProbes(view.parts, ({ node }) => node === to);
  const led = found?.kind === 'route' ? routeText(found.routes[0]) : '';
  switch (probes) {
    case 'lost':
      return step(place, {
        verdict: 'fail',
        sentence: `${from} has a route to ${way.address}, and none of its newest probes to ${to} was answered.`,
        evidence,
      });
    case 'pass':
      return step(place, {
        verdict: 'pass',
        sentence: `${from} reaches the pods of ${to}: its probes are answered (${led}).`,
        evidence,
      });
    case null:
      return step(place, {
        verdict: 'pass',
        sentence: `${from} has a route to ${to} and nothing seen is against it (${led}); no probe has tried it.`,
        evidence,
      });
  }
}

function showRoute(node: string, address: Address): Remedy {
  return {
    command: `ip route get ${shellWord(address)}`,
    effect: `Run on ${node}: shows where it sends such packets now.`,
  };
}

function lookupText(found: Lookup): string {
  switch (found.kind) {
    case 'route':
      return found.routes.map(routeText).join('; ');
    case 'refused':
      return 'dropped or refused on purpose';
    case 'none':
      return 'none';
    case 'unknown':
      return found.because;
  }
}

/** `route 10.244.2.0/24 via 192.168.100.12 dev eth0`, as ip-route(8) writes it. */
export function routeText({ destination, gateway, link, onlink }: NodeRoute): string {
  return [
    `route ${destination}`,
    ...(gateway === null ? [] : [`via ${gateway}`]),
    ...(link === null ? [] : [`dev ${link}`]),
    ...(onlink ? ['onlink'] : []),
  ].join(' ');
}

/** The steps where both ends are on one node: its bridge, if any, is all that is between them. */
export function oneNodeSteps(input: DiagnosisInput, node: string): readonly DiagnosisStep[] {
  const place: Place = { layer: 'L2', direction: 'there', what: 'the way between nodes', node, ageSeconds: null };
  const told = openFindings(input, (finding) => finding.node === node && isOfBridge(finding));
  if (told.length > 0) return told.map((finding) => findingStep(input, place, finding));
  return [step(place, { verdict: 'pass', sentence: `Both ends are on ${node}: no other node is between them.` })];
}

/** What links and neighbours lead to other nodes is none of it; a node that forwards nothing still bridges. */
function isOfBridge({ layer, check, subject }: Finding): boolean {
  return (
    layer === 'L2' &&
    check === 'tunnel-down' &&
    subject.kind === 'Link' &&
    /^(?:cni|br|docker|kube-br)/.test(subject.name)
  );
}

/** The step to an address that is in no part of the cluster. */
export function outsideSteps(input: DiagnosisInput, node: string, address: Address): readonly DiagnosisStep[] {
  const what = `the way from ${node} to ${address}`;
  const place: Place = { layer: 'L2', direction: 'there', what, node, ageSeconds: null };
  const facts = input.node(node);
  if (!facts.isKnown) {
    const sentence = `How ${node} sends packets to ${address} is not known: nothing is known of ${node} (${facts.because}).`;
    return [step({ ...place, node: null }, { verdict: 'unknown', sentence })];
  }
  const onNode = { ...place, ageSeconds: facts.ageSeconds };
  const found = lookUpOf(facts.view, address);
  const evidence = found === null ? [] : [fact(`route of ${node} to ${address}`, lookupText(found))];
  switch (found?.kind) {
    case 'route': {
      const sentence = `${node} has a way to ${address} (${routeText(found.routes[0])}); what comes after it is not seen from here.`;
      return [step(onNode, { verdict: 'pass', sentence, evidence })];
    }
    case 'none':
    case 'refused': {
      const why = found.kind === 'none' ? 'no route of it fits, and there is no default route' : lookupText(found);
      const sentence = `${node} has no way to ${address}: ${why}.`;
      const remediation = [showRoute(node, address)];
      return [step(onNode, { verdict: 'fail', sentence, evidence, remediation })];
    }
    default: {
      const sentence = `How ${node} sends packets to ${address} cannot be told.`;
      return [step(onNode, { verdict: 'unknown', sentence, evidence })];
    }
  }
}
