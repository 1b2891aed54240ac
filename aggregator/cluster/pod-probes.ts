/**
 * Probes that the kubelet sends from the node to a pod's address. Fields: the API reference of Probe v1.
 *
 *     "readinessProbe": {"httpGet": {"path": "/ready", "port": "http", "scheme": "HTTP"}}
 *     "livenessProbe": {"tcpSocket": {"port": 5432}}    "startupProbe": {"grpc": {"port": 9000}}
 */
import type { Address } from '../../proto/address.ts';
import type { KubeletProbe, Pod } from '../model/cluster.ts';
import { apiAddress, elements, type Field, member, text } from './api-object.ts';

const kinds = ['liveness', 'readiness', 'startup'] as const;
/** Those that are sent over the network; `exec` runs in the container. */
const actions = ['httpGet', 'tcpSocket', 'grpc'] as const;

/**
 * Each port once for each kind of probe. Probes to another host than the pod say nothing about the way to the pod.
 * @param containers those that run on. @param addresses the pod's.
 */
export function readKubeletProbes(
  containers: readonly Field[],
  addresses: readonly Address[],
): Pick<Pod, 'kubeletProbes'> {
  const probes = new Map<string, KubeletProbe>();
  for (const container of containers) {
    for (const kind of kinds) {
      const port = probedPort(container, member(container, `${kind}Probe`), addresses);
      if (port !== null) probes.set(`${kind} ${port}`, { kind, port });
    }
  }
  return probes.size === 0 ? {} : { kubeletProbes: [...probes.values()] };
}

function probedPort(container: Field, probe: Field, addresses: readonly Address[]): number | null {
  const action = actions.map((name) => member(probe, name)).find(({ value }) => value !== undefined && value !== null);
  if (action === undefined) return null;
  const host = text(member(action, 'host')) ?? '';
  const address = apiAddress(host);
  const isOwn = host === '' || (address !== null && addresses.includes(address));
  return isOwn ? portOf(container, member(action, 'port').value) : null;
}

/** A name is one of the container's own ports; null where there is none such. */
function portOf(container: Field, port: unknown): number | null {
  const named = elements(member(container, 'ports')).find((one) => text(member(one, 'name')) === port);
  const number = named === undefined ? port : member(named, 'containerPort').value;
  return typeof number === 'number' && Number.isInteger(number) && number > 0 && number < 65_536 ? number : null;
}
