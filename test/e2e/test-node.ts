/** A node of a test's cluster: the rules that it has, and how its agent is run. */

export interface TestNode {
  readonly name: string;
  /** The IPv4 rules that kube-proxy wrote last, as iptables-save prints them. */
  rules(): string;
  /** Writes other IPv4 rules, as kube-proxy does: all at once. Nobody says so. */
  write(rules: string): void;
  /** kube-proxy says that it wrote its rules just now. */
  tellSync(): void;
  /** Runs a program of the node itself; before its arguments. Empty: it may run anywhere. */
  readonly enter: readonly string[];
  readonly agentOptions: readonly string[];
  /** What runs on the node beside its agent, in the node's folder. */
  readonly companions: readonly { readonly name: string; readonly command: readonly string[] }[];
  /** Its own files. */
  readonly folder: string;
  close(): Promise<void>;
}

/** kube-proxy's metrics with the times of its last syncs set to now. */
export function syncedNow(metrics: string): string {
  const now = (Date.now() / 1000).toExponential(16).replace('e+', 'e+0');
  return metrics.replace(/^(kubeproxy_sync_proxy_rules_last_timestamp_seconds\{.*\}) .*$/gm, `$1 ${now}`);
}
