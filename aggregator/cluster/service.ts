/** Services, as far as the audit reads them. Fields and defaults: the API reference of Service v1. */
import type { Address, Family } from '../../proto/address.ts';
import { familyOf } from '../../proto/address.ts';
import type { Service, ServicePort } from '../model/cluster.ts';
import type { Kind } from './api-list.ts';
import { readAnnotations, readName } from './api-list.ts';
import type { Field } from './api-object.ts';
import {
  apiAddress,
  apiPrefix,
  elements,
  member,
  oneOf,
  protocolOf,
  refuse,
  text,
  textMap,
  whole,
} from './api-object.ts';

export const otherProxyLabel = 'service.kubernetes.io/service-proxy-name';
const policies = ['Cluster', 'Local'] as const;
/** The API server's default for sessionAffinity ClientIP: three hours. */
const defaultAffinitySeconds = 10_800;
const maxSeconds = 86_400;

export const serviceKind: Kind<Service> = { kind: 'Service', read: readService };

function readService(item: Field): Service {
  const metadata = member(item, 'metadata');
  const spec = member(item, 'spec');
  return {
    ...readName(item),
    type: oneOf(member(spec, 'type'), ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'], 'ClusterIP'),
    ports: elements(member(spec, 'ports')).map(readPort),
    clusterIPs: readClusterIPs(spec),
    externalIPs: elements(member(spec, 'externalIPs')).flatMap(addressesIn),
    loadBalancerIngress: readIngress(item),
    loadBalancerSourceRanges: elements(member(spec, 'loadBalancerSourceRanges')).flatMap(
      (range) => apiPrefix(text(range) ?? '') ?? [],
    ),
    internalTrafficPolicy: oneOf(member(spec, 'internalTrafficPolicy'), policies, 'Cluster'),
    externalTrafficPolicy: oneOf(member(spec, 'externalTrafficPolicy'), policies, 'Cluster'),
    affinitySeconds: readAffinity(spec),
    healthCheckNodePort: whole(member(spec, 'healthCheckNodePort'), 65535) ?? 0,
    otherProxy: Object.hasOwn(textMap(member(metadata, 'labels')) ?? {}, otherProxyLabel),
    selector: textMap(member(spec, 'selector')),
    annotations: readAnnotations(item),
  };
}

function readPort(port: Field): ServicePort {
  const number = member(port, 'port');
  const target = member(port, 'targetPort').value;
  if (number.value === undefined) refuse(number, 'a whole number up to 65535');
  return {
    name: text(member(port, 'name')) ?? '',
    protocol: protocolOf(member(port, 'protocol')),
    port: whole(number, 65535) ?? 0,
    nodePort: whole(member(port, 'nodePort'), 65535) ?? 0,
    ...(typeof target === 'string' && target !== '' ? { targetName: target } : {}),
  };
}

/** Objects from before dual-stack have `clusterIP` only. `None` and empty are no address: the Service is headless. */
function readClusterIPs(spec: Field): Service['clusterIPs'] {
  const several = elements(member(spec, 'clusterIPs'));
  const fields = several.length > 0 ? several : [member(spec, 'clusterIP')];
  const clusterIPs: Partial<Record<Family, Address>> = {};
  for (const field of fields) {
    const written = text(field);
    if (written === null || written === '' || written === 'None') continue;
    const address = apiAddress(written);
    if (address === null) refuse(field, 'an IP address or None');
    else clusterIPs[familyOf(address)] ??= address;
  }
  return clusterIPs;
}

/** Ingress points with a host name only have no address that a node could serve. */
function readIngress(item: Field): Service['loadBalancerIngress'] {
  const loadBalancer = member(member(item, 'status'), 'loadBalancer');
  return elements(member(loadBalancer, 'ingress')).flatMap((point) => {
    const ipMode = oneOf(member(point, 'ipMode'), ['VIP', 'Proxy'], 'VIP');
    return addressesIn(member(point, 'ip')).map((address) => ({ address, ipMode }));
  });
}

/** None or one: kube-proxy, too, passes over what is no address. */
function addressesIn(field: Field): readonly Address[] {
  const address = apiAddress(text(field) ?? '');
  return address === null ? [] : [address];
}

function readAffinity(spec: Field): number {
  if (oneOf(member(spec, 'sessionAffinity'), ['None', 'ClientIP'], 'None') === 'None') return 0;
  const clientIP = member(member(spec, 'sessionAffinityConfig'), 'clientIP');
  return whole(member(clientIP, 'timeoutSeconds'), maxSeconds) ?? defaultAffinitySeconds;
}
