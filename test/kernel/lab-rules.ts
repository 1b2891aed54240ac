/** The lab's rules: whole as kube-proxy writes them for the lab's Services, and damaged in one way each. */
import { desiredState } from '../../aggregator/audit/desired.ts';
import type { ForwardingTable } from '../../proto/forwarding.ts';
import type { LocalDetector } from '../../proto/profile.ts';
import { prefix } from '../builders.ts';
import { iptablesProfile } from '../property/iptables-profile.ts';
import { writeRules } from '../property/rule-writer.ts';
import type { WrittenRules } from '../property/written-rules.ts';
import { chainOf } from '../property/written-rules.ts';
import { localAddresses } from './lab.ts';
import { labCluster, labNode } from './lab-cluster.ts';

export interface LabRules {
  readonly rules: WrittenRules;
  readonly wanted: ForwardingTable;
}

export const podRange: LocalDetector = { kind: 'prefix', prefix: prefix('10.244.0.0/16') };

/** The whole rules of the lab for a kube-proxy with these settings. */
export function labRules(detector: LocalDetector, masqueradeAll = false): LabRules {
  const node = {
    nodeName: labNode,
    localAddresses,
    localDetector: { ipv4: detector, ipv6: { kind: 'none' } },
    masqueradeAll,
  } as const;
  const { table, owners } = desiredState(labCluster, { name: labNode, zone: null, profile: iptablesProfile(node) });
  const rules = writeRules({ ...node, table, owners, markBit: 14, localhostNodePorts: true }, 'ipv4');
  return { rules, wanted: table };
}

/** One way to damage rules: what a line of a table becomes; null = it is gone. */
export interface Damage {
  readonly name: string;
  readonly damage: (table: string, line: string) => string | null;
}

/** The chain that a service's cluster IP leads to, for damage inside it. */
function chainsOf(rules: WrittenRules, service: string): readonly string[] {
  const nat = rules.find(({ name }) => name === 'nat');
  return (nat?.rules ?? []).flatMap((line) => {
    const isOwn = line.includes(`"lab/${service}"`) || line.includes(`"lab/${service} ->`);
    return isOwn ? [chainOf(line)] : [];
  });
}

/** The damages of these rules. The Service `plain` is the one that suffers where one does. */
export function damagesOf(rules: WrittenRules): readonly Damage[] {
  const nat = rules.find(({ name }) => name === 'nat')?.rules ?? [];
  const endpoints = [...new Set(chainsOf(rules, 'plain'))].filter((chain) => chain.startsWith('KUBE-SEP-'));
  const service = chainsOf(rules, 'plain').find((chain) => chain.startsWith('KUBE-SVC-')) ?? '';
  const order = nat.filter((line) => chainOf(line) === service).flatMap((line) => line.match(/KUBE-SEP-\w+/) ?? []);
  const [first = '', last = ''] = [order[0], order.at(-1)];
  const dnatOf = (chain: string): string => nat.find((line) => chainOf(line) === chain && line.includes('DNAT')) ?? '';
  const without = (name: string, gone: (line: string) => boolean, inTable = 'nat'): Damage => ({
    name,
    damage: (table, line) => (table === inTable && gone(line) ? null : line),
  });
  const replaced = (name: string, from: string, to: string): Damage => ({
    name,
    damage: (_, line) => (line === from ? to : line),
  });
  const jump = (from: string, to: string) => (line: string) => chainOf(line) === from && line.endsWith(`-j ${to}`);
  return [
    without('a service chain is flushed', (line) => chainOf(line) === service),
    without('an endpoint chain is flushed', (line) => chainOf(line) === endpoints[0]),
    without('the first endpoint has lost its DNAT', (line) => line === dnatOf(first)),
    without('the last endpoint has lost its DNAT', (line) => line === dnatOf(last)),
    replaced(
      'an endpoint is stale',
      dnatOf(first),
      dnatOf(first).replace(/\d+\.\d+\.\d+\.\d+:8080$/, '10.244.2.11:8080'),
    ),
    without('the jump from PREROUTING is gone', jump('PREROUTING', 'KUBE-SERVICES')),
    without('the jump from OUTPUT is gone', jump('OUTPUT', 'KUBE-SERVICES')),
    without('the jump from POSTROUTING is gone', jump('POSTROUTING', 'KUBE-POSTROUTING')),
    without('nothing sets the mark', (line) => chainOf(line) === 'KUBE-MARK-MASQ'),
    without('the node ports are flushed', (line) => chainOf(line) === 'KUBE-NODEPORTS'),
    without('filter FORWARD does not ask KUBE-SERVICES', jump('FORWARD', 'KUBE-SERVICES'), 'filter'),
    without('filter OUTPUT does not ask KUBE-SERVICES', jump('OUTPUT', 'KUBE-SERVICES'), 'filter'),
    without('filter INPUT does not ask KUBE-EXTERNAL-SERVICES', jump('INPUT', 'KUBE-EXTERNAL-SERVICES'), 'filter'),
    without('nothing asks KUBE-PROXY-FIREWALL', (line) => line.endsWith('-j KUBE-PROXY-FIREWALL'), 'filter'),
    without('all rules of filter are gone', () => true, 'filter'),
  ];
}

export function damaged(rules: WrittenRules, { damage }: Damage): WrittenRules {
  return rules.map((table) => ({ ...table, rules: table.rules.flatMap((line) => damage(table.name, line) ?? []) }));
}
