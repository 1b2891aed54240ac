/*
 * A NetworkPolicy sees packets after the Service's address was translated: at the pod, with the pod's port. A rule that
 * names the Service's port where the two differ lets nothing through (opendatahub-io/models-as-a-service#1503,
 * aws/amazon-network-policy-controller-k8s#146).
 */
import type { Protocol } from '../../proto/forwarding.ts';
import type { ClusterCheck, ClusterView } from '../model/check.ts';
import type { ClusterObjects, Pod, Service } from '../model/cluster.ts';
import type { Violation } from '../model/finding.ts';
import type { NetworkPolicy, PolicyAnswers, PolicyDirection, PolicyPort, PolicyRule } from '../model/policy.ts';
import { fact } from './shared/evidence.ts';
import { isConcerned, mayBeOverruled, policyName, policySubject } from './shared/policies.ts';

export const policyPortAfterDnat: ClusterCheck = {
  id: 'policy-port-after-dnat',
  layer: 'L5',
  scope: 'cluster',
  severity: 'high',
  title: "A policy names the Service's port where the pod's port counts",
  explanation: `Policies are applied to packets as pods get them: with the pod's own address and port, after the Service's were translated. Here a rule names the port of a Service in front of the pods (80), and the pods listen at another (8080), which no rule lets through from the same peers. So the rule does nothing, and clients of the Service time out.`,
  falsePositives: `Only where no container of the concerned pods has the port of the rule, a Service in front of them has it, and its target port is let through by no policy for the same peers. Rules without ports, with ranges, or with ports by name are not concerned.`,
  remediation: `Name the target port in the rule, or the container port's name.`,
  needs: ['policies'],
  holdForSeconds: 60,
  clearForSeconds: 30,
  evaluate,
};

/** One port of one rule that was meant for a Service. */
interface Slip {
  readonly policy: NetworkPolicy;
  readonly direction: PolicyDirection;
  readonly rule: number;
  readonly service: Service;
  readonly protocol: Protocol;
  readonly port: number;
  readonly target: number;
}

function evaluate({ objects }: ClusterView): readonly Violation[] {
  const answers = objects.policy;
  if (answers === null) return [];
  const translated = translatedPorts(objects);
  const slips = [...objects.policies()].flatMap((policy) =>
    (['ingress', 'egress'] as const).flatMap((direction) =>
      policy.types.includes(direction)
        ? policy[direction].flatMap((rule, at) =>
            slipsOf({ objects, answers, translated }, policy, { direction, rule, at }),
          )
        : [],
    ),
  );
  return [...Map.groupBy(slips, ({ policy }) => policyName(policy)).values()].map((of) => violation(objects, of));
}

/** A Service's port, and where it leads. */
interface Translated {
  readonly service: Service;
  readonly protocol: Protocol;
  readonly port: number;
  readonly target: number;
  readonly pods: ReadonlySet<Pod>;
}

function translatedPorts(objects: ClusterObjects): ReadonlyMap<string, readonly Translated[]> {
  const all = [...objects.services()].flatMap((service) =>
    service.ports.flatMap(({ name, protocol, port }) =>
      objects.endpointSlices(service.namespace, service.name).flatMap((slice) => {
        const own = slice.ports.find((one) => one.name === name && one.protocol === protocol);
        if (own === undefined) return [];
        const pods = new Set(
          slice.endpoints.flatMap(({ address }) => objects.podsWithAddress(address)).filter(isConcerned),
        );
        return pods.size === 0 ? [] : [{ service, protocol, port, target: own.port, pods }];
      }),
    ),
  );
  return Map.groupBy(all, ({ protocol, port }) => `${protocol} ${port}`);
}

interface Known {
  readonly objects: ClusterObjects;
  readonly answers: PolicyAnswers;
  readonly translated: ReadonlyMap<string, readonly Translated[]>;
}

interface OneRule {
  readonly direction: PolicyDirection;
  readonly rule: PolicyRule;
  readonly at: number;
}

function slipsOf(
  { objects, answers, translated }: Known,
  policy: NetworkPolicy,
  { direction, rule, at }: OneRule,
): readonly Slip[] {
  const numbers = rule.ports.filter(
    (one): one is PolicyPort & { readonly port: number } => typeof one.port === 'number' && one.endPort === null,
  );
  if (numbers.length === 0) return [];
  return numbers.flatMap(({ protocol, port }) => {
    const meant = (translated.get(`${protocol} ${port}`) ?? []).filter(({ target }) => target !== port);
    const straight = [...translated.values()]
      .flat()
      .filter(({ target, protocol: one }) => target === port && one === protocol);
    if (meant.length === 0) return [];
    const selected = answers.selectedBy(policy);
    const peers =
      rule.peers.length === 0 ? null : rule.peers.flatMap((peer) => answers.peersOf(peer, policy.namespace));
    const targets = new Set(direction === 'ingress' ? selected : (peers ?? []));
    const others = direction === 'ingress' ? (peers ?? [...objects.podsIn(policy.namespace)]) : selected;
    const found = meant.find((one) => {
      const own = [...one.pods].filter((pod) => targets.has(pod));
      // A container that has the port, or a Service that leads to it, shows that it is the pods' own.
      const hasPort = own.some(
        (pod) =>
          pod.ports.some((of) => of.port === port && of.protocol === protocol) ||
          straight.some((other) => other.pods.has(pod)),
      );
      return (
        own.length > 0 && !hasPort && isLost(answers, { own, others, target: one.target }, { direction, protocol })
      );
    });
    return found === undefined ? [] : [{ policy, direction, rule: at, ...found }];
  });
}

interface Pairing {
  readonly own: readonly Pod[];
  readonly others: readonly Pod[];
  readonly target: number;
}

/** Whether the target port is denied between some peer and some pod, by the side that the rule is of. */
function isLost(
  answers: PolicyAnswers,
  { own, others, target }: Pairing,
  { direction, protocol }: { readonly direction: PolicyDirection; readonly protocol: Protocol },
): boolean {
  const [pod] = own;
  const peer = others.find((one) => isConcerned(one) && one !== pod && one.addresses.length > 0);
  if (pod === undefined || peer === undefined) return false;
  const family = pod.addresses[0]?.includes(':') === true ? 'ipv6' : 'ipv4';
  const flow = { from: { kind: 'pod', pod: peer }, to: { kind: 'pod', pod }, family, protocol, port: target } as const;
  return answers.flow(flow)[direction].state === 'denied';
}

function violation(objects: ClusterObjects, slips: readonly Slip[]): Violation {
  const [first] = slips as readonly [Slip, ...Slip[]];
  const { policy, direction, rule, service, protocol, port, target } = first;
  const others = mayBeOverruled(objects, policy.namespace);
  const path = `/spec/${direction}/${rule}/ports/${policy[direction][rule]?.ports.findIndex((one) => one.port === port && one.protocol === protocol)}/port`;
  return {
    subject: policySubject(policy),
    summary: `${policyName(policy)} lets through ${protocol} ${port} (${direction} rule ${rule}), the port of Service ${service.namespace}/${service.name}; its pods listen at ${target}, which no rule lets through.`,
    evidence: slips
      .slice(0, 10)
      .map((slip) =>
        fact(
          `${slip.direction} rule ${slip.rule}`,
          `${slip.protocol} ${slip.port} is the port of ${slip.service.namespace}/${slip.service.name}, which leads to ${slip.target}`,
        ),
      ),
    remediation: [
      {
        command: `kubectl -n ${policy.namespace} patch networkpolicy ${policy.name} --type=json -p '[{"op":"replace","path":"${path}","value":${target}}]'`,
        effect: `Lets through ${protocol} ${target} in its place: the port that the pods have.`,
      },
    ],
    frontends: [],
    ...(others === null ? {} : { state: 'unknown' as const }),
  };
}
