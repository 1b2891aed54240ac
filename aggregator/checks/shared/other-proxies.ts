/** Who else than kube-proxy serves Services on a node, or may do so. */
import type { EbpfProxy } from '../../../proto/parts.ts';
import type { NodeView } from '../../model/check.ts';

const names: { readonly [proxy in EbpfProxy]: string } = {
  cilium: 'Cilium',
  calico: 'Calico (eBPF)',
  antrea: 'Antrea',
  'kube-router': 'kube-router',
  'ovn-kubernetes': 'OVN-Kubernetes',
};

/** The name of the proxy that shows itself; `another proxy` where none does. */
export function otherProxyName({ parts: { ebpfProxy }, profile: { mode } }: NodeView): string {
  const proxy = ebpfProxy.state === 'ok' ? ebpfProxy.value.proxy : null;
  if (proxy !== null) return names[proxy];
  return mode.source !== 'unknown' && mode.value === 'cilium' ? names.cilium : 'another proxy';
}

/**
 * A pod of kube-proxy on this node, as kubeadm, the clouds and others label it; null where there is none, or pods are
 * not known. kube-proxy may also run as a service of the node, so its absence says nothing.
 */
export function kubeProxyPod({ objects, name }: NodeView): string | null {
  for (const pod of objects.podsOn(name)) {
    const { labels } = pod;
    const isKubeProxy = [labels['k8s-app'], labels['component'], labels['app']].includes('kube-proxy');
    if (isKubeProxy && (pod.phase === 'Running' || pod.phase === 'Pending')) return `${pod.namespace}/${pod.name}`;
  }
  return null;
}
