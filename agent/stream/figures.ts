/**
 * Members of parts that change with every reading and mean nothing by themselves: counts and times. They travel with the
 * heartbeat, so that a node in sync costs a few bytes per reading; whatever else changes travels at once.
 */
import type { IptablesStructure, KubeProxyReport, NodeParts, PartName, SyncFailures } from '../../proto/parts.ts';

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
  // A sync that failed is told at once; how the window since then grows is not.
  syncFailures: (failures: readonly SyncFailures[]) =>
    failures.map(({ family, what, counter }) => [family, what, counter.total]),
};

const iptables: Steady<{ readonly structures: readonly IptablesStructure[] }> = {
  structures: (structures) => structures.map((structure) => ({ ...structure, rules: 0, kubeRules: null })),
};

/**
 * The members of a part that hold figures, by name, each as JSON without them: while that stays the same, only figures
 * have changed.
 */
export function steadyMembers(parts: NodeParts, name: PartName): ReadonlyMap<string, string> {
  if (name === 'kubeProxy' && parts.kubeProxy.state === 'ok') return without(kubeProxy, parts.kubeProxy.value);
  if (name === 'iptables' && parts.iptables.state === 'ok') return without(iptables, parts.iptables.value);
  return none;
}

const none: ReadonlyMap<string, string> = new Map();

function without<T>(steady: Steady<T>, value: T): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  for (const member in steady) texts.set(member, JSON.stringify(steady[member]?.(value[member]) ?? null));
  return texts;
}
