/**
 * Members of parts that change with every reading and mean nothing by themselves: counts and times. They travel with the
 * heartbeat, so that a node in sync costs a few bytes per reading; whatever else changes travels at once.
 */
import type {
  ConntrackReport,
  IptablesStructure,
  IpvsReport,
  KernelReport,
  KubeProxyReport,
  NftablesReport,
  NodeParts,
  PartName,
  SyncFailures,
} from '../../proto/parts.ts';

/** What the member says when its figures are left out; null: no member of figures, all of it counts. */
type Steady<T> = { readonly [member in keyof T]?: (value: T[member]) => unknown };

const nothing = (): unknown => null;

const kubeProxy: Steady<KubeProxyReport> = {
  lastSync: nothing,
  lastQueued: nothing,
  believedRules: nothing,
  serviceChanges: nothing,
  endpointChanges: nothing,
  programmingP99Seconds: nothing,
  syncP99Seconds: nothing,
  // A sync that failed is told at once; how the window since then grows is not.
  syncFailures: (failures: readonly SyncFailures[]) =>
    failures.map(({ family, what, counter }) => [family, what, counter.total]),
};

const iptables: Steady<{ readonly structures: readonly IptablesStructure[] }> = {
  structures: (structures) => structures.map((structure) => ({ ...structure, rules: 0, kubeRules: null })),
};

const nftables: Steady<NftablesReport> = {
  structures: (structures) => structures.map((structure) => ({ ...structure, chains: 0, rules: 0, elements: 0 })),
};

/** How many connections a node has changes with every one of them; where flows go is told at once. */
const conntrack: Steady<ConntrackReport> = {
  count: nothing,
  drop: nothing,
  earlyDrop: nothing,
  insertFailed: nothing,
  udp: (udp) => udp?.first.map(({ flows: _, unreplied: __, ...ends }) => JSON.stringify(ends)).sort(),
};

/** That a lock is held is told at once; how the time grows is not. */
const kernel: Steady<KernelReport> = {
  xtablesLock: (holder) => (holder === null ? null : [holder.pid, holder.program]),
};

const ipvs: Steady<IpvsReport> = {
  drained: ({ total, first }) => ({ total, first: first.map(({ server, backend }) => ({ server, backend })) }),
};

/**
 * The members of a part that hold figures, by name, each as JSON without them: while that stays the same, only figures
 * have changed.
 */
export function steadyMembers(parts: NodeParts, name: PartName): ReadonlyMap<string, string> {
  if (name === 'kubeProxy' && parts.kubeProxy.state === 'ok') return without(kubeProxy, parts.kubeProxy.value);
  if (name === 'iptables' && parts.iptables.state === 'ok') return without(iptables, parts.iptables.value);
  if (name === 'nftables' && parts.nftables.state === 'ok') return without(nftables, parts.nftables.value);
  if (name === 'ipvs' && parts.ipvs.state === 'ok') return without(ipvs, parts.ipvs.value);
  if (name === 'kernel' && parts.kernel.state === 'ok') return without(kernel, parts.kernel.value);
  if (name === 'conntrack' && parts.conntrack.state === 'ok') return without(conntrack, parts.conntrack.value);
  return none;
}

const none: ReadonlyMap<string, string> = new Map();

function without<T>(steady: Steady<T>, value: T): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  for (const member in steady) texts.set(member, JSON.stringify(steady[member]?.(value[member]) ?? null));
  return texts;
}
