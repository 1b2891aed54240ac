/**
 * Why something could not be told of a node, for the node as a whole and for each of its layers. A part that failed is a
 * reason; an absent one is none: the checks that need it are not asked, which is no word about the node.
 */
import type { NodeParts } from '../../proto/parts.ts';
import type { Check, Need, NodeView } from '../model/check.ts';
import { type Layer, layers } from '../model/finding.ts';
import type { LayerStatus } from '../model/node-status.ts';
import { uncomparedBecause } from './uncompared.ts';

type PartName = keyof NodeParts;

/** Parts without which it cannot be said that a node serves Services. What a dataplane's own reader says comes first. */
const decisiveForServices: readonly PartName[] = [
  'iptables',
  'nftables',
  'ipvs',
  'forwarding',
  'kubeProxy',
  'addresses',
  'proxyTraces',
];

/** Those without which it cannot be said that its pods have a network and reach others. */
const decisiveForPods: readonly PartName[] = [
  'links',
  'routes',
  'neighbours',
  'networkSettings',
  'cni',
  'flannel',
  'bird',
  'podNetworks',
  'sandboxes',
  'probes',
];

/** Where these are absent, the node has no such thing, or its owner does not want it looked at. */
const mayBeAbsent: ReadonlySet<Need> = new Set<Need>(['bird', 'flannel', 'offloads', 'probes', 'sandboxes']);

/** What checks of a layer heed and do not need. */
const alsoHeeded: Readonly<Partial<Record<Layer, readonly PartName[]>>> = {
  L1: ['sandboxes', 'flannel'],
  L2: ['flannel'],
};

/** One line each; empty where all could be told. */
export function unknownReasons(view: NodeView): readonly string[] {
  return [...new Set([...serviceReasons(view), ...decisiveForPods.flatMap((name) => failureOf(view, name))])];
}

/** The parts that failed among those that a check needs: `routes: not permitted`. */
export function failedNeeds(view: NodeView, needs: readonly Need[]): readonly string[] {
  return needs.flatMap((need) => (isPart(view.parts, need) ? failureOf(view, need) : []));
}

/** How far each layer that has checks could be looked at. */
export function layerStatuses(view: NodeView, checks: readonly Check[]): readonly LayerStatus[] {
  return layers.flatMap((layer): readonly LayerStatus[] => {
    const asked = checks.filter((check) => check.layer === layer && check.scope === 'node');
    if (asked.length === 0) return [];
    const needs = new Set(asked.flatMap((check) => check.needs));
    return [layer === 'L3' ? serviceStatus(view) : statusOf(view, layer, [...needs])];
  });
}

/** Every node has a table of Services, so that nothing was looked at is a reason there. */
function serviceStatus(view: NodeView): LayerStatus {
  const because = serviceReasons(view);
  return { layer: 'L3', state: because.length > 0 ? 'unknown' : 'known', because };
}

/** A layer is known only where every check of it was asked that can concern the node. */
function statusOf(view: NodeView, layer: Layer, needs: readonly Need[]): LayerStatus {
  const heeded = [...new Set([...needs, ...(alsoHeeded[layer] ?? [])])];
  const failures = [...failedNeeds(view, heeded)];
  if (needs.includes('pods') && !view.objects.knowsPods) failures.push('the pods of the API are not known');
  if (needs.includes('policies') && view.objects.policy === null) {
    failures.push('the NetworkPolicies of the API, or what they speak of, are not known');
  }
  if (failures.length > 0) return { layer, state: 'unknown', because: [...new Set(failures)].sort() };
  const absent = needs.filter(
    (need) => isPart(view.parts, need) && !mayBeAbsent.has(need) && view.parts[need].state === 'absent',
  );
  if (absent.length === 0) return { layer, state: 'known', because: [] };
  return { layer, state: 'not-looked-at', because: [`not reported: ${absent.toSorted().join(', ')}`] };
}

function serviceReasons(view: NodeView): readonly string[] {
  const { mode } = view.profile;
  const { forwarding } = view.parts;
  const reasons: string[] = [];
  const uncompared = uncomparedBecause(view);
  if (mode.source === 'unknown') reasons.push(`dataplane mode: ${mode.reason}`);
  else if (uncompared !== null) reasons.push(uncompared);
  else if (forwarding.state === 'absent') reasons.push(`${mode.value}: no rules were reported`);
  else if (forwarding.state === 'ok' && view.desired === null) reasons.push('what the node should do is not known');
  const told = new Set(mode.source === 'unknown' ? [mode.reason] : []);
  for (const name of decisiveForServices) {
    const part = view.parts[name];
    if (part.state !== 'failed' || told.has(part.reason)) continue;
    told.add(part.reason);
    reasons.push(`${name}: ${part.reason}`);
  }
  const counts = new Map<string, number>();
  for (const one of view.drift) {
    if (one.kind === 'unknown') counts.set(one.reason, (counts.get(one.reason) ?? 0) + 1);
  }
  for (const [reason, count] of counts) reasons.push(`${count} ${count === 1 ? 'frontend' : 'frontends'}: ${reason}`);
  return reasons;
}

function failureOf({ parts }: NodeView, name: PartName): readonly string[] {
  const part = parts[name];
  return part.state === 'failed' ? [`${name}: ${part.reason}`] : [];
}

function isPart(parts: NodeParts, need: Need): need is PartName {
  return Object.hasOwn(parts, need);
}
