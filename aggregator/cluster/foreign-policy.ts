/**
 * Policies that are not Kubernetes' own NetworkPolicy: that they are there is all that is kept. Which kinds there are:
 * Cilium's and Calico's resource definitions, and the cluster-wide policies of sigs.k8s.io/network-policy-api.
 */
import type { ForeignPolicy } from '../model/policy.ts';
import { type Kind, readName } from './api-list.ts';
import { type Field, member, requiredText } from './api-object.ts';

/** A kind of them, and where its objects lie. */
export interface ForeignKind {
  readonly apiVersion: string;
  readonly kind: string;
  readonly path: string;
}

export const foreignKinds: readonly ForeignKind[] = [
  foreign('cilium.io/v2', 'CiliumNetworkPolicy', 'ciliumnetworkpolicies'),
  foreign('cilium.io/v2', 'CiliumClusterwideNetworkPolicy', 'ciliumclusterwidenetworkpolicies'),
  foreign('crd.projectcalico.org/v1', 'NetworkPolicy', 'networkpolicies'),
  foreign('crd.projectcalico.org/v1', 'GlobalNetworkPolicy', 'globalnetworkpolicies'),
  foreign('policy.networking.k8s.io/v1alpha1', 'AdminNetworkPolicy', 'adminnetworkpolicies'),
  foreign('policy.networking.k8s.io/v1alpha1', 'BaselineAdminNetworkPolicy', 'baselineadminnetworkpolicies'),
  foreign('policy.networking.k8s.io/v1alpha2', 'ClusterNetworkPolicy', 'clusternetworkpolicies'),
];

function foreign(apiVersion: string, kind: string, plural: string): ForeignKind {
  return { apiVersion, kind, path: `/apis/${apiVersion}/${plural}` };
}

/** What a kind is called here: by itself where no other has its name, else `NetworkPolicy.crd.projectcalico.org`. */
export function shownKind(apiVersion: string, kind: string): string {
  const [group = ''] = apiVersion.split('/');
  const isAlone = group === 'cilium.io' || group === 'policy.networking.k8s.io';
  return isAlone ? kind : `${kind}.${group}`;
}

/** In a bundle all of them stand in one list, as kubectl prints objects of several kinds. */
export const foreignPolicyKind: Kind<ForeignPolicy> = { kind: 'Policy', isMixed: true, read: readForeignPolicy };

function readForeignPolicy(item: Field): ForeignPolicy {
  const { namespace, name } = readName(item);
  const kind = shownKind(requiredText(member(item, 'apiVersion')), requiredText(member(item, 'kind')));
  return { kind, namespace: namespace === '' ? null : namespace, name };
}
