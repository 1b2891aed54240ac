/** EndpointSlices, as far as kube-proxy uses them. Fields and defaults: the API reference of EndpointSlice v1. */
import type { Endpoint, EndpointSlice } from '../model/cluster.ts';
import type { Kind } from './api-list.ts';
import { readName } from './api-list.ts';
import type { Field } from './api-object.ts';
import { apiAddress, elements, flag, member, oneOf, protocolOf, refuse, text, textMap, whole } from './api-object.ts';

export const serviceNameLabel = 'kubernetes.io/service-name';
/** kube-proxy's watch leaves these out. */
const headlessLabel = 'service.kubernetes.io/headless';

export const endpointSliceKind: Kind<EndpointSlice> = { kind: 'EndpointSlice', read: readEndpointSlice };

/** Null for a slice that serves no Service, or one that kube-proxy does not read. */
function readEndpointSlice(item: Field): EndpointSlice | null {
  const labels = textMap(member(member(item, 'metadata'), 'labels')) ?? {};
  const serviceName = labels[serviceNameLabel];
  const addressType = oneOf(member(item, 'addressType'), ['IPv4', 'IPv6', 'FQDN'], 'FQDN');
  if (!serviceName || Object.hasOwn(labels, headlessLabel) || addressType === 'FQDN') return null;
  const { namespace, name } = readName(item);
  return {
    namespace,
    name,
    serviceName,
    family: addressType === 'IPv4' ? 'ipv4' : 'ipv6',
    ports: elements(member(item, 'ports')).flatMap(readPort),
    endpoints: elements(member(item, 'endpoints')).flatMap(readEndpoint),
  };
}

/** A port without a name (empty is one) or number means nothing to kube-proxy. */
function readPort(port: Field): EndpointSlice['ports'] {
  const name = text(member(port, 'name'));
  const number = whole(member(port, 'port'), 65535);
  if (name === null || number === null || number === 0) return [];
  return [{ name, protocol: protocolOf(member(port, 'protocol')), port: number }];
}

/** Only the first address counts: the others were never used. */
function readEndpoint(endpoint: Field): readonly Endpoint[] {
  const [first] = elements(member(endpoint, 'addresses'));
  if (first === undefined) return [];
  const address = apiAddress(text(first) ?? '');
  if (address === null) {
    refuse(first, 'an IP address');
    return [];
  }
  const conditions = member(endpoint, 'conditions');
  const hints = member(endpoint, 'hints');
  return [
    {
      address,
      nodeName: text(member(endpoint, 'nodeName')),
      ready: flag(member(conditions, 'ready')) ?? true,
      serving: flag(member(conditions, 'serving')) ?? true,
      terminating: flag(member(conditions, 'terminating')) ?? false,
      zoneHints: namesIn(member(hints, 'forZones')),
      nodeHints: namesIn(member(hints, 'forNodes')),
    },
  ];
}

const noNames: readonly string[] = [];

function namesIn(list: Field): readonly string[] {
  const hints = elements(list);
  return hints.length === 0 ? noNames : hints.flatMap((hint) => text(member(hint, 'name')) ?? []);
}
