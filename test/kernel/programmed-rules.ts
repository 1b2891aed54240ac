/** What kube-proxy would program on a node for the objects of the API, loaded with the real iptables-restore. */
import { desiredState } from '../../aggregator/audit/desired.ts';
import type { ClusterState } from '../../aggregator/model/cluster.ts';
import type { Address } from '../../proto/address.ts';
import { iptablesProfile } from '../property/iptables-profile.ts';
import { writeRules } from '../property/rule-writer.ts';
import { podRange } from './lab-rules.ts';
import { loadRules } from './loaded-rules.ts';

export interface ProgrammedNode {
  readonly name: string;
  readonly namespace: string;
  readonly localAddresses: readonly Address[];
}

/**
 * Replaces all IPv4 rules of the node's namespace, whose counters must be there (makeCounters).
 * @param isLost true of a rule in KUBE-SERVICES that is left out, as if it had got lost.
 */
export function programRules(
  { name, namespace, localAddresses }: ProgrammedNode,
  state: ClusterState,
  isLost: (line: string) => boolean = () => false,
): void {
  const settings = {
    nodeName: name,
    localAddresses,
    localDetector: { ipv4: podRange, ipv6: { kind: 'none' } },
    masqueradeAll: false,
  } as const;
  const { table, owners } = desiredState(state, { name, zone: null, profile: iptablesProfile(settings) });
  const rules = writeRules({ ...settings, table, owners, markBit: 14, localhostNodePorts: true }, 'ipv4');
  const left = rules.map((one) => ({
    ...one,
    rules: one.rules.filter((line) => !(line.includes('KUBE-SERVICES') && isLost(line))),
  }));
  loadRules(namespace, 'nft', left);
}
