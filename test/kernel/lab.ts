/**
 * A node with a pod, a client and the rest of the world, in four namespaces:
 *
 *   client ---- 192.168.100.0/24 ---- node ---- 172.31.0.0/30 ---- world
 *   .50, .60                     .11   |   .1                  .2   pods 10.244.1.10, 10.244.2.10, 10.244.2.11
 *                           10.244.1.1 |                            and every service address: who gets there un-NATed
 *                                      |                            is answered by the service address itself
 *                                     pod 10.244.1.2
 *
 * The node answers un-NATed packets to its own node ports likewise. Whoever answers says which source it saw, so a
 * masqueraded packet is told by the node's address on the link it left by.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Interface } from 'node:readline';
import { createInterface } from 'node:readline';
import type { Address } from '../../proto/address.ts';
import type { Origin } from '../../proto/forwarding.ts';
import type { Connect, Listen, Outcome, PeerReply, PeerRequest } from './lab-peer.ts';
import { makeNamespace, mustRunIn, removeNamespace } from './namespaces.ts';

// The casts below are proved by reading: all are canonical addresses.
export const podAddress = '10.244.1.2' as Address;
export const clientAddress = '192.168.100.50' as Address;
export const otherClientAddress = '192.168.100.60' as Address;
export const nodeAddress = '192.168.100.11' as Address;
const podGateway = '10.244.1.1' as Address;
const worldGateway = '172.31.0.1' as Address;
/** Every address of the node, as the kernel knows them. */
export const localAddresses: readonly Address[] = ['127.0.0.1' as Address, nodeAddress, podGateway, worldGateway];
const worldPods = ['10.244.1.10', '10.244.2.10', '10.244.2.11'];
const serviceRanges = ['10.96.0.0/16', '203.0.113.0/24', '198.51.100.0/24'];

/** Where connects start, by the origin that they stand for. */
const startOf: { readonly [origin in Origin]: 'pod' | 'node' | 'client' } = {
  pod: 'pod',
  node: 'node',
  outside: 'client',
};

export interface Lab {
  /** The node's namespace: rules are loaded and read there. */
  readonly node: string;
  connect(origin: Origin, connects: readonly Connect[], oneByOne?: boolean): Promise<readonly Outcome[]>;
  /** Starts listening at untranslated service addresses (`world`) or node ports (`node`), or at pods. */
  listen(where: 'pod' | 'node' | 'world', listen: readonly Listen[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * Builds the lab. `purpose` tells labs of one process apart.
 * @param pods those that the world answers for.
 * @throws with the command that failed.
 */
export async function openLab(purpose: string, pods: readonly string[] = worldPods): Promise<Lab> {
  const names = {
    node: makeNamespace(`${purpose}-node`),
    pod: makeNamespace(`${purpose}-pod`),
    client: makeNamespace(`${purpose}-client`),
    world: makeNamespace(`${purpose}-world`),
  };
  link(names.node, `to-pod ${podGateway}/24`, names.pod, [`${podAddress}/24`]);
  link(names.node, `to-client ${nodeAddress}/24`, names.client, [`${clientAddress}/24`, `${otherClientAddress}/24`]);
  link(names.node, `to-world ${worldGateway}/30`, names.world, ['172.31.0.2/30']);
  ip(names.pod, `route add default via ${podGateway}`);
  ip(names.client, `route add default via ${nodeAddress}`);
  ip(names.world, `route add default via ${worldGateway}`);
  // The world answers for pods on the node's own link too.
  const neighbours = pods.filter((address) => address.startsWith('10.244.1.'));
  for (const address of neighbours) ip(names.node, `route add ${address}/32 via 172.31.0.2`);
  ip(names.node, `route add default via 172.31.0.2 src ${nodeAddress}`);
  for (const address of pods) ip(names.world, `addr add ${address}/32 dev lo`);
  for (const range of serviceRanges) ip(names.world, `route add local ${range} dev lo`);
  for (const name of Object.values(names)) prepareSysctls(name);
  mustRunIn(names.node, 'sysctl', ['-qw', 'net.ipv4.ip_forward=1', 'net.ipv4.conf.all.route_localnet=1']);
  const peers = {
    node: startPeer(names.node),
    pod: startPeer(names.pod),
    client: startPeer(names.client),
    world: startPeer(names.world),
  };
  return {
    node: names.node,
    connect: async (origin, connects, oneByOne = false) =>
      (await ask(peers[startOf[origin]], { kind: 'connect', connects, oneByOne })).outcomes,
    listen: async (where, listen) => {
      await ask(peers[where], { kind: 'listen', listen });
    },
    close: async () => {
      await Promise.all(Object.values(peers).map(stopPeer));
      Object.values(names).forEach(removeNamespace);
    },
  };
}

/** The source that a server sees of a masqueraded packet which left the node towards it. */
export function masqueradeAddress(backend: string): Address {
  return backend.startsWith(`${podAddress}:`) ? podGateway : worldGateway;
}

/** Joins two namespaces; `end` is the node's link and address, the peer's link is its eth0. */
function link(node: string, end: `${string} ${string}`, peer: string, addresses: readonly string[]): void {
  const [name, address] = end.split(' ');
  ip(node, `link add ${name} type veth peer name eth0 netns ${peer}`);
  ip(node, `addr add ${address} dev ${name}`);
  ip(node, `link set ${name} up`);
  for (const other of addresses) ip(peer, `addr add ${other} dev eth0`);
  ip(peer, 'link set eth0 up');
}

function ip(namespace: string, command: string): void {
  mustRunIn(namespace, 'ip', command.split(' '));
}

function prepareSysctls(namespace: string): void {
  const settings = [
    // Replies of un-NATed packets take another way back than the reverse path filter would have.
    'net.ipv4.conf.all.rp_filter=0',
    'net.ipv4.conf.default.rp_filter=0',
    'net.ipv4.conf.all.send_redirects=0',
    // Otherwise only the first of many rejects answers, and the others look dropped.
    'net.ipv4.icmp_ratelimit=0',
    'net.ipv4.icmp_ratemask=0',
  ];
  mustRunIn(namespace, 'sysctl', ['-qw', ...settings]);
}

interface Peer {
  readonly child: ChildProcess;
  readonly lines: AsyncIterator<string>;
  readonly reader: Interface;
}

function startPeer(namespace: string): Peer {
  const program = join(import.meta.dirname, 'lab-peer.ts');
  const child = spawn('ip', ['netns', 'exec', namespace, process.execPath, program], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  if (child.stdout === null) throw new Error('a piped child has a stdout');
  const reader = createInterface({ input: child.stdout });
  return { child, reader, lines: reader[Symbol.asyncIterator]() };
}

async function ask({ child, lines }: Peer, request: PeerRequest): Promise<PeerReply> {
  child.stdin?.write(`${JSON.stringify(request)}\n`);
  const { value, done } = await lines.next();
  if (done === true) throw new Error(`a peer of the lab ended while it was asked to ${request.kind}`);
  // The only writer is lab-peer.ts, which types what it sends.
  const reply: PeerReply = JSON.parse(value);
  return reply;
}

async function stopPeer({ child, reader }: Peer): Promise<void> {
  reader.close();
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}
