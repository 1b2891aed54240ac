/*
 * A pod that uses its own Service may be sent to itself. The packet comes back to the port of the bridge by which it came,
 * and a bridge sends nothing back there unless the port is in hairpin mode, or the bridge promiscuous (kubernetes#13375,
 * #20475, #23322). The connection times out, once in as many tries as there are endpoints.
 */
import type { NodeLink } from '../../proto/parts.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Pod } from '../model/cluster.ts';
import type { Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { nodeSubject } from './shared/findings.ts';
import { linkNamed } from './shared/overlay.ts';
import { shellWord } from './shared/remedies.ts';
import { linkTopic } from './shared/topics.ts';
import { cniOf, linkOf, wiredPods } from './shared/wired-pods.ts';
import { counted, joined } from './shared/words.ts';

export const hairpinOff: NodeCheck = {
  id: 'hairpin-off',
  layer: 'L1',
  scope: 'node',
  severity: 'low',
  title: 'Pods cannot reach themselves through their own Service',
  explanation: `Pods of this node are joined by a bridge, their ports are not in hairpin mode and the bridge is not promiscuous: so a packet is never sent back by the port it came from. A pod that is an endpoint of a Service and uses that Service times out whenever it is sent to itself. Clusters and queues whose members call each other by the Service hit it now and then.`,
  falsePositives: `Only pods whose port is known from libcni's record, and which are endpoints of a Service. Most programs never call themselves by their Service: so the severity is low. CNI plugins without a bridge send packets back by routing, and so does a bridge whose packets do not meet iptables (bridge-nf-call-iptables).`,
  remediation: `Set \`"hairpinMode": true\` in the CNI configuration (flannel: in its \`delegate\`), for pods that are made from then on; the ports that are there with the command of the finding.`,
  needs: ['cni', 'links', 'pods'],
  holdForSeconds: 120,
  clearForSeconds: 30,
  evaluate,
};

const mostNamed = 20;

interface Deaf {
  readonly pod: Pod;
  readonly link: NodeLink;
}

function evaluate(view: NodeView): readonly Violation[] {
  const deaf = wiredPods(view, view.parts.links).flatMap((pod): readonly Deaf[] => {
    const name = cniOf(view, pod)?.bridge ?? null;
    const bridge = name === null ? null : linkNamed(view, name);
    if (bridge === null || bridge.promiscuous || isPassedUp(view, bridge)) return [];
    const link = linkOf(view, pod);
    const isDeaf = link !== null && link !== 'absent' && link.master === bridge.name && link.hairpin === false;
    return isDeaf && isEndpoint(view, pod) ? [{ pod, link }] : [];
  });
  if (deaf.length === 0) return [];
  const names = deaf.map(({ pod: { namespace, name } }) => `${namespace}/${name}`);
  return [
    {
      subject: nodeSubject(view),
      summary: `${counted(deaf.length, 'pod')} of ${view.name} cannot reach ${deaf.length === 1 ? 'itself' : 'themselves'} through ${deaf.length === 1 ? 'its' : 'their'} own Service: ${joined(names, 3)}.`,
      evidence: deaf
        .slice(0, mostNamed)
        .map(({ pod: { namespace, name }, link }) =>
          fact(`${namespace}/${name}`, `port ${link.name} of ${link.master}: hairpin off`),
        ),
      remediation: deaf.slice(0, mostNamed).map(({ link }) => ({
        command: `bridge link set dev ${shellWord(link.name)} hairpin on`,
        effect: `Run on ${view.name}: the bridge sends back by this port what is meant for it.`,
      })),
      frontends: [],
      topics: deaf.map(({ link }) => linkTopic(link.name)),
    },
  ];
}

/**
 * Where bridged packets do not meet the rules, the node itself routes what is for a Service and sends it back by any port;
 * that other Services suffer from it is another check's.
 */
function isPassedUp({ parts: { networkSettings } }: NodeView, { callsIptables }: NodeLink): boolean {
  const calls = networkSettings.state === 'ok' ? networkSettings.value.bridgeCallsIptables : null;
  return (calls === false || calls === 'no-module') && callsIptables?.ipv4 !== true;
}

/** Only Services of the pod's own namespace can have it. */
function isEndpoint({ objects }: NodeView, { namespace, addresses }: Pod): boolean {
  for (const service of objects.services()) {
    if (service.namespace !== namespace || service.selector === null) continue;
    if ((service.clusterIPs.ipv4 ?? service.clusterIPs.ipv6) === undefined) continue;
    const slices = objects.endpointSlices(namespace, service.name);
    if (slices.some(({ endpoints }) => endpoints.some(({ address }) => addresses.includes(address)))) return true;
  }
  return false;
}
