/** Which dataplane the node works with: kube-proxy's word first; where it is silent, what lies on the node. */
import type { EbpfProxyReport, Part, ProxyTraces } from '../proto/parts.ts';
import type { DataplaneMode, Sourced } from '../proto/profile.ts';
import type { KubeProxyReading } from './collectors/kube-proxy.ts';

export interface ModeSigns {
  readonly kubeProxy: KubeProxyReading;
  readonly proxyTraces: Part<ProxyTraces>;
  readonly ebpfProxy: Part<EbpfProxyReport>;
}

/**
 * kube-proxy's word first. Where it is silent: another proxy that is known to serve Services in its place, else the
 * traces on the node, if they are those of one proxy and nobody else may have taken over.
 */
export function modeOf({ kubeProxy, proxyTraces, ebpfProxy }: ModeSigns): Sourced<DataplaneMode> {
  const answered = kubeProxy.part.state === 'ok' ? modeNamed(kubeProxy.part.value.mode) : null;
  if (answered !== null) return { value: answered, source: 'proxyMode' };
  const configured = modeNamed(kubeProxy.configuration?.mode ?? null);
  if (configured !== null) return { value: configured, source: 'configz' };
  const other = ebpfProxy.state === 'ok' ? ebpfProxy.value : null;
  if (other !== null && other.proxy !== null && other.replacesKubeProxy === true) {
    return { value: other.proxy === 'cilium' ? 'cilium' : 'ebpf', source: 'rules' };
  }
  if (proxyTraces.state === 'failed') return { source: 'unknown', reason: proxyTraces.reason };
  if (proxyTraces.state === 'absent') return { source: 'unknown', reason: 'neither kube-proxy nor rules were read' };
  const traced = tracedModes(proxyTraces.value);
  if (traced.length > 1)
    return { source: 'unknown', reason: `kube-proxy is silent, traces of ${traced.join(' and ')}` };
  const doubt = doubtOf(other, traced[0] ?? null);
  return doubt === null ? { value: traced[0] ?? 'none', source: 'rules' } : { source: 'unknown', reason: doubt };
}

function tracedModes({ iptables, nftables, ipvs }: ProxyTraces): readonly DataplaneMode[] {
  return [
    ...(iptables ? ['iptables' as const] : []),
    ...(nftables ? ['nftables' as const] : []),
    ...(ipvs ? ['ipvs' as const] : []),
  ];
}

/** Another proxy is there, and whether it took over cannot be told; null = there is no such doubt. */
function doubtOf(other: EbpfProxyReport | null, traced: DataplaneMode | null): string | null {
  if (other === null || other.proxy === null || other.replacesKubeProxy !== null) return null;
  const { proxy, signs } = other;
  const [first = 'its name'] = signs;
  return traced === null
    ? `kube-proxy is silent and left no rules; whether ${proxy} (${first}) serves Services cannot be told`
    : `kube-proxy is silent: either it is down, or ${proxy} (${first}) serves Services and the ${traced} rules are left over`;
}

function modeNamed(name: string | null): DataplaneMode | null {
  switch (name) {
    case 'iptables':
    case 'nftables':
    case 'ipvs':
      return name;
    case '':
      // Unset means the platform's default.
      return 'iptables';
    default:
      return null;
  }
}
