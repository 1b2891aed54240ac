/** kube-proxy's sets as the real ipset makes, prints and asks them, against how they are read here. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type IpSets, readIpSets } from '../../agent/dataplane/ipvs/ipsets.ts';
import { SetMatches, type Side } from '../../agent/dataplane/ipvs/set-matches.ts';
import { familyOf } from '../../proto/address.ts';
import { contains, emptySet } from '../../proto/prefixes.ts';
import { address } from '../builders.ts';
import { recordingFolder } from '../recordings.ts';
import { makeNamespace, mustRunIn, removeAbandoned, removeNamespace, runIn, whyNotHere } from './namespaces.ts';

const recorded = readFileSync(join(recordingFolder('s6-ipvs-healthy'), 'node-d/ipset-save.txt'), 'utf8');

/** Each a packet: a set, its protocol, destination, port, and where it comes from. */
const packets: readonly (readonly [string, 'tcp' | 'udp', string, number, string])[] = [
  ['KUBE-CLUSTER-IP', 'tcp', '10.96.0.1', 443, '10.244.1.2'],
  ['KUBE-CLUSTER-IP', 'udp', '10.96.0.1', 443, '10.244.1.2'],
  ['KUBE-CLUSTER-IP', 'tcp', '10.96.0.1', 80, '10.244.1.2'],
  ['KUBE-IPVS-IPS', 'tcp', '203.0.113.11', 80, '10.244.1.2'],
  ['KUBE-IPVS-IPS', 'tcp', '203.0.113.12', 80, '10.244.1.2'],
  ['KUBE-NODE-PORT-TCP', 'tcp', '192.168.100.14', 30_080, '10.244.1.2'],
  ['KUBE-NODE-PORT-TCP', 'tcp', '192.168.100.14', 30_081, '10.244.1.2'],
  ['KUBE-LOAD-BALANCER-SOURCE-CIDR', 'tcp', '203.0.113.11', 80, '198.51.100.7'],
  ['KUBE-LOAD-BALANCER-SOURCE-CIDR', 'tcp', '203.0.113.11', 80, '198.51.101.7'],
  ['KUBE-LOAD-BALANCER-SOURCE-CIDR', 'tcp', '203.0.113.11', 80, '10.1.2.3'],
  ['KUBE-LOAD-BALANCER-SOURCE-CIDR', 'tcp', '203.0.113.10', 80, '10.1.2.3'],
  ['KUBE-6-CLUSTER-IP', 'tcp', 'fd00:10:96::9b5e', 80, 'fd00:10:244:1::2'],
  ['KUBE-6-CLUSTER-IP', 'tcp', 'fd00:10:96::9b5f', 80, 'fd00:10:244:1::2'],
];

const sidesOf: { readonly [type: string]: readonly Side[] } = {
  'hash:ip': ['dst'],
  'bitmap:port': ['dst'],
  'hash:ip,port': ['dst', 'dst'],
  'hash:ip,port,net': ['dst', 'dst', 'src'],
};

function read(text: string): IpSets {
  const sets = readIpSets(text, () => true);
  if (!sets.ok) throw new Error(`line ${sets.line}: ${sets.problem}`);
  return sets.value;
}

describe('kube-proxy’s recorded sets in the kernel', () => {
  let namespace = '';

  beforeAll(() => {
    const obstacle = whyNotHere(['ipset']);
    if (obstacle !== null) throw new Error(obstacle);
    removeAbandoned();
    namespace = makeNamespace('ipsets');
    mustRunIn(namespace, 'ipset', ['restore'], recorded);
  });

  afterAll(() => removeNamespace(namespace));

  it('are printed so that the same is read', () => {
    const inOrder = (sets: IpSets) =>
      [...sets].map(([name, { type, entries }]) => [name, type, [...entries].sort()]).sort();
    expect(inOrder(read(mustRunIn(namespace, 'ipset', ['save'])))).toEqual(inOrder(read(recorded)));
  });

  it('hold the packets that they are said to hold', () => {
    const sets = read(recorded);
    const matches = new SetMatches(sets, emptySet);
    const told = packets.map(([name, protocol, to, port, from]) => {
      const packet = { family: familyOf(address(to)), protocol, destination: address(to), port, fromNode: false };
      const sources = matches.sources(name, sidesOf[sets.get(name)?.type ?? ''] ?? [], packet);
      return sources === null ? null : contains(sources, address(from));
    });
    const asked = packets.map(([name, protocol, to, port, from]) => {
      const type = sets.get(name)?.type ?? '';
      const entry = type === 'bitmap:port' ? `${port}` : type === 'hash:ip' ? to : `${to},${protocol}:${port}`;
      return runIn(namespace, 'ipset', ['test', name, type === 'hash:ip,port,net' ? `${entry},${from}` : entry]).ok;
    });
    expect(told).toEqual(asked);
    expect(new Set(asked)).toEqual(new Set([true, false]));
  });
});
