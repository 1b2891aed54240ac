/** kube-proxy's chains by their names (kube-proxy, pkg/proxy/iptables). */
import type { Table } from 'node-iptables-parse';

/** What a chain is to kube-proxy; each value includes the ones before it. */
export const foreignChain = 0;
/** KUBE-*, but the kubelet's, or left behind by one: kube-proxy does not count its rules. */
const kubeletChain = 1;
/** KUBE-*, kube-proxy's own; may be empty. */
export const kubeChain = 2;
/** One chain per service port, never empty. */
export const serviceChain = 3;
/** KUBE-SEP-*: one chain per endpoint, never without a DNAT rule. */
const endpointChain = 4;

/** KUBE-XLB- is what KUBE-EXT- was called before v1.24. */
const servicePrefixes = ['KUBE-SVC-', 'KUBE-EXT-', 'KUBE-SVL-', 'KUBE-FW-', 'KUBE-XLB-'];
const kubeletNames = new Set(['KUBE-KUBELET-CANARY', 'KUBE-IPTABLES-HINT', 'KUBE-MARK-DROP']);

function kindOf(name: string): number {
  if (name.startsWith('KUBE-SEP-')) return endpointChain;
  if (!name.startsWith('KUBE-')) return foreignChain;
  if (servicePrefixes.some((prefix) => name.startsWith(prefix))) return serviceChain;
  return kubeletNames.has(name) ? kubeletChain : kubeChain;
}

/** Chain -> its kind. */
export function chainKinds(table: Table): Uint8Array {
  const kinds = new Uint8Array(table.chainCount);
  for (let chain = 0; chain < table.chainCount; chain++) kinds[chain] = kindOf(table.chainName(chain));
  return kinds;
}
