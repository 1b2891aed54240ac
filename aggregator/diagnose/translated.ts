/** L3 of a walk: which node translates what was asked, if any does. */
import { backendOf } from '../../proto/address.ts';
import { isHeadless } from '../audit/front-doors.ts';
import { joined } from '../checks/shared/words.ts';
import type { DiagnosisStep } from '../model/diagnosis.ts';
import type { ServiceTarget } from './ends.ts';
import type { DiagnosisInput } from './input.ts';
import { serviceSteps } from './service.ts';
import { findingStep, openFindings, type Place, step } from './step.ts';
import { leftStep, strayService } from './stray-addresses.ts';
import type { Walk } from './walk.ts';

const place: Place = { layer: 'L3', direction: 'there', what: 'the Service', node: null, ageSeconds: null };
const noService = 'No Service is asked: packets go to the address itself.';

/** The steps of L3. */
export function translationSteps(input: DiagnosisInput, walk: Walk): readonly DiagnosisStep[] {
  const { source, sourceAddress, goal, asked, node, left } = walk;
  if (left !== null) return [leftStep(input, left, place)];
  if (goal.kind === 'address') return [strayService(input, goal.address, place) ?? skipped(noService)];
  if (goal.kind === 'pod') {
    const { hostPort } = goal;
    return [hostPort === undefined ? skipped(noService) : hostPortStep(input, { ...goal, hostPort })];
  }
  if (goal.kind !== 'service') return [skipped(noService)];
  if (goal.lacks !== undefined) return [lackingStep(goal, goal.lacks)];
  if (asked.length === 0) return [untranslatedStep(input, walk, goal)];
  const elsewhere = takenElsewhere(goal);
  if (elsewhere !== null) return [step(place, { verdict: 'unknown', sentence: elsewhere })];
  if (node === null) {
    const sentence =
      'Which node translates packets of a client outside is not known; ask with a node and its node port.';
    return [step(place, { verdict: 'unknown', sentence })];
  }
  const back = step(
    { ...place, direction: 'back', node },
    {
      verdict: 'not-looked-at',
      sentence: `The connection table of ${node} translates the replies of what it has let through.`,
    },
  );
  return [
    ...asked.flatMap((one) => serviceSteps(input, { source, sourceAddress, target: goal, asked: one, node })),
    back,
  ];
}

function skipped(sentence: string): DiagnosisStep {
  return step(place, { verdict: 'not-looked-at', sentence });
}

/** A port that a Service has not, at an address that it has. */
function lackingStep(
  { service, at }: ServiceTarget,
  { port, protocol }: NonNullable<ServiceTarget['lacks']>,
): DiagnosisStep {
  const label = `${service.namespace}/${service.name}`;
  const has = joined(
    service.ports.map((one) => `${one.port}/${one.protocol}`),
    8,
  );
  const sentence = `${at} is the address of ${label}, which has no port ${port}${protocol === null ? '' : `/${protocol}`}${has === '' ? '' : `; it has ${has}`}`;
  // Behind somebody else's address somebody else may listen.
  return Object.values(service.clusterIPs).some((address) => address === at)
    ? step(place, { verdict: 'fail', sentence: `${sentence}: no node translates packets to it, and nobody answers.` })
    : step(place, { verdict: 'unknown', sentence: `${sentence}: whether anybody else answers there is not seen.` });
}

/** By the rules of the CNI plugin portmap and its like, as far as they were seen. */
function hostPortStep(
  input: DiagnosisInput,
  { pod, port, hostPort: { port: asked, of } }: HostPortGoal,
): DiagnosisStep {
  const facts = input.node(of.name);
  const own = { ...place, what: `host port ${asked} of ${of.name}` };
  const name = `${pod.namespace}/${pod.name}`;
  const [finding] = openFindings(
    input,
    (one) =>
      one.check === 'hostport-missing' &&
      one.node === of.name &&
      one.evidence.some((piece) => piece.kind === 'fact' && piece.name === name),
  );
  if (finding !== undefined) return findingStep(input, own, finding);
  const text = `its host port ${asked} to ${name}, port ${port}`;
  const rules = facts.isKnown && facts.view.parts.iptables.state === 'ok' ? facts.view.parts.iptables.value : null;
  const backends = pod.addresses.map((address) => backendOf(address, port ?? 0));
  const isSeen = rules?.structures.some(({ hostPorts }) =>
    hostPorts.first.some((one) => one.port === asked && backends.includes(one.backend)),
  );
  return isSeen === true && facts.isKnown
    ? step(
        { ...own, node: of.name, ageSeconds: facts.ageSeconds },
        { verdict: 'pass', sentence: `${of.name} sends ${text}, by a rule of its CNI plugin.` },
      )
    : step(own, { verdict: 'unknown', sentence: `Whether ${of.name} sends ${text}, is not seen in its rules.` });
}

type HostPortGoal = Extract<Walk['goal'], { readonly kind: 'pod' }> & {
  readonly hostPort: NonNullable<Extract<Walk['goal'], { readonly kind: 'pod' }>['hostPort']>;
};

/** A Service that no node translates: its clients get other addresses by its name. */
function untranslatedStep(
  { objects }: DiagnosisInput,
  { destinations }: Walk,
  { service }: ServiceTarget,
): DiagnosisStep {
  const label = `${service.namespace}/${service.name}`;
  if (service.type === 'ExternalName') {
    return skipped(`No node translates packets to ${label}: it stands for a name outside of the cluster.`);
  }
  if (!isHeadless(service))
    return skipped(`No node translates packets to ${label}: it has no such address of this family.`);
  const headless = 'it is headless, and clients get the addresses of its pods';
  if (destinations.length > 0) return skipped(`No node translates packets to ${label}: ${headless}.`);
  const { selector } = service;
  const labels = Object.entries(selector ?? {});
  if (labels.length === 0 || !objects.knowsPods) {
    const sentence = `Whom clients of ${label} get is not known: ${headless}, ${labels.length === 0 ? 'but it selects none; whoever writes its endpoints decides' : 'and pods could not be listed'}.`;
    return step(place, { verdict: 'unknown', sentence });
  }
  const all = [...objects.podsIn(service.namespace)].filter((pod) =>
    labels.every(([key, value]) => pod.labels[key] === value),
  );
  const text = labels.map(([key, value]) => `${key}=${value}`).join(',');
  // A headless Service may publish pods that are not ready; whether it does is not kept.
  return all.length > 0
    ? step(place, {
        verdict: 'unknown',
        sentence: `No pod of ${label} is ready: its name is nothing, unless it publishes addresses that are not ready.`,
      })
    : step(place, {
        verdict: 'fail',
        sentence: `${label} selects ${text}, which no pod in ${service.namespace} has: its name is nothing.`,
      });
}

/** Why kube-proxy leaves it to others, whom nothing is seen of; null where it does not. */
function takenElsewhere({ service, at }: ServiceTarget): string | null {
  const label = `${service.namespace}/${service.name}`;
  if (service.otherProxy) {
    return `kube-proxy leaves ${label} to another proxy (label service.kubernetes.io/service-proxy-name), of which nothing is read.`;
  }
  const point = service.loadBalancerIngress.find(({ address }) => address === at);
  return point?.ipMode === 'Proxy'
    ? `Nodes leave packets to ${point.address} alone (ipMode Proxy): the load balancer of ${label} takes them, and what it does is not seen from here.`
    : null;
}
