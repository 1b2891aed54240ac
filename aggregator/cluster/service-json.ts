/** A Service in the API's form, of what service.ts keeps of it. */
import type { Service, ServicePort } from '../model/cluster.ts';
import { type ListKind, type ObjectJson, protocolJson, unlessNull, unlessZero } from './object-json.ts';
import { otherProxyLabel } from './service.ts';

export const serviceList: ListKind = { apiVersion: 'v1', kind: 'ServiceList' };

export function serviceJson(service: Service): ObjectJson {
  const { namespace, name, uid, annotations, otherProxy, affinitySeconds } = service;
  const clusterIPs = Object.values(service.clusterIPs);
  const ingress = service.loadBalancerIngress.map(({ address, ipMode }) => ({ ip: address, ipMode }));
  return {
    // Which proxy it is, nobody has kept.
    metadata: { namespace, name, uid, labels: otherProxy ? { [otherProxyLabel]: 'other' } : undefined, annotations },
    spec: {
      type: service.type,
      ports: service.ports.map(portJson),
      ...(clusterIPs.length > 0
        ? { clusterIP: clusterIPs[0], clusterIPs }
        : { clusterIP: service.type === 'ExternalName' ? undefined : 'None' }),
      externalIPs: service.externalIPs,
      loadBalancerSourceRanges: service.loadBalancerSourceRanges,
      internalTrafficPolicy: service.internalTrafficPolicy,
      externalTrafficPolicy: service.externalTrafficPolicy,
      sessionAffinity: affinitySeconds === 0 ? 'None' : 'ClientIP',
      sessionAffinityConfig: affinitySeconds === 0 ? undefined : { clientIP: { timeoutSeconds: affinitySeconds } },
      healthCheckNodePort: unlessZero(service.healthCheckNodePort),
      selector: unlessNull(service.selector),
    },
    status: { loadBalancer: { ingress } },
  };
}

function portJson({ name, protocol, port, nodePort, targetName }: ServicePort): ObjectJson {
  return { name, protocol: protocolJson(protocol), port, nodePort: unlessZero(nodePort), targetPort: targetName };
}
