/**
 * A replica of cluster DNS that hangs, and comes back, in a whole system: agents as processes that ask real resolvers once
 * a minute, through the rules of their nodes. Two windows of three minutes are what takes the time.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Resolver, startResolver } from '../kernel/unbound.ts';
import type { FindingJson } from '../../aggregator/http/schemas/finding.ts';
import { clusterZone } from '../kernel/dns-servers.ts';
import { ipIn } from '../kernel/lab-switch.ts';
import { removeAbandoned, whyNotHere } from '../kernel/namespaces.ts';
import { type Cluster, nodeNames, openCluster } from './cluster.ts';
import type { KernelNode } from './kernel-node.ts';
import { pause, until } from './until.ts';

/** As recorded: coredns-0 and coredns-1. */
const replicas = ['10.244.1.5', '10.244.2.5'] as const;
/** As a kubelet writes it for a pod with hostNetwork and dnsPolicy ClusterFirstWithHostNet. */
const resolvConf = `search plumbline.svc.cluster.local svc.cluster.local cluster.local
nameserver 10.96.0.10
options ndots:5
`;
/** Three rounds of a minute and a tenth, what it is held for, and what a busy machine adds. */
const fires = 3 * 66 + 120 + 30;

let cluster: Cluster<KernelNode>;
const resolvers: Resolver[] = [];

beforeAll(async () => {
  const obstacle = whyNotHere(['iptables-nft', 'iptables-legacy', 'nfacct', 'setpriv', 'unbound', 'mount']);
  if (obstacle !== null) throw new Error(obstacle);
  removeAbandoned();
  cluster = await openCluster({ name: 'dns', nodes: 'kernel', without: ['node-c'], resolvConf });
  for (const name of nodeNames) {
    const { namespace, folder } = cluster.nodes[name];
    const addresses = replicas.map((address) => `addr add ${address}/32 dev lo`);
    ipIn(namespace, [...addresses, 'route add 10.96.0.0/16 dev lo']);
    for (const address of replicas) {
      resolvers.push(await startResolver({ namespace, address, says: clusterZone, asks: {} }, folder));
    }
  }
  await cluster.startAll();
});
afterAll(async () => {
  for (const each of resolvers) await each.end();
  await cluster?.close();
});

/** The findings of L4 that have not ended. */
function open(): Promise<readonly FindingJson[]> {
  return cluster.client.findings('&layer=L4');
}

it('a replica that hangs is found by all nodes, and its finding ends with it', async () => {
  await pause(4 * 66_000);
  expect(await open()).toEqual([]);

  // The first of each node.
  const hung = resolvers.filter((_, at) => at % replicas.length === 0);
  for (const each of hung) each.freeze();
  const found = await until({
    what: 'the replica to be found',
    seconds: fires,
    look: open,
    met: (seen) => seen.some(({ state }) => state === 'firing'),
  });
  expect(found.map(({ check, severity, summary }) => `${check} ${severity}: ${summary}`)).toEqual([
    'dns-replica-failing high: kube-system/coredns-0 (10.244.1.5:53) fails as a replica of cluster DNS: no answer to node-a and node-b, while 1 other replica answers.',
  ]);

  for (const each of hung) each.thaw();
  await until({ what: 'the finding to end', seconds: fires, look: open, met: (seen) => seen.length === 0 });
  const life = await cluster.client.history(found[0]?.fingerprint ?? '');
  expect(life.map(({ kind }) => kind)).toEqual(['pending', 'firing', 'resolved']);
});
