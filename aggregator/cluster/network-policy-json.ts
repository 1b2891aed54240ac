/** A NetworkPolicy in the API's form, of what network-policy.ts keeps of it, which is all that decides. */
import type { LabelSelector, NetworkPolicy, PolicyPeer, PolicyPort, PolicyRule } from '../model/policy.ts';
import { type ListKind, type ObjectJson, protocolJson, unlessNull } from './object-json.ts';

export const networkPolicyList: ListKind = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicyList' };

const typeWords = { ingress: 'Ingress', egress: 'Egress' } as const;

export function networkPolicyJson(policy: NetworkPolicy): ObjectJson {
  const { namespace, name, uid, createdAt, podSelector, types, ingress, egress } = policy;
  return {
    metadata: { namespace, name, uid, creationTimestamp: unlessNull(createdAt) },
    spec: {
      podSelector: selectorJson(podSelector),
      policyTypes: types.map((type) => typeWords[type]),
      ingress: ingress.length === 0 ? undefined : ingress.map((rule) => ruleJson(rule, 'from')),
      egress: egress.length === 0 ? undefined : egress.map((rule) => ruleJson(rule, 'to')),
    },
  };
}

function ruleJson({ peers, ports }: PolicyRule, peersName: 'from' | 'to'): ObjectJson {
  return {
    [peersName]: peers.length === 0 ? undefined : peers.map(peerJson),
    ports: ports.length === 0 ? undefined : ports.map(portJson),
  };
}

function peerJson(peer: PolicyPeer): ObjectJson {
  if (peer.kind === 'block') {
    const { cidr, except } = peer;
    return { ipBlock: { cidr, except: except.length === 0 ? undefined : except } };
  }
  const { podSelector, namespaceSelector } = peer;
  return {
    podSelector: podSelector === null ? undefined : selectorJson(podSelector),
    namespaceSelector: namespaceSelector === null ? undefined : selectorJson(namespaceSelector),
  };
}

function portJson({ protocol, port, endPort }: PolicyPort): ObjectJson {
  return { protocol: protocolJson(protocol), port: unlessNull(port), endPort: unlessNull(endPort) };
}

function selectorJson({ matchLabels, matchExpressions }: LabelSelector): ObjectJson {
  return {
    matchLabels: Object.keys(matchLabels).length === 0 ? undefined : matchLabels,
    matchExpressions: matchExpressions.length === 0 ? undefined : matchExpressions,
  };
}
