/** L1: whether a pod has a network: an address, a link to its node, and a way out. */
import type { PodNetwork } from '../../proto/parts.ts';
import { fact } from '../checks/shared/evidence.ts';
import { shellWord } from '../checks/shared/remedies.ts';
import { reasonText, sandboxReason } from '../checks/shared/sandbox-reasons.ts';
import { unixSeconds } from '../checks/shared/times.ts';
import { isVirtualMachine, linkNameOf, linkOf, networkOf } from '../checks/shared/wired-pods.ts';
import { joined } from '../checks/shared/words.ts';
import type { NodeView } from '../model/check.ts';
import type { Pod } from '../model/cluster.ts';
import type { DiagnosisStep } from '../model/diagnosis.ts';
import type { Evidence, Finding, Remedy } from '../model/finding.ts';
import type { DiagnosisInput, KnownNode } from './input.ts';
import { findingStep, openFindings, type Place, step } from './step.ts';

/** The steps about one pod: what the API says of it first, then what its node shows. */
export function wiringSteps(input: DiagnosisInput, pod: Pod, direction: 'there' | 'back'): readonly DiagnosisStep[] {
  const place: Place = { layer: 'L1', direction, what: `the network of ${nameOf(pod)}`, node: null, ageSeconds: null };
  const ofApi = apiStep(input, pod, place);
  const steps = ofApi === null ? nodeSteps(input, pod, place) : [ofApi];
  if (!pod.terminating || ofApi?.verdict === 'fail') return steps;
  const sentence = `${nameOf(pod)} is being deleted: it may stop answering at any moment.`;
  return [step(place, { verdict: 'unknown', sentence }), ...steps];
}

/** What findings say of a pod that should have a network, else what its node shows. */
function nodeSteps(input: DiagnosisInput, pod: Pod, place: Place): readonly DiagnosisStep[] {
  const node = pod.nodeName;
  if (node === null) return [];
  const facts = input.node(node);
  if (!facts.isKnown) {
    const sentence = `Whether ${nameOf(pod)} is wired is not known: nothing is known of ${node} (${facts.because}).`;
    return [step(place, { verdict: 'unknown', sentence })];
  }
  const onNode: Place = { ...place, node, ageSeconds: facts.ageSeconds };
  const told = openFindings(input, (finding) => isAbout(finding, pod));
  if (told.length > 0) return told.map((finding) => findingStep(input, onNode, finding));
  return [wiredStep(facts, pod, onNode)];
}

/** `shop/web-0` */
export function nameOf({ namespace, name }: Pod): string {
  return `${namespace}/${name}`;
}

const ended = ['Succeeded', 'Failed'];

/** What the API alone decides; null where the node has to be looked at. */
function apiStep(input: DiagnosisInput, pod: Pod, place: Place): DiagnosisStep | null {
  const name = nameOf(pod);
  const describe = describing(pod);
  if (ended.includes(pod.phase)) {
    const sentence = `${name} has ended (${pod.phase}): nobody has its address any more.`;
    return step(place, { verdict: 'fail', sentence, remediation: [describe] });
  }
  if (pod.nodeName === null) {
    const sentence = `${name} is not on any node yet: it has not been scheduled.`;
    return step(place, { verdict: 'fail', sentence, remediation: [describe] });
  }
  if (pod.addresses.length === 0) return withoutAddress(input, pod, place);
  if (!pod.runs && pod.waitingReason !== undefined) {
    const sentence = `No container of ${name} runs now (${pod.waitingReason}): nobody answers at ${joined(pod.addresses)}.`;
    return step(place, { verdict: 'fail', sentence, remediation: [describe] });
  }
  if (!pod.hostNetwork) return null;
  const sentence = `${name} has the network of its node ${pod.nodeName}: there is nothing to wire.`;
  return step(place, { verdict: 'pass', sentence });
}

/** A pod that waits for its network: the finding says why, or else the kubelet's newest Event. */
function withoutAddress(input: DiagnosisInput, pod: Pod, place: Place): DiagnosisStep {
  const told = openFindings(input, (finding) => isAbout(finding, pod))[0];
  if (told !== undefined) return findingStep(input, place, told);
  const event = [...input.objects.podEventsOn(pod.nodeName ?? '')]
    .filter(({ podUid }) => podUid === pod.uid)
    .toSorted((one, other) => (one.lastAt < other.lastAt ? 1 : -1))[0];
  const cause = ofItsNode(input, pod);
  const why = event === undefined ? (pod.waitingReason ?? pod.phase) : reasonText(sandboxReason(event.message));
  return step(place, {
    verdict: 'fail',
    sentence: `${nameOf(pod)} has no address on ${pod.nodeName}: ${why}.`,
    evidence: [
      ...(event === undefined ? [] : [fact(`event at ${event.lastAt}, ${event.count} times`, event.message)]),
      ...(cause === null ? [] : [fact(cause.check, cause.summary)]),
    ],
    remediation: [...(cause?.remediation ?? []), describing(pod)],
    finding: cause,
  });
}

/** Why no pod of a node can get a network. */
const nodeChecks = ['cni-config-missing', 'cni-plugin-missing', 'sandbox-failing', 'ipam-leak', 'cni-config-ambiguous'];

function ofItsNode(input: DiagnosisInput, { nodeName }: Pod): Finding | null {
  return openFindings(input, ({ node, check }) => node === nodeName && nodeChecks.includes(check))[0] ?? null;
}

function isAbout({ layer, subject, check }: Finding, pod: Pod): boolean {
  if (layer !== 'L1') return false;
  if (subject.kind === 'Pod') return subject.namespace === pod.namespace && subject.name === pod.name;
  return (
    check === 'duplicate-pod-ip' && subject.kind === 'Address' && pod.addresses.some((one) => one === subject.name)
  );
}

function describing({ namespace, name }: Pod): Remedy {
  return {
    command: `kubectl -n ${shellWord(namespace)} describe pod ${shellWord(name)}`,
    effect: 'Shows its Events and the state of its containers.',
  };
}

/** What the node itself shows of the pod. */
function wiredStep({ view }: KnownNode, pod: Pod, place: Place): DiagnosisStep {
  const name = nameOf(pod);
  const unknown = (sentence: string) => step(place, { verdict: 'unknown', sentence });
  if (isReadBefore(view, pod)) return unknown(`${name} began after ${view.name} was last read.`);
  const network = networkOf(view, pod);
  const link = linkOf(view, pod);
  const linkName = linkNameOf(view, pod);
  const evidence = evidenceOf(pod, network, linkName);
  const wrong = hasOwnWay(pod) ? null : whatIsWrong(view, pod, { network, link, linkName });
  if (wrong !== null) {
    return step(place, {
      verdict: 'fail',
      sentence: `${name} is not wired: ${wrong}.`,
      evidence,
      remediation: [
        {
          command: `kubectl -n ${shellWord(pod.namespace)} delete pod ${shellWord(pod.name)}`,
          effect: 'Its controller makes it anew, and the CNI plugin wires it anew. A pod without a controller is lost.',
        },
      ],
    });
  }
  if (network === null && link === null) {
    const why = whyUnseen(view);
    return unknown(`Nothing is seen of the network of ${name} on ${view.name}: ${why}.`);
  }
  const shown = [
    ...(network === null ? [] : [`it has ${joined(network.addresses.map(({ address }) => address)) || 'no address'}`]),
    ...(link === null || link === 'absent' ? [] : [`its link ${link.name} is up`]),
  ];
  return step(place, { verdict: 'pass', sentence: `${name} is wired on ${view.name}: ${joined(shown)}.`, evidence });
}

/** Its addresses and routes are its own affair: of several networks, of a sandbox with a stack of its own, of a machine. */
function hasOwnWay(pod: Pod): boolean {
  return pod.severalNetworks === true || pod.runtimeClass === true || isVirtualMachine(pod);
}

interface Seen {
  readonly network: PodNetwork | null;
  readonly link: ReturnType<typeof linkOf>;
  readonly linkName: string | null;
}

function whatIsWrong(view: NodeView, pod: Pod, { network, link, linkName }: Seen): string | null {
  if (link === 'absent') return `its link ${linkName} is not on ${view.name}`;
  if (link !== null && !link.isUp) return `its link ${link.name} on ${view.name} is switched off`;
  if (network === null) return null;
  if (network.namespace === 'node') return `its processes are in the network of ${view.name} itself`;
  const held = network.addresses.map(({ address }) => address);
  const lacks = pod.addresses.find((address) => !held.includes(address));
  if (lacks !== undefined) return `its namespace has ${joined(held) || 'no address'}, and the API says ${lacks}`;
  return network.defaultRoutes.some(({ isDead }) => !isDead) ? null : 'its namespace has no default route';
}

function evidenceOf(pod: Pod, network: PodNetwork | null, linkName: string | null): readonly Evidence[] {
  return [
    fact('addresses by the API', joined(pod.addresses)),
    ...(linkName === null ? [] : [fact('its link on the node', linkName)]),
    ...(network === null
      ? []
      : [
          fact(
            'addresses in its namespace',
            joined(network.addresses.map(({ address, prefixLength, link }) => `${address}/${prefixLength} on ${link}`)),
          ),
          fact(
            'default routes in its namespace',
            joined(network.defaultRoutes.map(({ gateway, link }) => `via ${gateway ?? 'no gateway'} dev ${link}`)) ||
              'none',
          ),
        ]),
  ];
}

function isReadBefore({ parts: { podNetworks } }: NodeView, { startedAt, createdAt }: Pod): boolean {
  const readAt = podNetworks.state === 'ok' ? unixSeconds(podNetworks.collectedAt) : null;
  const began = unixSeconds(startedAt ?? createdAt ?? '');
  return readAt !== null && began !== null && began > readAt;
}

function whyUnseen({ parts: { podNetworks } }: NodeView): string {
  switch (podNetworks.state) {
    case 'failed':
      return podNetworks.reason;
    case 'absent':
      return 'the part podNetworks was not told';
    case 'ok':
      return podNetworks.value.problem ?? 'no process of it was seen, and no record names its link';
  }
}
