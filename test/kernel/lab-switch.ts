/**
 * The network between nodes of a lab: one switch, and a port for each node's uplink.
 *
 *   node N: eth0 192.168.100.1N ---- nN [ br0 192.168.100.1 ] nM ---- eth0 192.168.100.1M: node M
 *
 * The switch is a bridge in a namespace of its own, so that what is lost on the way shows on no node.
 */
import { makeNamespace, mustRunIn, removeNamespace } from './namespaces.ts';

export interface Switch {
  readonly namespace: string;
  close(): void;
}

/** Begins with no node. `purpose` tells labs of one process apart. @throws with the command that failed. */
export function openSwitch(purpose: string): Switch {
  const namespace = makeNamespace(`${purpose}-switch`);
  // It hands frames on, and is no way to anywhere else.
  mustRunIn(namespace, 'sysctl', ['-qw', 'net.ipv4.ip_forward=0']);
  ipIn(namespace, ['link add br0 type bridge', 'addr add 192.168.100.1/24 dev br0', 'link set br0 up']);
  return { namespace, close: () => removeNamespace(namespace) };
}

/** The uplink address of the node with this number, 1 to 9. */
export function uplinkAddress(number: number): string {
  return `192.168.100.1${number}`;
}

/** The switch's port that leads to the node with this number. */
export function portOf(number: number): string {
  return `n${number}`;
}

/** Makes a node's namespace, with its uplink at the switch, that forwards. @throws with the command that failed. */
export function joinNode(at: Switch, purpose: string, number: number): string {
  const namespace = makeNamespace(`${purpose}-node${number}`);
  const settings = [
    // New links take over what the machine has, which is not the same everywhere.
    'net.ipv4.conf.all.rp_filter=0',
    'net.ipv4.conf.default.rp_filter=0',
    'net.ipv4.ip_forward=1',
  ];
  mustRunIn(namespace, 'sysctl', ['-qw', ...settings]);
  ipIn(namespace, [
    `link add eth0 type veth peer name ${portOf(number)} netns ${at.namespace}`,
    `addr add ${uplinkAddress(number)}/24 dev eth0`,
    'link set eth0 up',
    'route add default via 192.168.100.1 dev eth0',
  ]);
  ipIn(at.namespace, [`link set ${portOf(number)} master br0`, `link set ${portOf(number)} up`]);
  return namespace;
}

/** Runs commands of ip(8) one after the other in one process. @throws with the first that failed. */
export function ipIn(namespace: string, commands: readonly string[]): void {
  mustRunIn(namespace, 'ip', ['-batch', '-'], `${commands.join('\n')}\n`);
}
