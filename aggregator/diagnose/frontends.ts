/** The frontends that a packet to a Service meets on its node, and what becomes of it there. */
import { type Address, type Family, familyOf } from '../../proto/address.ts';
import { frontendKey } from '../../proto/canonical.ts';
import type { Forwarding, Frontend, FrontendKey, Origin } from '../../proto/forwarding.ts';
import { contains, prefixSet } from '../../proto/prefixes.ts';
import { valueOr } from '../../proto/profile.ts';
import type { NodeView } from '../model/check.ts';
import type { ServicePort } from '../model/cluster.ts';
import type { Drift } from '../model/drift.ts';
import type { ServiceTarget, Source } from './ends.ts';

/** One port of the Service as it is asked. */
export interface AskedPort {
  readonly port: ServicePort;
  readonly key: FrontendKey;
  readonly frontend: Frontend;
}

/** The frontends that the question is about, of one family; none of a headless Service. */
export function askedPorts({ service, ports, at }: ServiceTarget, family: Family): readonly AskedPort[] {
  const address = addressOf(service.clusterIPs[family] ?? null, at, family);
  if (address === null) return [];
  return ports.flatMap((port): readonly AskedPort[] => {
    const number = address === 'node' ? port.nodePort : port.port;
    if (number === 0) return [];
    const frontend: Frontend = { family, protocol: port.protocol, address, port: number };
    return [{ port, frontend, key: frontendKey(frontend) }];
  });
}

function addressOf(clusterIP: Address | null, at: ServiceTarget['at'], family: Family): Address | 'node' | null {
  if (at === null) return clusterIP;
  if (typeof at === 'object') return 'node';
  return familyOf(at) === family ? at : null;
}

/**
 * What the packets of a source count as on the node that translates them, by that node's own way to tell pods.
 * @param address the source's; null = none of the family.
 */
export function originOf(
  source: Source,
  { name, profile }: Pick<NodeView, 'name' | 'profile'>,
  address: Address | null,
): Origin {
  switch (source.kind) {
    case 'node':
      return source.node.name === name ? 'node' : 'outside';
    case 'pod': {
      const isHere = source.pod.nodeName === name;
      if (source.pod.hostNetwork) return isHere ? 'node' : 'outside';
      const detector = address === null ? null : valueOr(profile.localDetector[familyOf(address)], null);
      if (address === null || detector === null) return 'pod';
      // Those of another node come by an uplink, by whatever interface its own pods come.
      if (detector.kind === 'interface') return isHere ? 'pod' : 'outside';
      return detector.kind === 'none' || contains(prefixSet([detector.prefix]), address) ? 'pod' : 'outside';
    }
    case 'address':
      return 'outside';
  }
}

/** What the node should do and does at a frontend; null where either is not known. */
export function sidesOf(
  { desired, observed, drift }: NodeView,
  key: FrontendKey,
): { readonly wanted: Forwarding | null; readonly real: Forwarding | null; readonly drift: Drift | null } | null {
  if (desired === null || observed === null) return null;
  return {
    wanted: desired.get(key)?.forwarding ?? null,
    real: observed.get(key)?.forwarding ?? null,
    drift: drift.find((one) => one.key === key) ?? null,
  };
}
