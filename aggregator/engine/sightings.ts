/** What the checks said of a node, as the lifecycle wants it: with the times that decide when it counts. */
import { parseAddress } from '../../proto/address.ts';
import type { FrontendKey } from '../../proto/forwarding.ts';
import { acceptedUntil } from '../audit/acceptance.ts';
import type { JudgedFinding, NodeJudgement } from '../audit/evaluate.ts';
import type { PlacedDrifts } from '../audit/grace.ts';
import type { Absence, Sighting } from '../audit/lifecycle.ts';
import { firstUnknown } from '../audit/object-needs.ts';
import { failedNeeds } from '../audit/unknown-reasons.ts';
import type { Check, Need, NodeView } from '../model/check.ts';
import type { ClusterNode, ClusterObjects, Service } from '../model/cluster.ts';
import type { Finding } from '../model/finding.ts';
import type { TrackedFinding } from '../model/lifecycle.ts';

/** What of the cluster decides over single findings. */
export interface Surroundings {
  readonly services: ReadonlyMap<string, Service>;
  readonly objects: ClusterObjects;
  readonly checks: ReadonlyMap<string, Check>;
  /** Until when it is known what the API wants: the last word of the kinds that decide it. Unix ms. */
  readonly wantedKnownUntil: number;
  /** Unix ms. */
  readonly now: number;
}

/** A node that is on its way in or out does many things that would be faults elsewhere (rule G7). */
const youngNodeMs = 120_000;

/** A cause that several Services share counts once so many of them are past their grace, however many join them. */
const servicesPastGrace = 3;

/**
 * By fingerprint, all that was said.
 * @param seen the node that it was said of; null for the whole cluster.
 */
export function sightingsOf(
  findings: readonly JudgedFinding[],
  seen: { readonly view: NodeView; readonly placed: PlacedDrifts } | null,
  around: Surroundings,
): ReadonlyMap<string, Sighting> {
  const node = seen?.view.node ?? null;
  const placed = seen?.placed ?? null;
  return new Map(
    findings.map(({ finding, frontends }) => {
      const unsettled = node === null ? null : whyUnsettled(node, finding, around.now);
      const check = around.checks.get(finding.check);
      const speaksOfDrift = check?.needs.includes('drift') ?? false;
      const times = placed === null ? [] : frontends.flatMap((key) => placed.times.get(key) ?? []);
      const sinces = times.flatMap(({ since }) => since ?? []);
      const shows = speaksOfDrift && placed !== null ? showsWhat(frontends, placed) : null;
      const sighting: Sighting = {
        finding: unsettled === null ? finding : tempered(finding, unsettled),
        frontends,
        holdForSeconds: check?.holdForSeconds ?? 0,
        graceUntil: speaksOfDrift && seen !== null ? graceOf(finding, frontends, seen) : 0,
        // That a state is past, the API has told us itself.
        wantedKnownUntil: speaksOfDrift && shows !== 'past-state' ? around.wantedKnownUntil : Number.POSITIVE_INFINITY,
        since: speaksOfDrift && sinces.length > 0 ? Math.min(...sinces) : null,
        shows,
      };
      return [finding.fingerprint, sighting] as const;
    }),
  );
}

/** When the finding's frontends are past their grace, Unix ms. */
function graceOf(
  { subject }: Finding,
  frontends: readonly FrontendKey[],
  { view, placed }: { readonly view: NodeView; readonly placed: PlacedDrifts },
): number {
  const byService = new Map<string, number>();
  for (const key of frontends) {
    const owner = view.owners.get(key);
    const service = owner === undefined ? key : `${owner.namespace}/${owner.name}`;
    const until = placed.times.get(key)?.graceUntil ?? 0;
    byService.set(service, Math.max(until, byService.get(service) ?? 0));
  }
  const sorted = [...byService.values()].sort((a, b) => a - b);
  const counted = subject.kind === 'Node' ? sorted.slice(0, servicesPastGrace) : sorted;
  return counted.at(-1) ?? 0;
}

/** One past state makes it a matter of age; what was never wanted is damage only where nothing shows a past state. */
function showsWhat(frontends: readonly FrontendKey[], { staleness }: PlacedDrifts): TrackedFinding['shows'] {
  const shown = frontends.flatMap((key) => staleness.get(key)?.shows ?? []);
  if (shown.includes('past-state')) return 'past-state';
  return shown.includes('never-wanted') ? 'never-wanted' : null;
}

/** In the kubelet's words (pkg/kubelet/runtime.go): that the network of pods is not there is what it waits for. */
const waitsForNetwork = /network not ready|NetworkPluginNotReady|NetworkReady=false/i;

function whyUnsettled(node: ClusterNode, { layer }: Finding, now: number): string | null {
  if (node.leaving) return `${node.name} is cordoned or about to be removed`;
  // Where that is why, it is a consequence of what L1 finds, and no reason to think less of it.
  const isConsequence = layer === 'L1' && waitsForNetwork.test(node.notReadyBecause ?? '');
  if (node.ready === false && !isConsequence) return `${node.name} is not ready`;
  const age = node.createdAt === null ? Number.POSITIVE_INFINITY : now - Date.parse(node.createdAt);
  return age < youngNodeMs ? `${node.name} joined less than two minutes ago` : null;
}

function tempered(finding: Finding, because: string): Finding {
  const evidence = [...finding.evidence, { kind: 'fact', name: 'severity lowered', value: because } as const];
  return { ...finding, severity: 'low', evidence };
}

/** What it means that a finding of a node is not seen, given that the node was looked at. */
export function absenceOn(
  view: NodeView,
  placed: PlacedDrifts,
  judgement: NodeJudgement,
  around: Surroundings,
): (finding: TrackedFinding) => Absence {
  const unreadable = new Map(
    view.drift.flatMap((drift) => (drift.kind === 'unknown' ? [[drift.key, drift.reason] as const] : [])),
  );
  return (finding) => {
    const { check, subject, frontends } = finding;
    if (!around.checks.has(check)) return { kind: 'gone', because: 'the check is not made any more' };
    // That a deleted Service is still served is what stale-service is about.
    if (subject.kind === 'Service' && check !== 'stale-service') {
      const name = `${subject.namespace}/${subject.name}`;
      if (!around.services.has(name)) return { kind: 'gone', because: `Service ${name} was deleted` };
    }
    const gone = whyGone(subject, view);
    if (gone !== null) return { kind: 'gone', because: gone };
    if (!judgement.asked.has(check)) {
      const needs = around.checks.get(check)?.needs ?? [];
      return { kind: 'frozen', because: `${check} could not be asked: ${whyNotAsked(needs, view, judgement)}` };
    }
    if (frontends.some((key) => placed.converging.has(key))) return { kind: 'undecided' };
    const key = frontends.find((one) => unreadable.has(one));
    if (key !== undefined) return { kind: 'frozen', because: `${key} cannot be read: ${unreadable.get(key)}` };
    return { kind: 'clean' };
  };
}

function whyNotAsked(needs: readonly Need[], view: NodeView, { unknownReasons }: NodeJudgement): string {
  const unknown = firstUnknown(view.objects, needs);
  if (unknown !== null) return unknown;
  const reasons = failedNeeds(view, needs);
  return (reasons.length > 0 ? reasons : unknownReasons).join('; ') || 'what it needs was not reported';
}

/** A pod that was deleted, or is on another node now, has no fault here any more; nor has the way to a deleted node. */
function whyGone(subject: Finding['subject'], { objects, name, peers }: NodeView): string | null {
  if (subject.kind === 'Pod' && objects.knowsPods) {
    for (const pod of objects.podsOn(name)) {
      if (pod.namespace === subject.namespace && pod.name === subject.name) return null;
    }
    return `Pod ${subject.namespace}/${subject.name} is not on ${name} any more`;
  }
  // A router that is no Node never was one.
  if (subject.kind !== 'Peer' || isAddress(subject.name) || objects.node(subject.name) !== null) return null;
  return peers.parts(subject.name) === null ? `Node ${subject.name} was deleted` : null;
}

function isAddress(text: string): boolean {
  return parseAddress(text) !== null;
}

/**
 * Whether a finding's Service, its Namespace or its node accepts it.
 * @param node the node that the finding is on; null for the whole cluster, whose findings may be about a node.
 */
export function acceptanceOn(
  node: ClusterNode | null,
  { objects, now }: Surroundings,
): (finding: TrackedFinding) => string | null {
  return (finding) => {
    const { subject, acceptedUntil: before } = finding;
    const isOfService = subject.kind === 'Service';
    const isNamed = 'namespace' in subject;
    const owners = {
      service: isOfService ? objects.service(subject.namespace, subject.name) : null,
      namespace: isNamed ? objects.namespace(subject.namespace) : null,
      node: node ?? (subject.kind === 'Node' ? objects.node(subject.name) : null),
    };
    const until = acceptedUntil(finding, owners, now);
    if (until !== null || objects.knowsNamespaces || !isNamed || before === null) return until;
    // Its Namespace may have accepted it, and cannot be asked: what holds is not taken back for that.
    return before === 'always' || Date.parse(before) > now ? before : null;
  };
}
