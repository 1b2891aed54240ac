/*
 * kube-proxy takes a real server away gracefully: it sets the weight to 0, looks again every minute, and deletes the
 * server when it has no connection left (one of UDP at once). Three things go wrong with that.
 * The endpoint comes back and the weight stays 0 (kubernetes#92019, #108319: the list of those to delete lives in
 * kube-proxy's memory); where all have weight 0, the kernel says "no destination available" and refuses.
 * Clients keep coming although the weight is 0: those that the virtual server keeps with their server, unless
 * expire_quiescent_template is 1 (kubernetes#71809, kube-proxy sets it since v1.14), and those that use a source port
 * again within its two minutes of TIME_WAIT, unless conn_reuse_mode is 1 and the kernel at least 5.9 (kubernetes#81775).
 * Or the connections stay because nobody ends them, and the server is never deleted (kubernetes#89392).
 */
import { origins } from '../../proto/forwarding.ts';
import { parseHostPort } from '../../proto/address.ts';
import type { DrainedServer, IpvsReport } from '../../proto/parts.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Remedy, Violation } from '../model/finding.ts';
import { subjectText } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { groupBySubject } from './shared/faults.ts';
import { driftClock, unique } from './shared/findings.ts';
import {
  deleteServer,
  frontendsServed,
  giveWeight,
  ipvsOf,
  placeText,
  type ServedFrontend,
  setSetting,
} from './shared/ipvs.ts';
import { resync, restartKubeProxy, showEndpoints } from './shared/remedies.ts';
import { counted, joined } from './shared/words.ts';

/** Connections that nobody uses end after 15 minutes, and kube-proxy looks once a minute. */
const patienceSeconds = 20 * 60;
const mostCommands = 5;

export const ipvsDrainedBackend: NodeCheck = {
  id: 'ipvs-drained-backend',
  layer: 'L3',
  scope: 'node',
  severity: 'high',
  title: 'A real server has weight 0 and should serve, or should be gone',
  explanation: `In ipvs mode kube-proxy removes an endpoint gracefully: it sets its weight to 0 and deletes it when its last connection has ended. Either a server with weight 0 is an endpoint that this node has to use: it gets no new connections, and where it is the only one the Service refuses them all ("no destination available" in the kernel's log). Or a server that nobody wants any more still has connections that do not become fewer: clients with session affinity go on to it while \`net.ipv4.vs.expire_quiescent_template\` is 0, clients that use a source port again do while \`net.ipv4.vs.conn_reuse_mode\` is 0, and then it is never deleted.

A server that has no connection left and is still there after ${patienceSeconds / 60} minutes is \`low\`: it takes no traffic, but kube-proxy does not clean up.`,
  falsePositives: `Graceful termination is normal. A server that nobody wants is told only after ${patienceSeconds / 60} minutes in which its connections did not become fewer, and not at all while its pod still runs and no setting sends new clients there (where \`expire_quiescent_template\` is 0 and clients are kept, it is told after as long, however many come and go): long connections to a pod that is not ready, or is terminating, may last for hours. A recording alone does not show how long it has been so: there only servers that should serve are told.`,
  remediation: `Restart kube-proxy on the node: its first sync gives every endpoint its weight back, and it takes up the removal of the others anew. The finding's commands mend a single server at once. The settings are kube-proxy's own; if they are 0, something else on the node sets them.`,
  needs: ['drift', 'ipvs'],
  ...driftClock,
  evaluate,
};

interface Drained extends ServedFrontend {
  readonly drained: DrainedServer;
}

function evaluate(view: NodeView): readonly Violation[] {
  const report = ipvsOf(view);
  if (report === null || report.drained.total === 0) return [];
  const drifting = new Set(view.drift.map(({ key }) => key));
  const all = report.drained.first.flatMap((drained) =>
    frontendsServed(view, drained.server).map((served): Drained => ({ ...served, drained })),
  );
  const known = all.filter(({ key }) => view.desired?.has(key) === true || view.observed?.has(key) === true);
  const wanted = known.filter((one) => isWanted(view, one));
  const unserved = wanted.filter(({ key }) => drifting.has(key));
  const left = known.filter((one) => !wanted.includes(one) && isLeft(view, report, one));
  return [
    ...groupBySubject(view, unserved).map(({ subject, items }) => unservedViolation(view, subject, items)),
    ...groupBySubject(view, left).map(({ subject, items }) => leftViolation(view, report, subject, items)),
  ];
}

function isWanted(view: NodeView, { key, drained }: Drained): boolean {
  const wanted = view.desired?.get(key)?.forwarding;
  if (wanted === undefined) return false;
  return origins.some((origin) => {
    const { route } = wanted[origin];
    return route.action === 'forward' && route.backends.includes(drained.backend);
  });
}

/** Whether a server that nobody wants should have been deleted by now. */
function isLeft(view: NodeView, report: IpvsReport, one: Drained): boolean {
  const { drained } = one;
  const connections = connectionsOf(drained);
  // Those that are kept come and go for as long as they like, so how many there are falls again and again.
  if (connections > 0 && keepsClients(report, drained)) return drained.forSeconds >= patienceSeconds;
  if (drained.sinceFallSeconds < patienceSeconds) return false;
  return connections === 0 || reusesPorts(report, drained) || !isKnownEndpoint(view, one);
}

function connectionsOf({ activeConnections, inactiveConnections }: DrainedServer): number {
  return activeConnections + inactiveConnections;
}

function keepsClients({ expireQuiescentTemplate }: IpvsReport, { persistent }: DrainedServer): boolean {
  return persistent && expireQuiescentTemplate === 0;
}

function reusesPorts({ connReuseMode }: IpvsReport, { inactiveConnections }: DrainedServer): boolean {
  return connReuseMode === 0 && inactiveConnections > 0;
}

/** Whether the API still has the endpoint, ready or not: then its pod runs. */
function isKnownEndpoint(view: NodeView, { key, drained }: Drained): boolean {
  const owner = view.owners.get(key);
  const address = parseHostPort(drained.backend)?.address;
  if (owner === undefined) return false;
  const slices = view.objects.endpointSlices(owner.namespace, owner.name);
  return slices.some(({ endpoints }) => endpoints.some((endpoint) => endpoint.address === address));
}

type Subject = Violation['subject'];

function unservedViolation(view: NodeView, subject: Subject, items: readonly Drained[]): Violation {
  const backends = unique(items.map(({ drained }) => drained.backend));
  const keys = unique(items.map(({ key }) => key));
  return {
    subject,
    summary: `${view.name} gives ${joined(backends)} of ${subjectText(subject)} no new connections: weight 0, though ${backends.length === 1 ? 'it is an endpoint' : 'they are endpoints'} this node has to use.`,
    evidence: items.map(drainedFact),
    remediation: [
      ...items.slice(0, mostCommands).map(({ drained: { server, backend } }) => giveWeight(server, backend)),
      ...showEndpoints(subject),
      ...resync(view),
    ],
    frontends: keys,
    explains: keys,
  };
}

function leftViolation(view: NodeView, report: IpvsReport, subject: Subject, items: readonly Drained[]): Violation {
  const connections = items.reduce((sum, { drained }) => sum + connectionsOf(drained), 0);
  const backends = unique(items.map(({ drained }) => drained.backend));
  const least = (name: 'forSeconds' | 'sinceFallSeconds') => Math.min(...items.map(({ drained }) => drained[name]));
  const since =
    least('sinceFallSeconds') < patienceSeconds
      ? `it has been so for ${least('forSeconds') / 60} minutes, and the clients it has are kept`
      : `none has ended for ${least('sinceFallSeconds') / 60} minutes`;
  const what = connections === 0 ? 'is still not deleted' : `still has ${counted(connections, 'connection')}`;
  return {
    subject,
    summary: `${joined(backends)} of ${subjectText(subject)} has weight 0 on ${view.name}, is no endpoint any more and ${what}; ${since}.`,
    ...(connections === 0 ? { severity: 'low' as const } : {}),
    evidence: [...items.map(drainedFact), ...settingsOf(report)],
    remediation: [
      ...items.slice(0, mostCommands).map(({ drained: { server, backend } }) => deleteServer(server, backend)),
      ...settingRemedies(report, items),
      restartKubeProxy(view.name),
    ],
    frontends: unique(items.map(({ key }) => key)),
  };
}

function drainedFact({ drained }: Drained) {
  const { server, backend, activeConnections, inactiveConnections, persistent, forSeconds } = drained;
  const kept = persistent ? ', clients are kept' : '';
  const since = forSeconds === 0 ? '' : `, seen so for ${forSeconds} s`;
  return fact(
    `${server.protocol} ${placeText(server)} -> ${backend}`,
    `weight 0, ${activeConnections} active and ${inactiveConnections} inactive connections${kept}${since}`,
  );
}

function settingsOf({ expireQuiescentTemplate, connReuseMode }: IpvsReport) {
  return [
    fact('net.ipv4.vs.expire_quiescent_template', String(expireQuiescentTemplate ?? 'not read')),
    fact('net.ipv4.vs.conn_reuse_mode', String(connReuseMode ?? 'not read')),
  ];
}

function settingRemedies(report: IpvsReport, items: readonly Drained[]): readonly Remedy[] {
  const remedies: Remedy[] = [];
  if (items.some(({ drained }) => keepsClients(report, drained))) {
    const effect = 'Clients that were kept with a server of weight 0 get another one with their next connection.';
    remedies.push(setSetting('expire_quiescent_template', 1, effect));
  }
  if (items.some(({ drained }) => reusesPorts(report, drained))) {
    const effect =
      'A client that uses a source port again is given a server anew. Before kernel 5.9 that costs it a second each time.';
    remedies.push(setSetting('conn_reuse_mode', 1, effect));
  }
  return remedies;
}
