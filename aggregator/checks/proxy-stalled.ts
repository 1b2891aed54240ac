/*
 * kube-proxy follows Services and EndpointSlices by two watches. A connection that dies without a word (a load balancer
 * in front of the API that forgets idle connections, a half-open HTTP/2 stream) leaves it waiting for events that never
 * come: kubernetes#76338, #56720, #77242, #83263, #57109. It has nothing to sync, so it calls itself healthy, and all its
 * metrics stand still, exactly as in a quiet cluster. What tells the two apart is the cluster's own history: the node
 * shows the state of one moment, for everything that changed since.
 */
import type { FrontendKey } from '../../proto/forwarding.ts';
import type { KubeProxyReport } from '../../proto/parts.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Evidence, Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { driftClock, nodeSubject } from './shared/findings.ts';
import { answers, counterText, familyText, isTroubled, syncTrouble } from './shared/kube-proxy-syncs.ts';
import { resync, showProxyLog } from './shared/remedies.ts';
import { timeText, unixSeconds } from './shared/times.ts';
import { counted, joined } from './shared/words.ts';

export const proxyStalled: NodeCheck = {
  id: 'proxy-stalled',
  layer: 'L3',
  scope: 'node',
  severity: 'critical',
  title: 'The node stands still at a past state of the cluster, though kube-proxy calls itself healthy',
  explanation: `Three or more Services differ on this node from what the API asks for, and each of them shows what was asked for at one and the same moment in the past. So the rules are not damaged: they are old, all from the same time. kube-proxy answers, reports no failing sync and calls itself healthy, which is what it does when its watches of the API have died without its noticing: nothing arrives, so there is nothing to do.

From that moment on every change is missing on this node. The findings of the single Services are children of this one.`,
  falsePositives: `A quiet cluster's metrics stand still too, so they are evidence here and never a condition: what counts is that the API did change and this node did not. Differences that were never wanted are damage and not explained by this; a few of them beside do not hide it, while a node on which most of what differs does not fit the one moment has another trouble. Services that changed a moment ago fit any moment: those inside their grace time are not judged, and the finding waits 30 s. A kube-proxy that does not answer (\`proxy-down\`) or fails (\`proxy-sync-failing\`) is told by those.`,
  remediation: `Restart kube-proxy on the node: it lists everything anew. If it comes back, look at what lies between the node and the API server: idle timeouts of load balancers and NAT that are shorter than the keep-alive of the connection.`,
  needs: ['drift', 'kubeProxy', 'history'],
  ...driftClock,
  evaluate,
};

/** Fewer may show one time by chance. */
const leastServices = 3;

/** A frontend that shows a past state, and a time when that held, in Unix seconds; it may have held at several. */
interface PastState {
  readonly key: FrontendKey;
  readonly from: number;
  readonly until: number;
}

function evaluate(view: NodeView): readonly Violation[] {
  const part = view.parts.kubeProxy;
  if (part.state !== 'ok' || !answers(part.value)) return [];
  if (isTroubled(syncTrouble(view, part))) return [];
  const states = pastStates(view);
  const moment = commonMoment(states);
  if (moment === null) return [];
  const standing = states.filter(({ from, until }) => from <= moment && moment <= until).map(({ key }) => key);
  const services = servicesOf(view, standing);
  const explained = [...standing, ...halfFollowed(view, moment)];
  const others = differingOtherwise(view, new Set(explained));
  const otherServices = servicesOf(view, others).filter((service) => !services.includes(service));
  if (services.length < leastServices || otherServices.length > services.length) return [];
  const evidence = [
    fact('state of', timeText(moment)),
    fact('Services that show it', `${services.length}: ${joined(services, 8)}`),
    ...kubeProxyEvidence(part.value, moment),
    ...changeEvidence(view),
    ...(others.length === 0 ? [] : [fact('differ for another reason', counted(others.length, 'frontend'))]),
  ];
  return [
    {
      subject: nodeSubject(view),
      summary: `${view.name} stands still at the state of ${timeText(moment)}: ${services.length} Services that changed since are served as they were then, while kube-proxy ${part.value.healthz === 'healthy' ? 'calls itself healthy' : 'answers'}.`,
      evidence,
      remediation: [showProxyLog(view.name, 'watch'), ...resync(view)],
      frontends: explained,
      explains: explained,
    },
  ];
}

function pastStates({ drift, history }: NodeView): readonly PastState[] {
  return drift.flatMap(({ kind, key }): readonly PastState[] => {
    const staleness = history?.staleness.get(key);
    if (kind === 'unknown' || staleness?.shows !== 'past-state') return [];
    return [staleness, ...(staleness.earlier ?? [])].flatMap((time) => {
      const [from, until] = [unixSeconds(time.from), unixSeconds(time.until)];
      return from === null || until === null ? [] : [{ key, from, until }];
    });
  });
}

/**
 * What kube-proxy was about to follow as it fell silent: of a change that comes by two watches it heard one half. It
 * shows nothing that was ever wanted, and the API has asked for something else since that moment.
 */
function halfFollowed({ drift, history }: NodeView, moment: number): readonly FrontendKey[] {
  return drift.flatMap(({ kind, key }): readonly FrontendKey[] => {
    const staleness = history?.staleness.get(key);
    if (kind === 'unknown' || staleness?.shows !== 'never-wanted' || staleness.changedAt === undefined) return [];
    const changedAt = unixSeconds(staleness.changedAt);
    return changedAt !== null && changedAt >= moment ? [key] : [];
  });
}

/**
 * The moment that most states have in common: the end of the one among them that ended first. The times of one state do
 * not overlap, so each counts once. Null without any state.
 *
 *     shop/web    |------------|
 *     shop/cart        |------------|
 *     shop/db   |----------------|
 *                              ^ this moment
 */
function commonMoment(states: readonly PastState[]): number | null {
  const begins = states.map(({ from }) => from).sort((one, other) => one - other);
  const ends = states.map(({ until }) => until).sort((one, other) => one - other);
  let best: { readonly moment: number; readonly count: number } | null = null;
  let begun = 0;
  for (const [ended, moment] of ends.entries()) {
    while (begun < begins.length && (begins[begun] ?? 0) <= moment) begun++;
    const count = begun - ended;
    if (best === null || count > best.count) best = { moment, count };
  }
  return best?.moment ?? null;
}

/** What differs and is known not to be of that moment. What cannot be dated speaks neither for nor against it. */
function differingOtherwise({ drift, history }: NodeView, explained: ReadonlySet<FrontendKey>): readonly FrontendKey[] {
  return drift
    .filter(({ kind, key }) => kind !== 'unknown' && !explained.has(key) && history?.staleness.has(key) === true)
    .map(({ key }) => key);
}

/** The Services that frontends belong to, as far as it is known, by name. */
function servicesOf({ owners }: NodeView, keys: readonly FrontendKey[]): readonly string[] {
  const names = keys.flatMap((key) => {
    const owner = owners.get(key);
    return owner === undefined ? [] : [`${owner.namespace}/${owner.name}`];
  });
  return [...new Set(names)].sort();
}

function kubeProxyEvidence(report: KubeProxyReport, moment: number): readonly Evidence[] {
  const { serviceChanges, endpointChanges } = report;
  return [
    fact('/healthz', report.healthz),
    ...report.lastSync.map(({ family, seconds }) => {
      const distance = Math.round(Math.abs(seconds - moment));
      const side = seconds <= moment ? 'before' : 'after';
      return fact(`last sync, ${familyText(family)}`, `${timeText(seconds)}, ${distance} s ${side} that moment`);
    }),
    ...(serviceChanges === null ? [] : [fact('changes of Services it heard of', counterText(serviceChanges))]),
    ...(endpointChanges === null ? [] : [fact('changes of endpoints it heard of', counterText(endpointChanges))]),
  ];
}

function changeEvidence({ history }: NodeView): readonly Evidence[] {
  const changed = history?.desiredChangedAt ?? null;
  const seconds = changed === null ? null : unixSeconds(changed);
  return seconds === null ? [] : [fact('the API last changed what it should do', timeText(seconds))];
}
