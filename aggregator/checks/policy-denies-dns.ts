/*
 * The first thing that a default deny of egress cuts off is the way to cluster DNS: nothing resolves, and every other rule
 * looks broken (kubernetes/website#54997, kubernetes#38267). Rules that let port 53 through are not enough where the pods
 * of DNS have another port, and rules for UDP alone lose long answers.
 */
import type { ClusterCheck, ClusterView } from '../model/check.ts';
import type { ClusterObjects, Pod } from '../model/cluster.ts';
import type { Violation } from '../model/finding.ts';
import type { NetworkPolicy, PolicyAnswers } from '../model/policy.ts';
import { type Address, familyOf } from '../../proto/address.ts';
import { addressesOf, dnsPort, dnsServices } from './shared/dns.ts';
import { fact } from './shared/evidence.ts';
import {
  type Answering,
  answeringAt,
  isConcerned,
  mayBeOverruled,
  oneOfEachClass,
  podsText,
  policyName,
  policySubject,
} from './shared/policies.ts';
import { joined } from './shared/words.ts';

export const policyDeniesDns: ClusterCheck = {
  id: 'policy-denies-dns',
  layer: 'L5',
  scope: 'cluster',
  severity: 'high',
  title: 'Pods may not reach cluster DNS',
  explanation: `A NetworkPolicy isolates pods for egress, and no rule of any policy lets them reach the pods of cluster DNS at the port that these really have, by UDP and by TCP. Policies see the pods behind the Service and their port, not the Service's address and not its port 53. Without UDP nothing resolves; without TCP alone long answers fail, which shows only now and then (then the severity is medium).`,
  falsePositives: `Pods with dnsPolicy Default or None ask somebody else, and pods in the network of their node are not judged. Where NodeLocal DNSCache runs, a rule for its link-local address is enough. Where policies of another kind (Cilium's, Calico's, cluster-wide ones) may let it through, the finding is unknown and names them. Pods that resolve no name on purpose: annotate their Namespace with \`plumbline.dev/accept: policy-denies-dns\`.`,
  remediation: `Allow egress to the pods of cluster DNS by UDP and TCP, with the policy of the finding.`,
  needs: ['policies'],
  holdForSeconds: 60,
  clearForSeconds: 30,
  evaluate,
};

/** What its manifests name. */
const cacheAddress = '169.254.20.10' as Address;
type Transport = 'udp' | 'tcp';

function evaluate({ objects }: ClusterView): readonly Violation[] {
  const answers = objects.policy;
  const servers = serversOf(objects);
  if (answers === null || servers.udp.length + servers.tcp.length === 0) return [];
  const cut = new Map<
    string,
    { readonly policy: NetworkPolicy; readonly pods: Pod[]; readonly lacking: Set<Transport> }
  >();
  for (const policy of objects.policies()) {
    if (!policy.types.includes('egress')) continue;
    const pods = answers.selectedBy(policy).filter((pod) => isConcerned(pod) && asksClusterDns(pod));
    for (const pod of oneOfEachClass(objects, pods)) {
      // Of several policies that isolate a pod, the first is the one that is named.
      const [first] = answers.isolating(pod, 'egress');
      if (first !== undefined && policyName(first) !== policyName(policy)) continue;
      const lacking = (['udp', 'tcp'] as const).filter((protocol) =>
        isDenied(objects, answers, pod, { servers, protocol }),
      );
      if (lacking.length === 0) continue;
      const alike = pods.filter((one) => answers.classOf(one) === answers.classOf(pod));
      const known = cut.get(policyName(policy)) ?? { policy, pods: [], lacking: new Set() };
      known.pods.push(...alike);
      for (const protocol of lacking) known.lacking.add(protocol);
      cut.set(policyName(policy), known);
    }
  }
  return [...cut.values()].map(({ policy, pods, lacking }) =>
    violation({ objects, answers, servers }, policy, { pods, lacking: [...lacking] }),
  );
}

type Servers = Readonly<Record<Transport, readonly Answering[]>>;

function serversOf(objects: ClusterObjects): Servers {
  const services = dnsServices(objects, new Set());
  const of = (protocol: Transport) =>
    services.flatMap((service) => {
      const port = service.ports.find((one) => one.port === dnsPort && one.protocol === protocol);
      return port === undefined ? [] : answeringAt(objects, service, port);
    });
  return { udp: of('udp'), tcp: of('tcp') };
}

function asksClusterDns({ dns }: Pod): boolean {
  return dns === undefined || dns.policy === 'ClusterFirst' || dns.policy === 'ClusterFirstWithHostNet';
}

interface Asked {
  readonly servers: Servers;
  readonly protocol: Transport;
}

/** By its own egress; whether the DNS pods let it in is another policy's matter. No server may be reached. */
function isDenied(objects: ClusterObjects, answers: PolicyAnswers, pod: Pod, { servers, protocol }: Asked): boolean {
  const states = servers[protocol].map(({ end, address, port }) => {
    const family = familyOf(address);
    return answers.flow({ from: { kind: 'pod', pod }, to: end, family, protocol, port }).egress.state;
  });
  return (
    states.length > 0 && states.every((state) => state === 'denied') && !reachesCache(objects, answers, pod, protocol)
  );
}

/** NodeLocal DNSCache answers at a link-local address, and often at the Service's own, which rules may name as blocks. */
function reachesCache(objects: ClusterObjects, answers: PolicyAnswers, pod: Pod, protocol: Transport): boolean {
  const isThere = [...objects.podsIn('kube-system')].some(({ labels }) => labels['k8s-app'] === 'node-local-dns');
  if (!isThere) return false;
  const addresses = [cacheAddress, ...dnsServices(objects, new Set()).flatMap(addressesOf)];
  return addresses.some((address) => {
    const to = { kind: 'address', address } as const;
    const flow = { from: { kind: 'pod', pod }, to, family: familyOf(address), protocol, port: dnsPort } as const;
    return answers.flow(flow).egress.state !== 'denied';
  });
}

interface Known {
  readonly objects: ClusterObjects;
  readonly answers: PolicyAnswers;
  readonly servers: Servers;
}

function violation(
  { objects, answers, servers }: Known,
  policy: NetworkPolicy,
  { pods, lacking }: { readonly pods: readonly Pod[]; readonly lacking: readonly Transport[] },
): Violation {
  const [pod] = pods;
  const [protocol] = lacking;
  const [server] = protocol === undefined ? [] : servers[protocol];
  const others = mayBeOverruled(objects, policy.namespace);
  const words = joined(lacking.map((one) => one.toUpperCase()));
  const flow =
    pod === undefined || server === undefined || protocol === undefined
      ? null
      : {
          from: { kind: 'pod' as const, pod },
          to: server.end,
          family: server.address.includes(':') ? ('ipv6' as const) : ('ipv4' as const),
          protocol,
          port: server.port,
        };
  const yaml = flow === null ? null : answers.allowing(flow);
  return {
    subject: policySubject(policy),
    summary: `${podsText(pods)} may not reach cluster DNS by ${words}: ${policyName(policy)} isolates them for egress, and no rule lets them to port ${server?.port} of its pods${others === null ? '' : `, unless ${others} does`}.`,
    evidence: [
      fact(
        'policies that isolate them',
        pod === undefined ? '' : joined(answers.isolating(pod, 'egress').map(policyName)),
      ),
      fact(
        'cluster DNS',
        [...new Set([...servers.udp, ...servers.tcp].map(({ address, port }) => `${address} port ${port}`))]
          .slice(0, 5)
          .join(', '),
      ),
    ],
    remediation:
      yaml === null
        ? []
        : [
            {
              command: `kubectl apply -f - <<'EOF'\n${yaml}EOF`,
              effect: 'Lets these pods reach cluster DNS; the same for the other protocol.',
            },
          ],
    frontends: [],
    ...(lacking.length === 1 && protocol === 'tcp' ? { severity: 'medium' as const } : {}),
    ...(others === null ? {} : { state: 'unknown' as const }),
  };
}
