/*
 * With externalTrafficPolicy or internalTrafficPolicy Local a node forwards to its own endpoints only, and drops what
 * comes when it has none. That is as asked for, and nobody notices as long as nobody sends; load balancers that do not
 * ask the health check node port do send (kubernetes#75262, #92761), and so do clients of node ports and DNS caches.
 * kube-proxy counts such frontends (kubeproxy_sync_proxy_rules_no_local_endpoints_total); the kernel counts the packets.
 */
import type { DroppedPackets } from '../../proto/parts.ts';
import { origins } from '../../proto/forwarding.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Service } from '../model/cluster.ts';
import type { DesiredOwner } from '../model/desired.ts';
import type { Remedy, Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { unique } from './shared/findings.ts';
import { counterText } from './shared/kube-proxy-syncs.ts';
import { shellWord, showEndpoints } from './shared/remedies.ts';
import { counted, joined } from './shared/words.ts';

export const noLocalEndpoint: NodeCheck = {
  id: 'no-local-endpoint',
  layer: 'L3',
  scope: 'node',
  severity: 'medium',
  title: 'Packets to a Service with a Local policy are dropped, since the node has no endpoint of it',
  explanation: `The Service asks for endpoints on the same node (\`externalTrafficPolicy\` or \`internalTrafficPolicy: Local\`), this node has none that is ready or still serving, and packets to it arrive here nevertheless: the rule that drops them counts up. Clients that are sent to this node time out, those that are sent to another do not.`,
  falsePositives: `A node without a local endpoint is what the policy means, so it fires only while packets really come, in readings a minute apart. Load balancers that probe the node port itself, instead of the health check node port, send packets to find out just that: where only node ports of a load-balancer Service are hit, the finding is \`low\`. In nftables and IPVS mode nothing counts these packets, and it is not asked. kube-proxy sets the counts to zero at each sync, so that what is told is the least there was.`,
  remediation: `Run the workload on every node that traffic is sent to (a DaemonSet, or topologySpreadConstraints over kubernetes.io/hostname), have the load balancer ask the health check node port, or use the policy Cluster and lose the client's address.`,
  needs: ['drift', 'iptables'],
  holdForSeconds: 90,
  clearForSeconds: 600,
  evaluate,
};

interface Rising {
  readonly owner: DesiredOwner;
  readonly dropped: DroppedPackets;
}

function evaluate(view: NodeView): readonly Violation[] {
  const part = view.parts.iptables;
  if (part.state !== 'ok') return [];
  const rising = part.value.structures
    .flatMap(({ droppedPackets }) => droppedPackets.first)
    .flatMap((dropped): readonly Rising[] => {
      const owner = view.owners.get(dropped.frontend);
      return owner !== undefined && isRising(dropped) && isAsked(view, dropped) ? [{ owner, dropped }] : [];
    });
  const byPort = Map.groupBy(rising, ({ owner: { namespace, name, portName, protocol } }) =>
    [namespace, name, portName, protocol].join(' '),
  );
  return [...byPort.values()].flatMap((group) => violation(view, group));
}

function isRising({ packets }: DroppedPackets): boolean {
  return packets.windowSeconds > 0 && packets.increase > 0;
}

/** Whether the API asks for the drop: what is dropped without that is told by other checks. */
function isAsked({ desired }: NodeView, { frontend }: DroppedPackets): boolean {
  const wanted = desired?.get(frontend)?.forwarding;
  return wanted !== undefined && origins.some((origin) => wanted[origin].route.action === 'drop');
}

function violation(view: NodeView, group: readonly Rising[]): readonly Violation[] {
  const [first] = group;
  if (first === undefined) return [];
  const { namespace, name, portName, protocol } = first.owner;
  const service = view.objects.service(namespace, name);
  const subject = { kind: 'Service', namespace, name, port: portName, protocol } as const;
  const packets = group.reduce((sum, { dropped }) => sum + dropped.packets.increase, 0);
  const windowSeconds = Math.max(...group.map(({ dropped }) => dropped.packets.windowSeconds));
  const isProbed = service?.type === 'LoadBalancer' && group.every(({ owner }) => owner.kind === 'nodePort');
  const perhaps = isProbed ? '; only on node ports, so it may be the probes of its load balancer' : '';
  const frontends = unique(group.map(({ dropped }) => dropped.frontend));
  return [
    {
      subject,
      summary: `${view.name} has no endpoint of ${namespace}/${name}, which asks for local ones, and dropped ${counted(packets, 'packet')} to it within ${windowSeconds} s${perhaps}.`,
      ...(isProbed ? { severity: 'low' as const } : {}),
      evidence: [
        fact('policy', policyText(service)),
        ...group.map(({ dropped }) => fact(`dropped, ${dropped.frontend}`, counterText(dropped.packets))),
      ],
      remediation: [...showEndpoints(subject), ...clusterPolicy(service)],
      frontends,
    },
  ];
}

function policyText(service: Service | null): string {
  if (service === null) return 'Local';
  const policies = [
    ...(service.externalTrafficPolicy === 'Local' ? ['externalTrafficPolicy: Local'] : []),
    ...(service.internalTrafficPolicy === 'Local' ? ['internalTrafficPolicy: Local'] : []),
  ];
  return joined(policies);
}

function clusterPolicy(service: Service | null): readonly Remedy[] {
  if (service?.externalTrafficPolicy !== 'Local') return [];
  const { namespace, name } = service;
  return [
    {
      command: `kubectl -n ${shellWord(namespace)} patch service ${shellWord(name)} -p '{"spec":{"externalTrafficPolicy":"Cluster"}}'`,
      effect: "Every node forwards to endpoints wherever they are; these no longer see the client's address.",
    },
  ];
}
