/** Whether those who answer for names do, as findings and the node's own lookups tell. */
import type { DnsReport, Lookup } from '../../proto/parts.ts';
import { failureOf, isWell } from '../checks/shared/dns.ts';
import { fact } from '../checks/shared/evidence.ts';
import { joined } from '../checks/shared/words.ts';
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

const upstreamCheck = 'dns-upstream-failing';
const dnsChecks = [
  'dns-no-endpoints',
  'dns-vip-failing',
  'dns-replica-failing',
  'dns-forward-loop',
  'node-local-dns-down',
];

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
      return [withFinding(input, own, nearestCause(told, name))];
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

function withFinding(input: DiagnosisInput, own: DiagnosisStep, finding: Finding | undefined): DiagnosisStep {
  if (finding === undefined) return own;
  const { evidence, remediation } = withCause(input, finding);
  return {
    ...own,
    evidence: [...own.evidence, { kind: 'fact', name: finding.check, value: finding.summary }, ...evidence],
    remediation: [...remediation, ...own.remediation],
    finding: { fingerprint: finding.fingerprint, check: finding.check },
  };
}

function lookupStep(input: DiagnosisInput, place: Place, { node, name }: AskedDns): DiagnosisStep {
  const report = dnsOf(input, node);
  const all = report?.lookups.filter((one) => one.name === name && one.protocol === 'udp') ?? [];
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
    const sentence = `${failingText(failing, `${node}`, asked)}${upstreamText(all)}.`;
    return step(place, { verdict: 'fail', sentence, evidence, remediation: [dig(failing, report)] });
  }
  if (ofVip.some(isWell)) {
    return step(place, { verdict: 'pass', sentence: `${first.server} answers ${node} for ${asked}.`, evidence });
  }
  const sentence = `Whether ${asked} are answered on ${node} is not decided yet: ${lookupText(first)}.`;
  return step(place, { verdict: 'unknown', sentence, evidence });
}

function failingText(lookup: Lookup, node: string, asked: string): string {
  return `${lookup.server} gives ${node} ${failureOf(lookup)} for ${asked}`;
}

/** Who is behind it: where the upstream itself fails, CoreDNS can do nothing. */
function upstreamText(all: readonly Lookup[]): string {
  const upstream = all.filter(({ by }) => by === 'upstream');
  const failing = upstream.filter((one) => failureOf(one) !== null);
  const [first] = failing;
  if (first !== undefined) {
    return `, and so does the upstream ${joined(failing.map(({ server }) => server))} itself${first.rcode === null ? ' (no answer)' : ''}`;
  }
  const answering = upstream.find(isWell);
  return answering === undefined ? '' : `, though the upstream ${answering.server} answers the node itself`;
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
