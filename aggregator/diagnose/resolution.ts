/** L4: what the name means to who asks, and whether those who answer for names do. */
import { familyOf, type Address } from '../../proto/address.ts';
import { fact } from '../checks/shared/evidence.ts';
import { slipsBetween, spelled } from '../checks/shared/similar-text.ts';
import { joined } from '../checks/shared/words.ts';
import type { Pod, Service } from '../model/cluster.ts';
import type { DiagnosisStep } from '../model/diagnosis.ts';
import type { Remedy } from '../model/finding.ts';
import { dnsSteps, isOfDns } from './dns-answers.ts';
import { type ServiceTarget, type Source, type Target, withPorts } from './ends.ts';
import type { DiagnosisInput } from './input.ts';
import { meaningOf, namespacesWith, type Resolver, resolverOf, triedNames } from './names.ts';
import { findingStep, openFindings, type Place, step } from './step.ts';

/** What became of a name. */
export interface Resolution {
  readonly steps: readonly DiagnosisStep[];
  /** What it is; null = nothing that is known here, or it cannot be resolved. */
  readonly target: Exclude<Target, { readonly kind: 'name' }> | null;
  /** The Service that answers for names; null where another address is asked. */
  readonly dns: ServiceTarget | null;
}

interface Asked {
  readonly source: Source;
  readonly name: string;
  readonly port: number | null;
}

/** Resolves a name as the source's resolver would. */
export function resolve(input: DiagnosisInput, asked: Asked): Resolution {
  const { source, name } = asked;
  const resolver = resolverOf(input, source);
  const node = nodeOf(source);
  const place: Place = { layer: 'L4', direction: 'there', what: `the name ${name}`, node, ageSeconds: null };
  if (resolver === null) {
    const who = source.kind === 'address' ? 'a client outside of the cluster' : `${node}`;
    const sentence = `How ${who} resolves names is not known.`;
    return { steps: [step(place, { verdict: 'unknown', sentence })], target: null, dns: null };
  }
  const dns = dnsService(input, resolver);
  const meaning = firstMeaning(input, name, resolver);
  switch (meaning.kind) {
    case 'service':
    case 'pod': {
      const blind = asksClusterDns(input, resolver, dns) ? null : blindStep(place, asked, resolver);
      if (blind !== null) return { steps: [blind], target: null, dns: null };
      const told = foundStep(place, asked, { resolver, ...meaning });
      if (meaning.kind === 'service' && meaning.service.type === 'ExternalName') {
        return { steps: [told, ...dnsSteps(input, { node, name: 'external', dns })], target: null, dns };
      }
      const target = targetOf(meaning, asked.port);
      if (target === null) return { steps: [step(place, wrongPort(meaning, asked))], target: null, dns };
      return { steps: [told, ...dnsSteps(input, { node, name: 'cluster', dns })], target, dns };
    }
    case 'absent':
      return { steps: [absentStep(input, place, asked, resolver)], target: null, dns };
    case 'outside': {
      const sentence = `${name} is outside of the cluster: it is resolved by whom CoreDNS forwards to.`;
      const told = step(place, { verdict: 'pass', sentence, evidence: triedEvidence(name, resolver) });
      return { steps: [told, ...dnsSteps(input, { node, name: 'external', dns })], target: null, dns };
    }
  }
}

/** The steps about cluster DNS where a Service was asked by its object: only what is known to be wrong. */
export function dnsFindings(input: DiagnosisInput, source: Source): readonly DiagnosisStep[] {
  const node = nodeOf(source);
  const place: Place = { layer: 'L4', direction: 'there', what: 'cluster DNS', node, ageSeconds: null };
  return openFindings(input, (finding) => isOfDns(finding, { node, name: 'cluster' })).map((finding) =>
    findingStep(input, place, finding),
  );
}

function nodeOf(source: Source): string | null {
  if (source.kind === 'address') return null;
  return source.kind === 'node' ? source.node.name : source.pod.nodeName;
}

type Found =
  | { readonly kind: 'service'; readonly service: Service; readonly tried: string }
  | { readonly kind: 'pod'; readonly pod: Pod; readonly tried: string };

/** The first of the tried names that is something. */
function firstMeaning(
  { objects }: DiagnosisInput,
  name: string,
  resolver: Resolver,
): Found | { readonly kind: 'absent' } | { readonly kind: 'outside' } {
  for (const tried of triedNames(name, resolver)) {
    const meaning = meaningOf(tried, resolver.clusterDomain, objects);
    if (meaning.kind === 'service' || meaning.kind === 'pod') return { ...meaning, tried };
  }
  return isOutside(name, resolver, objects) ? { kind: 'outside' } : { kind: 'absent' };
}

/** `orders.payments` is meant as a Service where there is such a namespace, or where it ends in svc. */
function isOutside(name: string, { clusterDomain }: Resolver, objects: DiagnosisInput['objects']): boolean {
  const bare = name.replace(/\.$/, '');
  const labels = bare.split('.');
  if (labels.length < 2 || bare === clusterDomain || bare.endsWith(`.${clusterDomain}`)) return false;
  if (labels.at(-1) === 'svc' || labels[2] === 'svc') return false;
  return labels.length > 2 || objects.namespace(labels[1] ?? '') === null;
}

function targetOf(meaning: Found, port: number | null): Exclude<Target, { readonly kind: 'name' }> | null {
  if (meaning.kind === 'pod') return { kind: 'pod', pod: meaning.pod, port };
  const found = withPorts(meaning.service, port === null ? null : String(port), null);
  return found.ok ? found.value : null;
}

function wrongPort(meaning: Found, { name, port }: Asked) {
  const ports = meaning.kind === 'service' ? meaning.service.ports.map((one) => String(one.port)) : [];
  const sentence = `${name} resolves, and the Service has no port ${port}: it has ${joined(ports) || 'none'}.`;
  return { verdict: 'fail', sentence } as const;
}

function whoOf(source: Source): string {
  switch (source.kind) {
    case 'pod':
      return `${source.pod.namespace}/${source.pod.name}`;
    case 'node':
      return source.node.name;
    case 'address':
      return source.address;
  }
}

function foundStep(
  place: Place,
  { source, name }: Asked,
  { resolver, ...meaning }: Found & { readonly resolver: Resolver },
): DiagnosisStep {
  const what =
    meaning.kind === 'pod'
      ? `the pod ${meaning.pod.namespace}/${meaning.pod.name}`
      : `the Service ${meaning.service.namespace}/${meaning.service.name}${meaning.service.type === 'ExternalName' ? ', which stands for a name outside of the cluster (ExternalName)' : ''}`;
  const sentence =
    meaning.tried === name.replace(/\.$/, '')
      ? `${name} is ${what}.`
      : `${name} is ${meaning.tried} to ${whoOf(source)}, by ${resolver.by}: ${what}.`;
  return step(place, { verdict: 'pass', sentence, evidence: triedEvidence(name, resolver) });
}

function triedEvidence(name: string, resolver: Resolver) {
  return [
    fact('names that are tried', joined(triedNames(name, resolver), 8)),
    fact(`search list by ${resolver.by}`, resolver.search.join(' ') || 'empty'),
  ];
}

/** A name of the cluster that is nothing: mostly a Service of another namespace, or a search list without the cluster's. */
function absentStep(input: DiagnosisInput, place: Place, { source, name }: Asked, resolver: Resolver): DiagnosisStep {
  const evidence = triedEvidence(name, resolver);
  const [service = ''] = name.split('.');
  const { clusterDomain } = resolver;
  const namespaces = namespacesWith(service, input.objects);
  const who = whoOf(source);
  const own = source.kind === 'pod' ? source.pod.namespace : null;
  const whole = (namespace: string) => `${service}.${namespace}.svc.${clusterDomain}`;
  const isWhole = name.endsWith('.');
  if (isWhole && namespaces.length > 0) {
    const full = whole(own !== null && namespaces.includes(own) ? own : (namespaces[0] ?? ''));
    return step(place, {
      verdict: 'fail',
      sentence: `${name} does not resolve for ${who}: it ends in a dot, so no search list completes it; ${full}. is the whole name of a Service.`,
      evidence,
      remediation: [askFor(full)],
    });
  }
  if (own !== null && namespaces.includes(own)) {
    const full = whole(own);
    return step(place, {
      verdict: 'fail',
      sentence: `${name} does not resolve for ${who}, and ${full} does: the search list of ${resolver.by} (${resolver.search.join(' ') || 'empty'}) lacks ${own}.svc.${clusterDomain}.`,
      evidence,
      remediation: [askFor(full), ...showPodDns(source)],
    });
  }
  const [elsewhere] = namespaces;
  if (elsewhere !== undefined) {
    const why =
      own === null
        ? 'it tries no name of the cluster'
        : `its search list completes it in ${own}, where no Service has that name`;
    return step(place, {
      verdict: 'fail',
      sentence: `${name} does not resolve for ${who}: ${why}; there is one in ${joined(namespaces)}, so ${service}.${elsewhere} is the name to ask for.`,
      evidence,
      remediation: [askFor(whole(elsewhere))],
    });
  }
  const near = nearestService(input, service);
  const hint = near === null ? '' : `; there is ${near}`;
  const sentence = `${name} does not resolve for ${who}: no Service is called ${service} in any namespace${hint}.`;
  return step(place, { verdict: 'fail', sentence, evidence, remediation: [listServices] });
}

function askFor(name: string): Remedy {
  return { command: `getent hosts ${name}.`, effect: 'Run in the pod: the whole name, which needs no search list.' };
}

const listServices: Remedy = { command: 'kubectl get services -A', effect: 'Shows the Services that there are.' };

function showPodDns(source: Source): readonly Remedy[] {
  if (source.kind !== 'pod') return [];
  const { namespace, name } = source.pod;
  return [
    {
      command: `kubectl -n ${namespace} get pod ${name} -o jsonpath='{.spec.dnsPolicy}{"\\n"}{.spec.dnsConfig}{"\\n"}'`,
      effect: "Shows what the pod asks of its resolver: with ClusterFirst it searches the cluster's domains.",
    },
  ];
}

function nearestService({ objects }: DiagnosisInput, name: string): string | null {
  const wanted = spelled(name);
  for (const service of objects.services()) {
    if (slipsBetween(wanted, spelled(service.name)) !== null) return `${service.namespace}/${service.name}`;
  }
  return null;
}

/** The Service that has the address of one of the servers that are asked; the usual one where they are not known. */
function dnsService({ objects }: DiagnosisInput, { nameservers }: Resolver): ServiceTarget | null {
  const usual = objects.service('kube-system', 'kube-dns');
  const service = nameservers === null ? usual : serviceAt(objects, nameservers);
  if (service === null) return null;
  const ports = service.ports.filter(({ port }) => port === 53);
  return { kind: 'service', service, ports, at: null };
}

function serviceAt(objects: DiagnosisInput['objects'], servers: readonly Address[]): Service | null {
  for (const service of objects.services()) {
    const own = [service.clusterIPs.ipv4, service.clusterIPs.ipv6];
    if (own.some((address) => address !== undefined && servers.includes(address))) return service;
  }
  return null;
}

/** Whether any server that is asked knows the cluster's names: its DNS Service, or the node's own cache. */
function asksClusterDns(input: DiagnosisInput, { nameservers }: Resolver, dns: ServiceTarget | null): boolean {
  if (nameservers === null || dns !== null) return true;
  const isLocal = (address: Address) => familyOf(address) === 'ipv4' && address.startsWith('169.254.');
  // Without the cluster's own DNS Service nothing can be held against it.
  return nameservers.some(isLocal) || input.objects.service('kube-system', 'kube-dns') === null;
}

function blindStep(place: Place, { source, name }: Asked, resolver: Resolver): DiagnosisStep {
  return step(place, {
    verdict: 'fail',
    sentence: `${whoOf(source)} asks ${joined(resolver.nameservers ?? [])} for names (${resolver.by}), which is not the cluster's DNS: ${name} is not known there.`,
    evidence: triedEvidence(name, resolver),
    remediation: showPodDns(source),
  });
}
