/** Why a Service has no endpoint, in words, with what shows it and what mends it. */
import type { Pod, Service, ServicePort } from '../../model/cluster.ts';
import type { Evidence, Remedy, Violation } from '../../model/finding.ts';
import { fact } from './evidence.ts';
import { corrected, type NearLabels, selectorText } from './pod-labels.ts';
import { shellWord } from './remedies.ts';
import { endpointsTopic } from './topics.ts';
import { counted, joined } from './words.ts';

/** `port` null = none of the Service's ports has an endpoint. */
export type Cause =
  /** No pod has the labels, and some have nearly those. */
  | { readonly kind: 'near'; readonly near: NearLabels }
  /** No pod that lives has the labels, or anything like them. */
  | {
      readonly kind: 'no-pods';
      /** How many pods have each label of the selector: `app=web`. */
      readonly counts: readonly (readonly [string, number])[];
      /** Pods that have all of them, and have ended. */
      readonly ended: number;
    }
  | { readonly kind: 'unready'; readonly port: ServicePort | null; readonly pods: readonly Pod[] }
  /** All of them are being deleted. */
  | { readonly kind: 'leaving'; readonly port: ServicePort | null; readonly pods: readonly Pod[] }
  /** No container of ready pods has a port of the name; `nearest` is one that may have been meant. */
  | {
      readonly kind: 'port-name';
      readonly port: ServicePort;
      readonly pods: readonly Pod[];
      readonly nearest: string | null;
    }
  /** Ready pods are there, and no slice has them. */
  | {
      readonly kind: 'unlisted';
      readonly port: ServicePort | null;
      readonly pods: readonly Pod[];
      /** Whether any of them has an address of a family that the Service has. */
      readonly haveAddress: boolean;
    };

/** As many pods are named. */
const mostPods = 10;

/** The finding that a cause comes to. */
export function toldCause(service: Service, cause: Cause): Violation {
  const { namespace, name, selector } = service;
  const port = 'port' in cause ? cause.port : null;
  return {
    subject: { kind: 'Service', namespace, name, port: port?.name ?? '', protocol: port?.protocol ?? 'tcp' },
    summary: summaryOf(service, cause),
    evidence: [fact('selector', selectorText(selector ?? {})), ...evidenceOf(cause)],
    remediation: remediesFor(service, cause),
    frontends: [],
    topics: [endpointsTopic(namespace, name)],
    ...(cause.kind === 'no-pods' ? { severity: 'low' as const } : {}),
  };
}

function summaryOf(service: Service, cause: Cause): string {
  const { namespace, name } = service;
  const labels = selectorText(service.selector ?? {});
  const port = 'port' in cause && cause.port !== null && cause.port.name !== '' ? `:${cause.port.name}` : '';
  const subject = `${namespace}/${name}${port}`;
  switch (cause.kind) {
    case 'near':
      return `${subject} selects ${labels}, which no pod in ${namespace} has; ${havePods(cause.near)}.`;
    case 'no-pods': {
      const what = cause.ended > 0 ? `all that matched ${labels} have ended` : `no pod in ${namespace} has ${labels}`;
      return `${subject} has no endpoint: ${what}, and none has anything like it. It may be scaled to zero, so this is of low severity.`;
    }
    case 'unready':
      return `${subject} has no endpoint that is ready: ${notOne(cause.pods.length)} with ${labels} is ready.`;
    case 'leaving':
      return `${subject} has no endpoint left: ${counted(cause.pods.length, 'pod')} with ${labels} ${cause.pods.length === 1 ? 'is' : 'are'} being deleted, and there is no other.`;
    case 'port-name': {
      const { targetName = '' } = cause.port;
      return `${subject} has no endpoint: it leads to a port named ${targetName}, and no container of ${counted(cause.pods.length, 'ready pod')} has one${cause.nearest === null ? '' : `; there is ${cause.nearest}`}.`;
    }
    case 'unlisted':
      return `${subject} has no endpoint: ${counted(cause.pods.length, 'pod')} with ${labels} ${cause.pods.length === 1 ? 'is' : 'are'} ready, and ${cause.haveAddress ? 'no EndpointSlice has them' : `none has an address of the Service's family`}.`;
  }
}

function havePods({ slips, pods }: NearLabels): string {
  const meant = joined(slips.map(({ meantKey, meantValue }) => `${meantKey}=${meantValue}`));
  return `${counted(pods.length, 'pod')} ${pods.length === 1 ? 'has' : 'have'} ${meant}`;
}

function notOne(count: number): string {
  return count === 1 ? 'the one pod' : `none of the ${count} pods`;
}

function evidenceOf(cause: Cause): readonly Evidence[] {
  switch (cause.kind) {
    case 'near':
      return cause.near.slips.map(({ key, value, meantKey, meantValue }) =>
        fact(`${key}=${value}`, `no pod has it; nearest: ${meantKey}=${meantValue}`),
      );
    case 'no-pods':
      return [
        ...cause.counts.map(([label, count]) => fact(`pods with ${label}`, String(count))),
        ...(cause.ended === 0 ? [] : [fact('pods that have ended', String(cause.ended))]),
      ];
    case 'port-name':
      return [
        ...cause.pods.slice(0, mostPods).map((pod) => fact(`ports of ${pod.name}`, portsText(pod))),
        ...remainder(cause.pods),
      ];
    case 'unready':
    case 'leaving':
    case 'unlisted':
      return [...cause.pods.slice(0, mostPods).map((pod) => fact(pod.name, stateText(pod))), ...remainder(cause.pods)];
  }
}

function remainder(pods: readonly Pod[]): readonly Evidence[] {
  return pods.length > mostPods ? [fact('not shown', counted(pods.length - mostPods, 'more pod'))] : [];
}

function portsText({ ports }: Pod): string {
  return (
    joined(ports.map(({ name, port, protocol }) => `${name === '' ? '(no name)' : name} ${port}/${protocol}`)) || 'none'
  );
}

function stateText({ phase, ready, terminating, nodeName, addresses }: Pod): string {
  const where = nodeName === null ? 'on no node' : `on ${nodeName}`;
  const state = terminating ? 'being deleted' : ready ? 'ready' : 'not ready';
  return `${phase}, ${state}, ${where}${ready ? `, ${joined(addresses) || 'without an address'}` : ''}`;
}

function remediesFor(service: Service, cause: Cause): readonly Remedy[] {
  const { namespace, name } = service;
  const kubectl = `kubectl -n ${shellWord(namespace)}`;
  const selector = service.selector ?? {};
  const showPods = `${kubectl} get pods -l ${shellWord(selectorText(selector))} -o wide`;
  switch (cause.kind) {
    case 'near': {
      const { slips, pods } = cause.near;
      const meant = selectorText(corrected(selector, slips));
      return [
        {
          command: `${kubectl} get pods -l ${shellWord(meant)} --show-labels`,
          effect:
            'Shows the pods that may have been meant. Where their label is the slip, correct it in the template that makes them.',
        },
        {
          command: `${kubectl} patch service ${shellWord(name)} --type merge -p ${shellWord(selectorPatch(cause.near))}`,
          effect: `Makes the Service select ${counted(pods.length, 'pod')}: ${meant}. Correct it where the Service is written down, too.`,
        },
      ];
    }
    case 'no-pods':
      return [
        {
          command: `${kubectl} get deployments,statefulsets,daemonsets,pods --show-labels`,
          effect: 'Shows what is there to be selected, and what is scaled to zero.',
        },
        {
          command: `${kubectl} annotate service ${shellWord(name)} plumbline.dev/accept=service-selects-nothing`,
          effect: 'Accepts the finding, where the Service is empty on purpose.',
        },
      ];
    case 'unready':
    case 'leaving':
      return [
        { command: showPods, effect: 'Shows the pods and where they are.' },
        ...cause.pods.slice(0, 1).map((pod) => ({
          command: `${kubectl} describe pod ${shellWord(pod.name)}`,
          effect:
            cause.kind === 'unready'
              ? 'Says which probe fails, or why it does not start.'
              : 'Says what keeps it: a finalizer, a long grace period, a node that does not answer.',
        })),
      ];
    case 'port-name':
      return portRemedies(service, cause);
    case 'unlisted':
      return [
        {
          command: `${kubectl} get endpointslices -l kubernetes.io/service-name=${shellWord(name)} -o yaml`,
          effect: 'Shows which endpoints the Service has, as nodes see them.',
        },
        ...(cause.haveAddress
          ? [
              {
                command: 'kubectl -n kube-system logs -l component=kube-controller-manager --tail=500',
                effect: "Shows why the endpoint slice controller does not keep up. The label is kubeadm's.",
              },
            ]
          : [
              {
                command: `${kubectl} get service ${shellWord(name)} -o jsonpath='{.spec.ipFamilies}{"\\n"}'`,
                effect: `Shows the families of the Service; its pods have ${joined(cause.pods[0]?.addresses ?? []) || 'no address'}.`,
              },
            ]),
      ];
  }
}

/** Keys that are wrong go, by null, as a merge patch has it. */
function selectorPatch({ slips }: NearLabels): string {
  const changes = slips.flatMap(({ key, meantKey, meantValue }): readonly (readonly [string, string | null])[] => [
    ...(key === meantKey ? [] : [[key, null] as const]),
    [meantKey, meantValue],
  ]);
  return JSON.stringify({ spec: { selector: Object.fromEntries(changes) } });
}

function portRemedies(
  { namespace, name, ports }: Service,
  { port, nearest }: Extract<Cause, { readonly kind: 'port-name' }>,
): readonly Remedy[] {
  const kubectl = `kubectl -n ${shellWord(namespace)}`;
  if (nearest === null) {
    return [
      {
        command: `${kubectl} edit service ${shellWord(name)}`,
        effect: `Set targetPort of port ${port.port} to the number that the container listens on, or name that port ${port.targetName ?? ''} in the pods' template.`,
      },
    ];
  }
  const path = `/spec/ports/${ports.indexOf(port)}/targetPort`;
  const patch = JSON.stringify([{ op: 'replace', path, value: nearest }]);
  return [
    {
      command: `${kubectl} patch service ${shellWord(name)} --type json -p ${shellWord(patch)}`,
      effect: `Makes port ${port.port} lead to the port named ${nearest}. Correct it where the Service is written down, too.`,
    },
  ];
}
