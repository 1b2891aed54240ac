/** Chains of iptables that other service proxies than kube-proxy make, by their names. */
import type { Ruleset } from 'node-iptables-parse';

/** Cilium, Antrea and kube-router; Calico's eBPF mode leaves no chain of its own. */
const prefixes = ['CILIUM_', 'ANTREA-', 'KUBE-ROUTER-'];
const most = 20;

/** @returns each once, sorted, at most 20: `nat CILIUM_POST_nat`. */
export function proxyChains(rulesets: readonly { readonly ruleset: Ruleset }[]): readonly string[] {
  const found = new Set<string>();
  for (const { ruleset } of rulesets) {
    for (const table of ruleset.tables.values()) {
      for (let chain = 0; chain < table.chainCount && found.size < most; chain++) {
        const name = table.chainName(chain);
        if (prefixes.some((prefix) => name.startsWith(prefix))) found.add(`${table.name} ${name}`);
      }
    }
  }
  return [...found].sort();
}
