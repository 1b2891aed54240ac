/**
 * Signs of service proxies other than kube-proxy, and whether one of them serves the node's Services in its place.
 *
 *     Cilium          links cilium_host, cilium_net; chains CILIUM_*          replaces it or not: its own word
 *     Calico (eBPF)   links bpfin.cali, bpfout.cali, gone in its other modes  always does
 *     Antrea          link antrea-gw0; chains ANTREA-*                        nat ANTREA-PREROUTING: proxyAll
 *     kube-router     link kube-dummy-if with addresses, KUBE-ROUTER-SERVICES  those are its service proxy's
 *     OVN-Kubernetes  link ovn-k8s-mp0                                        does where nobody else does
 *
 * All of them can also run beside kube-proxy, as a CNI plugin alone; and signs may outlive a proxy that was removed.
 */
import type { AddressesReport, CniReport, EbpfProxy, EbpfProxyReport, Part, ProxyTraces } from '../../proto/parts.ts';
import type { CiliumReading } from './cilium.ts';
import type { KubeProxyReading } from './kube-proxy.ts';

export interface ProxySigns {
  readonly addresses: Part<AddressesReport>;
  readonly cni: Part<CniReport>;
  /** `nat CILIUM_POST_nat`; see agent/dataplane/proxy-chains.ts. */
  readonly chains: readonly string[];
  readonly kubeProxy: KubeProxyReading;
  readonly proxyTraces: Part<ProxyTraces>;
}

/** One that shows itself. */
interface Rival {
  readonly proxy: EbpfProxy;
  readonly signs: readonly string[];
  /** Whether its signs are those of a service proxy; null = they would be the same without. */
  readonly serves: boolean | null;
}

interface Trait {
  readonly proxy: EbpfProxy;
  /** By name. */
  readonly links: readonly string[];
  readonly chainPrefix: string | null;
  readonly plugin: string | null;
  serves(seen: Seen): boolean | null;
}

/** What may tell a proxy from a plugin of the same name. */
interface Seen {
  /** The chains with its own prefix. */
  readonly chains: readonly string[];
  /** The links that hold an address, link-local ones aside. */
  readonly addressed: ReadonlySet<string>;
}

const traits: readonly Trait[] = [
  {
    proxy: 'calico',
    links: ['bpfin.cali', 'bpfout.cali'],
    chainPrefix: null,
    plugin: null,
    serves: () => true,
  },
  {
    proxy: 'kube-router',
    links: ['kube-dummy-if'],
    chainPrefix: 'KUBE-ROUTER-SERVICES',
    plugin: null,
    serves: ({ addressed, chains }) => addressed.has('kube-dummy-if') || chains.length > 0,
  },
  {
    proxy: 'cilium',
    links: ['cilium_host', 'cilium_net', 'cilium_vxlan', 'cilium_geneve'],
    chainPrefix: 'CILIUM_',
    plugin: 'cilium-cni',
    serves: () => null,
  },
  {
    proxy: 'antrea',
    links: ['antrea-gw0'],
    chainPrefix: 'ANTREA-',
    plugin: 'antrea',
    serves: ({ chains }) => (chains.includes('nat ANTREA-PREROUTING') ? true : null),
  },
  {
    proxy: 'ovn-kubernetes',
    links: ['ovn-k8s-mp0'],
    chainPrefix: null,
    plugin: 'ovn-k8s-cni-overlay',
    serves: () => null,
  },
];

/** Whether Cilium shows itself, so that it is worth asking. */
export function showsCilium(signs: ProxySigns): boolean {
  return rivalsOf(signs).some(({ proxy }) => proxy === 'cilium');
}

/**
 * Says who else than kube-proxy may serve Services here.
 * @param cilium its own word, null where it does not show itself.
 * @returns `absent` when neither links nor rules nor CNI files were there to look at.
 */
export function describeEbpfProxy(
  signs: ProxySigns,
  cilium: CiliumReading | null,
  now: () => Date,
): Part<EbpfProxyReport> {
  const { addresses, cni, proxyTraces } = signs;
  if ([addresses, cni, proxyTraces].every(({ state }) => state === 'absent')) return { state: 'absent' };
  const rivals = rivalsOf(signs).map((rival) =>
    rival.proxy === 'cilium' ? { ...rival, serves: cilium?.replacesKubeProxy ?? null } : rival,
  );
  const rival = rivals.find(({ serves }) => serves === true) ?? rivals[0];
  const value: EbpfProxyReport =
    rival === undefined
      ? { proxy: null, replacesKubeProxy: null, signs: [], unreadBecause: null }
      : {
          proxy: rival.proxy,
          replacesKubeProxy: replaces(rival, signs),
          signs: rival.signs,
          unreadBecause:
            rival.proxy === 'cilium' ? (cilium?.unreadBecause ?? null) : 'Plumbline has no reader for its tables',
        };
  return { state: 'ok', value, collectedAt: now().toISOString() };
}

/**
 * Its own signs come first. Else it runs beside a kube-proxy that answers, and in place of one that neither answers nor
 * left a rule. A silent kube-proxy whose rules are there may be down, or replaced and left over.
 */
function replaces({ proxy, serves }: Rival, { kubeProxy: { part }, proxyTraces }: ProxySigns): boolean | null {
  if (serves !== null) return serves;
  if (part.state === 'ok' && (part.value.metricsAnswered || part.value.mode !== null)) return false;
  if (proxyTraces.state !== 'ok') return null;
  const { iptables, nftables, ipvs } = proxyTraces.value;
  const isTraced = iptables || nftables || ipvs;
  // In kube-proxy's place Antrea has chains that it lacks beside it.
  if (proxy === 'antrea') return isTraced ? false : null;
  return isTraced ? null : true;
}

function rivalsOf({ addresses, cni, chains }: ProxySigns): readonly Rival[] {
  const found = addresses.state === 'ok' ? addresses.value : { addresses: [], links: [] };
  const routable = found.addresses.filter(({ address }) => !address.startsWith('fe80:'));
  const addressed = new Set(routable.map(({ link }) => link));
  const plugins = cni.state === 'ok' ? cni.value.configurations.flatMap((one) => one.plugins) : [];
  return traits.flatMap((trait): readonly Rival[] => {
    const { proxy, chainPrefix } = trait;
    const own = chains.filter((chain) => chainPrefix !== null && chain.split(' ')[1]?.startsWith(chainPrefix) === true);
    const signs = [
      ...trait.links.filter((link) => found.links.includes(link)).map((link) => `link ${link}`),
      ...own.map((chain) => `chain ${chain}`),
    ];
    // A CNI file alone may stand there for a proxy that is still to come.
    if (signs.length === 0) return [];
    if (trait.plugin !== null && plugins.includes(trait.plugin)) signs.push(`CNI plugin ${trait.plugin}`);
    return [{ proxy, signs, serves: trait.serves({ chains: own, addressed }) }];
  });
}
