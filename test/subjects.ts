/** What findings can be about, one of each kind. */
import type { Subject } from '../aggregator/model/finding.ts';

/** A kind that is not here does not compile. */
const byKind: { readonly [Kind in Subject['kind']]: Extract<Subject, { readonly kind: Kind }> } = {
  Service: { kind: 'Service', namespace: 'shop', name: 'web', port: 'http', protocol: 'tcp' },
  Frontend: { kind: 'Frontend', name: 'tcp 10.96.0.1:443', port: '443', protocol: 'tcp' },
  Node: { kind: 'Node', name: 'node-b' },
  Pod: { kind: 'Pod', namespace: 'shop', name: 'web-0' },
  NetworkPolicy: { kind: 'NetworkPolicy', namespace: 'shop', name: 'default-deny' },
  Link: { kind: 'Link', name: 'flannel.1' },
  Peer: { kind: 'Peer', name: 'node-c' },
  Address: { kind: 'Address', name: '10.244.1.2' },
  Rule: { kind: 'Rule', name: 'nat KUBE-MARK-MASQ' },
  Cluster: { kind: 'Cluster', name: 'cluster' },
};

export const oneSubjectOfEachKind: readonly Subject[] = Object.values(byKind);
