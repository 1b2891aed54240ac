/** Whether those who answer for names do, as findings and the node's own lookups tell. */
import type { Address } from '../../proto/address.ts';
import type { DnsReport, Lookup } from '../../proto/parts.ts';
import { failureOf, isWell, lookupsOf } from '../checks/shared/dns.ts';
import { isLoopback, serversAbove } from '../checks/shared/dns-upstreams.ts';
import { fact } from '../checks/shared/evidence.ts';
import { joined } from '../checks/shared/words.ts';
import type { NodeView } from '../model/check.ts';
import type { DiagnosisStep } from '../model/diagnosis.ts';
import type { Finding, Remedy } from '../model/finding.ts';
import type { ServiceTarget } from './ends.ts';
import type { DiagnosisInput } from './input.ts';
import { dnsOf } from './names.ts';
import { findingStep, openFindings, type Place, step, withCause } from './step.ts';

export interface AskedDns {
  readonly node: string | null;
  readonly name: 'cluster' | 'external';
  readonly dns: ServiceTarget | null;
}

const loopCheck = 'dns-forward-loop';
const upstreamCheck = 'dns-upstream-failing';
const dnsChecks = ['dns-no-endpoints', 'dns-vip-failing', 'dns-replica-failing', loopCheck, 'node-local-dns-down'];

export function isOfDns({ check, node, severity }: Finding, asked: Pick<AskedDns, 'node' | 'name'>): boolean {
  if (node !== null && node !== asked.node) return false;
  return dnsChecks.includes(check) || (asked.name === 'external' && check === upstreamCheck && isWhole(severity));
}

/** One server of several that fails is of medium severity: the others are asked in its place. */
function isWhole(severity: Finding['severity']): boolean {
  return severity === 'critical' || severity === 'high';
}

/** What the node's own lookups say of who answers, with the finding that says the same; where they do not, findings. */
export function dnsSteps(input: DiagnosisInput, asked: AskedDns): readonly DiagnosisStep[] {
  const { node, name } = asked;
  const facts = node === null ? null : input.node(node);
  const place: Place = {
    layer: 'L4',
    direction: 'there',
    what: name === 'cluster' ? 'cluster DNS' : 'DNS for names outside',
    node,
    ageSeconds: facts?.isKnown === true ? facts.ageSeconds : null,
  };
  const told = openFindings(input, (finding) => isOfDns(finding, asked));
  const own = lookupStep(input, place, asked);
  switch (own.verdict) {
    case 'fail':
      return [withFinding(input, own, { name, finding: nearestCause(told, name) })];
    case 'pass':
      // That outside names resolve here is seen: what fails for others, or of several servers above, is not this node's.
      return [...told.filter(({ check }) => check !== upstreamCheck).map((one) => findingStep(input, place, one)), own];
    default:
      return told.length > 0 ? told.map((finding) => findingStep(input, place, finding)) : [own];
  }
}

/** Whoever forwards to nobody that answers is the nearer cause of an outside name's failure. */
function nearestCause(told: readonly Finding[], name: AskedDns['name']): Finding | undefined {
  const ofUpstream = told.find(({ check }) => check === upstreamCheck);
  return name === 'external' ? (ofUpstream ?? told[0]) : told.find(({ check }) => check !== upstreamCheck);
}

function withFinding(
  input: DiagnosisInput,
  own: DiagnosisStep,
  { name, finding }: { readonly name: AskedDns['name']; readonly finding: Finding | undefined },
): DiagnosisStep {
  if (finding === undefined) return own;
  const { evidence, remediation } = withCause(input, finding);
  const parent = input.findings.find(({ fingerprint }) => fingerprint === finding.parent);
  // Of a loop names of the cluster know nothing, but for what it ends.
  const cause = parent ?? (finding.check === loopCheck && name === 'external' ? finding : undefined);
  return {
    ...own,
    sentence: cause === undefined ? own.sentence : `${own.sentence.slice(0, -1)}: ${cause.summary}`,
    evidence: [...own.evidence, { kind: 'fact', name: finding.check, value: finding.summary }, ...evidence],
    remediation: [...remediation, ...own.remediation],
    finding: { fingerprint: finding.fingerprint, check: finding.check },
  };
}

function lookupStep(input: DiagnosisInput, place: Place, { node, name }: AskedDns): DiagnosisStep {
  const report = dnsOf(input, node);
  const facts = node === null ? null : input.node(node);
  const view = facts?.isKnown === true ? facts.view : null;
  const lookups = view === null ? [] : lookupsOf(view);
  const all = lookups.filter((one) => one.name === name && one.protocol === 'udp');
  const ofVip = all.filter(({ by }) => by === 'service' || by === 'node-local');
  const asked = name === 'cluster' ? 'names of the cluster' : 'names outside of the cluster';
  const [first] = ofVip;
  if (first === undefined) {
    const because = report?.lookupsOffBecause ?? (report === null ? 'the part dns was not told' : 'none was asked yet');
    const sentence = `Whether ${asked} are answered on ${node ?? 'the node'} is not known: ${because}.`;
    return step(place, { verdict: 'unknown', sentence });
  }
  const evidence = all.map((one) => fact(`${one.by} ${one.server}`, lookupText(one)));
  const failing = ofVip.find((one) => failureOf(one) !== null);
  if (failing !== undefined) {
    const behind = name === 'cluster' ? replicaText(failing, all) : upstreamText(all, view);
    const sentence = `${failingText(failing, `${node}`, asked)}${behind}.`;
    return step(place, { verdict: 'fail', sentence, evidence, remediation: [dig(failing, report)] });
  }
  if (ofVip.some(isWell)) {
    return step(place, { verdict: 'pass', sentence: `${first.server} answers ${node} for ${asked}.`, evidence });
  }
  const sentence = `Whether ${asked} are answered on ${node} is not decided yet: ${lookupText(first)}.`;
  return step(place, { verdict: 'unknown', sentence, evidence });
}

function failingText(lookup: Lookup, node: string, asked: string): string {
  const [who, whom] =
    lookup.by === 'node-local' ? [`${lookup.server}, the DNS cache on ${node},`, 'it'] : [lookup.server, node];
  return `${who} gives ${whom} ${whyText(lookup, node)} for ${asked}`;
}

/** What the node's own kernel says of why nothing was answered (connect(2), sendto(2)). */
function whyText(lookup: Lookup, node: string): string {
  const failure = `${failureOf(lookup)}`;
  if (lookup.error === 'EPERM') return failure.replace('EPERM', `EPERM: something on ${node} itself forbids it`);
  return lookup.by === 'node-local' ? failure.replace('ECONNREFUSED', 'ECONNREFUSED: nobody listens there') : failure;
}

/** Whether the replicas behind the Service are to blame, or the way to them. */
function replicaText({ by }: Lookup, all: readonly Lookup[]): string {
  const replicas = by === 'service' ? all.filter((one) => one.by === 'backend') : [];
  const failing = replicas.filter((one) => failureOf(one) !== null);
  const answering = replicas.filter(isWell);
  const [failed, well] = [failing, answering].map((some) => joined(some.map(({ server }) => server)));
  if (failing.length > 0 && answering.length > 0) {
    return `; of its replicas ${failed} ${failing.length === 1 ? 'fails' : 'fail'} when asked directly, and ${well} ${answering.length === 1 ? 'answers' : 'answer'}`;
  }
  if (failing.length > 0) return `, and ${namedText(['its replica', 'its replicas'], failing)} too when asked directly`;
  if (answering.length === 0) return '';
  const who = answering.length === 1 ? `its replica ${well} answers` : `its replicas ${well} answer`;
  return `, though ${who} when asked directly: the way through the Service is broken`;
}

/** `its replicas 10.244.1.4 and 10.244.2.4 fail (no answer)`. */
function namedText([one, several]: readonly [string, string], failing: readonly Lookup[]): string {
  const why = joined([...new Set(failing.map((lookup) => `${failureOf(lookup)}`))]);
  const names = joined(failing.map(({ server }) => server));
  return failing.length === 1 ? `${one} ${names} fails (${why})` : `${several} ${names} fail (${why})`;
}

/** Who is behind it: where the server above itself fails, CoreDNS can do nothing. Whom CoreDNS does not ask is none of it. */
function upstreamText(all: readonly Lookup[], view: NodeView | null): string {
  const above = view === null ? new Set<Address>() : serversAbove(view.objects, [view]);
  const asked = all.filter(({ by, server }) => by === 'upstream' && !isLoopback(server));
  const failing = asked.filter((one) => (above.size === 0 || above.has(one.server)) && failureOf(one) !== null);
  if (failing.length > 0) {
    return `, and ${namedText(['the server above', 'the servers above'], failing)} too when asked directly`;
  }
  const answering = asked.filter((one) => above.has(one.server) && isWell(one));
  if (answering.length === 0) return '';
  const names = joined(answering.map(({ server }) => server));
  return `, though ${answering.length === 1 ? `the server above, ${names}, answers` : `the servers above, ${names}, answer`} the node itself: look at the way from the pods of cluster DNS to ${answering.length === 1 ? 'it' : 'them'}`;
}

function dig({ server, name }: Lookup, report: DnsReport | null): Remedy {
  const asked = (name === 'external' ? report?.names?.external : report?.names?.cluster) ?? 'kubernetes.default.svc';
  return { command: `dig @${server} ${asked}`, effect: 'Run on the node: the same lookup, by hand.' };
}

function lookupText({ rcode, error, sent, answered, addresses }: Lookup): string {
  const answer =
    rcode === null ? (error ?? 'no answer') : `${rcode}${addresses.length === 0 ? '' : ` ${joined(addresses)}`}`;
  return `${answer} (${answered} of ${sent} answered)`;
}
