/*
 * kube-proxy takes an endpoint for local when the slice's nodeName is its own node name: `hostnameOverride`, else the name
 * of the host (trimmed, in small letters). Under a name that is not the Node's no endpoint is ever local, and the Node's
 * zone is not found. kube-proxy is in order by its own account, and does exactly what its name asks of it: held against
 * that, the rules are right, and only the name is wrong (kubernetes#66062, weave#3568).
 */
import type { FrontendKey } from '../../proto/forwarding.ts';
import { valueOr } from '../../proto/profile.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { ClusterObjects, EndpointSlice, Service } from '../model/cluster.ts';
import type { Drift } from '../model/drift.ts';
import type { Remedy, Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { nodeSubject } from './shared/findings.ts';
import { shellWord } from './shared/remedies.ts';
import { counted, joined } from './shared/words.ts';

/** So many Services must be treated as if nothing of them were here before the name is suspected by that alone. */
const leastServices = 2;

export const nodeNameMismatch: NodeCheck = {
  id: 'node-name-mismatch',
  layer: 'L3',
  scope: 'node',
  severity: 'high',
  title: "kube-proxy's node name is not the Node's: it sees no endpoint as local",
  explanation: `kube-proxy knows its node's endpoints by name: an endpoint is local when \`nodeName\` in the EndpointSlice is kube-proxy's own node name, which is \`hostnameOverride\` or, where that is empty, the name of the host. Here it is not the name of the Node object. So Services with \`externalTrafficPolicy: Local\` or \`internalTrafficPolicy: Local\` drop packets though a pod is on the node, health check node ports count 0, and topology hints are ignored or those of another zone. It happens where cloud providers name Nodes otherwise than hosts, and where the flag \`--hostname-override\` is left out (kubernetes#66062, weaveworks/weave#3568).`,
  falsePositives: `Capital letters do not matter: kube-proxy makes them small. Nothing is said where kube-proxy shows no name of its own, unless every Service with a Local policy and a ready endpoint on the node, ${leastServices} of them at least, is treated as if it had none here. As long as no Service has a Local policy and no endpoint a hint, the name decides little: the severity is low then.`,
  remediation: `Start kube-proxy with the Node's name: \`--hostname-override\` from the downward API (\`spec.nodeName\`), as kubeadm does.`,
  needs: ['kubeProxy', 'drift'],
  holdForSeconds: 60,
  clearForSeconds: 300,
  evaluate,
};

function evaluate(view: NodeView): readonly Violation[] {
  const { node, profile } = view;
  if (node === null) return [];
  const name = valueOr<string | null>(profile.nodeName, null);
  if (name === null) return byWhatItDoes(view, node.name);
  return name === node.name ? [] : [bySetting(view, name, node.name)];
}

/** kube-proxy says itself that it has another name. */
function bySetting(view: NodeView, name: string, nodeName: string): Violation {
  const { objects } = view;
  const matters = dependsOnNames(objects);
  const other = objects.node(name);
  const whose = other === null ? 'which no Node has' : 'which is that of another Node';
  const effect = matters
    ? 'it takes no endpoint here for local, and does not know the zone'
    : 'no Service has a Local policy and no endpoint a hint, so this is of low severity';
  return {
    subject: nodeSubject(view),
    summary: `kube-proxy on ${nodeName} takes its node for ${name}, ${whose}: ${effect}.`,
    evidence: [
      fact("the Node's name", nodeName),
      fact("kube-proxy's node name", name),
      ...(other === null ? [] : [fact(`zone of ${name}`, other.zone ?? 'none')]),
    ],
    remediation: remedies(nodeName),
    frontends: [],
    explains: view.drift.flatMap((drift) => (isHinted(view, drift) ? [drift.key] : [])),
    ...(matters ? {} : { severity: 'low' as const }),
  };
}

/** kube-proxy says no name, and acts as if no endpoint that is here were. */
function byWhatItDoes(view: NodeView, nodeName: string): readonly Violation[] {
  const blind = new Map<string, FrontendKey[]>();
  for (const drift of view.drift) {
    const service = ownerOf(view, drift);
    if (service === null || !isBlind(drift) || !hasLocalEndpoint(view.objects, service, nodeName)) continue;
    const name = nameOf(service);
    blind.set(name, [...(blind.get(name) ?? []), drift.key]);
  }
  if (blind.size < leastServices || seesAnyOther(view, nodeName, blind)) return [];
  const keys = [...blind.values()].flat();
  return [
    {
      subject: nodeSubject(view),
      summary: `kube-proxy on ${nodeName} treats ${joined([...blind.keys()])} as if no endpoint were here, and they are all the Services with a Local policy that have one: it seems to take its node for another.`,
      evidence: [
        fact("the Node's name", nodeName),
        fact("kube-proxy's node name", 'not set, so the name of the host'),
        fact('no endpoint seen', counted(blind.size, 'Service')),
      ],
      remediation: [
        { command: 'hostname', effect: `Run on ${nodeName}: prints the name that kube-proxy takes for the Node's.` },
        ...remedies(nodeName),
      ],
      frontends: keys,
      explains: keys,
    },
  ];
}

/** Packets that endpoints here should get meet what kube-proxy does where none is. */
function isBlind(drift: Drift): boolean {
  if (drift.kind === 'missing') return true;
  if (drift.kind !== 'different') return false;
  return drift.differences.some(
    (difference) => difference.aspect === 'action' && difference.wanted === 'forward' && difference.real !== 'forward',
  );
}

/** Whether kube-proxy knows of an endpoint here after all. */
function seesAnyOther({ objects }: NodeView, nodeName: string, blind: ReadonlyMap<string, unknown>): boolean {
  for (const service of objects.services()) {
    if (isLocal(service) && !blind.has(nameOf(service)) && hasLocalEndpoint(objects, service, nodeName)) return true;
  }
  return false;
}

function hasLocalEndpoint(objects: ClusterObjects, service: Service, nodeName: string): boolean {
  if (!isLocal(service)) return false;
  const slices = objects.endpointSlices(service.namespace, service.name);
  return slices.some(({ endpoints }) => endpoints.some((one) => one.ready && one.nodeName === nodeName));
}

/** Whether any Service of the cluster is treated by the names of nodes. Only asked where a name is wrong. */
function dependsOnNames(objects: ClusterObjects): boolean {
  for (const service of objects.services()) {
    if (isLocal(service) || objects.endpointSlices(service.namespace, service.name).some(hasHints)) return true;
  }
  return false;
}

/** Whether kube-proxy serves it, by a policy for which it matters where endpoints are. */
function isLocal(service: Service): boolean {
  const { type, clusterIPs, otherProxy, externalIPs, internalTrafficPolicy, externalTrafficPolicy } = service;
  if (type === 'ExternalName' || otherProxy || (clusterIPs.ipv4 ?? clusterIPs.ipv6) === undefined) return false;
  const isOutside = type !== 'ClusterIP' || externalIPs.length > 0;
  return internalTrafficPolicy === 'Local' || (externalTrafficPolicy === 'Local' && isOutside);
}

/** Hints count only where every ready endpoint has them, so one is as good as all. */
function hasHints({ endpoints }: EndpointSlice): boolean {
  const ready = endpoints.find((endpoint) => endpoint.ready);
  return ready !== undefined && (ready.zoneHints.length > 0 || ready.nodeHints.length > 0);
}

function isHinted(view: NodeView, drift: Drift): boolean {
  const service = ownerOf(view, drift);
  return service !== null && view.objects.endpointSlices(service.namespace, service.name).some(hasHints);
}

function ownerOf({ owners, objects }: NodeView, { key }: Drift): Service | null {
  const owner = owners.get(key);
  return owner === undefined ? null : objects.service(owner.namespace, owner.name);
}

function nameOf({ namespace, name }: Service): string {
  return `${namespace}/${name}`;
}

function remedies(nodeName: string): readonly Remedy[] {
  const pods = `kubectl -n kube-system get pods --field-selector spec.nodeName=${shellWord(nodeName)} -l k8s-app=kube-proxy`;
  const env = '{"name":"KUBE_PROXY_NODE","valueFrom":{"fieldRef":{"fieldPath":"spec.nodeName"}}}';
  const container = '/spec/template/spec/containers/0';
  const patch = `[{"op":"add","path":"${container}/env/-","value":${env}},{"op":"add","path":"${container}/command/-","value":"--hostname-override=$(KUBE_PROXY_NODE)"}]`;
  return [
    {
      command: `${pods} -o jsonpath='{.items[*].spec.containers[0].command}'`,
      effect: `Shows how kube-proxy of ${nodeName} is started: the flag wins over \`hostnameOverride\` in its configuration.`,
    },
    {
      command: `kubectl -n kube-system patch daemonset kube-proxy --type=json -p '${patch}'`,
      effect:
        "Gives every kube-proxy the name of its Node, and restarts them one node after the other. The names are kubeadm's; where kube-proxy is a service of the node, set the flag in its unit.",
    },
  ];
}
