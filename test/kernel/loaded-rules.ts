/** Rules loaded into the lab's node with the real iptables-restore, and read back as the agent reads them. */
import { parseRules } from 'node-iptables-parse';
import type { BackendRules } from '../../agent/dataplane/iptables.ts';
import type { Host } from '../../agent/host.ts';
import { localHost } from '../../agent/host.ts';
import { observe } from '../../agent/observe.ts';
import type { ForwardingTable } from '../../proto/forwarding.ts';
import type { IptablesBackend } from '../../proto/parts.ts';
import type { WrittenRules } from '../property/written-rules.ts';
import { printWritten } from '../property/written-rules.ts';
import { mustRunIn, runIn } from './namespaces.ts';

/** kube-proxy's counters: rules that name them load only where they exist. */
export function makeCounters(namespace: string): void {
  for (const counter of ['localhost_nps_accepted_pkts', 'ct_state_invalid_dropped_pkts']) {
    mustRunIn(namespace, 'nfacct', ['add', counter]);
  }
}

/** A client's UDP flow to a cluster IP, as if it were in the midst of it. */
export function trackFlow(namespace: string): void {
  const client = ['-s', '10.244.1.2', '-d', '10.96.0.10', '--sport', '41000', '--dport', '53'];
  const reply = ['-r', '10.244.2.5', '-q', '10.244.1.2', '--reply-port-src', '53', '--reply-port-dst', '41000'];
  mustRunIn(namespace, 'conntrack', ['-I', '-p', 'udp', ...client, ...reply, '-t', '600', '-u', 'SEEN_REPLY']);
}

/** Replaces all IPv4 rules of a backend, and forgets the connections that earlier ones made. */
export function loadRules(namespace: string, backend: IptablesBackend, rules: WrittenRules): void {
  mustRunIn(namespace, `iptables-${backend}-restore`, [], printWritten(rules));
  runIn(namespace, 'conntrack', ['-F']);
}

/**
 * The table that the agent reports.
 * No kube-proxy runs here: all that the agent knows of its configuration is what the rules show.
 * @throws with the agent's reason when it has no table.
 */
export async function observedTable(namespace: string): Promise<ForwardingTable> {
  const get: Host['get'] = async (url) => ({
    ok: false,
    kind: 'refused',
    message: `GET ${url}: connection refused`,
  });
  const { parts } = await observe(localHost({ netns: namespace, get }));
  if (parts.forwarding.state !== 'ok') {
    throw new Error(
      `the agent read no rules: ${parts.forwarding.state === 'failed' ? parts.forwarding.reason : 'absent'}`,
    );
  }
  return parts.forwarding.value.table;
}

/** The rules as the kernel prints them, for questions about one packet. */
export function loadedRules(namespace: string, backend: IptablesBackend, rules: WrittenRules): BackendRules {
  const dump = mustRunIn(namespace, `iptables-${backend}-save`, []);
  const parsed = parseRules(dump, { expectTables: rules.map(({ name }) => name), trailer: 'required' });
  if (!parsed.ok) throw new Error(`line ${parsed.failure.line}: ${parsed.failure.message}`);
  return { backend, family: 'ipv4', ruleset: parsed.ruleset };
}
