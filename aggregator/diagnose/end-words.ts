/** The ends of a diagnosis in the form that leaves the program, and in words. */
import { backendOf, type Address } from '../../proto/address.ts';
import type { DiagnosisEnd } from '../model/diagnosis.ts';
import type { ServiceTarget, Source, Target } from './ends.ts';

/** `pod/shop/web-0`, `svc/shop/web:http`, `10.0.0.7:80`. */
export function endLabel(end: Source | Target): string {
  switch (end.kind) {
    case 'pod':
      return `pod/${end.pod.namespace}/${end.pod.name}`;
    case 'node':
      return `node/${end.node.name}`;
    case 'service': {
      if (end.lacks !== undefined && typeof end.at === 'string') return backendOf(end.at, end.lacks.port);
      const [only, ...more] = end.ports;
      const port = only === undefined || more.length > 0 ? '' : `:${only.name === '' ? only.port : only.name}`;
      return `svc/${end.service.namespace}/${end.service.name}${port}`;
    }
    case 'address':
      return 'port' in end && end.port !== null ? backendOf(end.address, end.port) : end.address;
    case 'name':
      return end.port === null ? end.name : `${end.name}:${end.port}`;
  }
}

export function diagnosisEnd(end: Source | Target): DiagnosisEnd {
  const text = endLabel(end);
  switch (end.kind) {
    case 'pod': {
      const { namespace, name, addresses, nodeName } = end.pod;
      return { text, kind: 'pod', namespace, name, addresses, node: nodeName };
    }
    case 'node': {
      const { name, addresses } = end.node;
      return { text, kind: 'node', namespace: null, name, addresses, node: name };
    }
    case 'service': {
      const { namespace, name } = end.service;
      return { text, kind: 'service', namespace, name, addresses: serviceAddresses(end), node: null };
    }
    case 'address':
      return { text, kind: 'address', namespace: null, name: end.address, addresses: [end.address], node: null };
    case 'name':
      return { text, kind: 'name', namespace: null, name: end.name, addresses: [], node: null };
  }
}

function serviceAddresses({ service, at }: ServiceTarget): readonly Address[] {
  if (typeof at === 'string') return [at];
  return [service.clusterIPs.ipv4, service.clusterIPs.ipv6].filter((address) => address !== undefined);
}
