/** Faults between nodes, made in the switch: no node shows them but by what does not arrive. */
import type { Undo } from './fault-undo.ts';
import { portOf, type Switch } from './lab-switch.ts';
import { mustRunIn } from './namespaces.ts';
import type { PodNode } from './pod-node.ts';

/** Packets from one node to another, and no answers. */
export interface Direction {
  readonly from: PodNode;
  readonly to: PodNode;
}

/** What is dropped, as nft(8) says it: VXLAN, BGP, whatever is large (of the whole IP packet), everything of IPv4. */
const matches = {
  vxlan: 'udp dport 8472',
  udp: 'ip protocol udp',
  bgp: 'tcp dport 179',
  'bgp answers': 'tcp sport 179',
  large: 'ip length > 1400',
  everything: 'meta protocol ip',
} as const;

/** Drops what goes one way between two nodes. */
export function droppedBetween({ namespace }: Switch, { from, to }: Direction, what: keyof typeof matches): Undo {
  const table = `lab-${from.number}-${to.number}-${what.replace(' ', '-')}`;
  const rule = `iifname "${portOf(from.number)}" oifname "${portOf(to.number)}" ${matches[what]} drop`;
  const chain = 'chain forward { type filter hook forward priority 0; policy accept;';
  mustRunIn(namespace, 'nft', ['-f', '-'], `table bridge ${table} {\n ${chain}\n  ${rule}\n }\n}\n`);
  return () => {
    mustRunIn(namespace, 'nft', ['delete', 'table', 'bridge', table]);
  };
}

/** Cuts BGP between two nodes in both directions; their sessions notice when the hold time is over, 3 s later. */
export function bgpCut(at: Switch, one: PodNode, other: PodNode): Undo {
  const undos = [
    droppedBetween(at, { from: one, to: other }, 'bgp'),
    droppedBetween(at, { from: one, to: other }, 'bgp answers'),
    droppedBetween(at, { from: other, to: one }, 'bgp'),
    droppedBetween(at, { from: other, to: one }, 'bgp answers'),
  ];
  return () => {
    for (const undo of undos) undo();
  };
}

/** The way between nodes carries smaller packets than the nodes believe, and says nothing of those that it drops. */
export function pathNarrowed({ namespace }: Switch, { number }: PodNode, mtu: number): Undo {
  const set = (to: number) => mustRunIn(namespace, 'ip', ['link', 'set', portOf(number), 'mtu', `${to}`]);
  set(mtu);
  return () => {
    set(1500);
  };
}
