import { describe, expect, it } from 'vitest';
import { address } from '../../../test/builders.ts';
import { addressSet, toPrefixes } from '../../../proto/prefixes.ts';
import { readIpSets } from './ipsets.ts';
import { type Destination, kubeSetName, SetMatches, type Side } from './set-matches.ts';

const text = [
  'create KUBE-CLUSTER-IP hash:ip,port family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0xcbc35449',
  'add KUBE-CLUSTER-IP 10.96.0.10,udp:53',
  'add KUBE-CLUSTER-IP 10.96.0.1,tcp:443',
  'add KUBE-CLUSTER-IP 10.96.0.2,tcp:443',
  'create KUBE-NODE-PORT-TCP bitmap:port range 0-65535',
  'add KUBE-NODE-PORT-TCP 30080',
  'create KUBE-LOAD-BALANCER-SOURCE-CIDR hash:ip,port,net family inet hashsize 1024 maxelem 65536',
  'add KUBE-LOAD-BALANCER-SOURCE-CIDR 203.0.113.11,tcp:80,198.51.100.0/24',
  'add KUBE-LOAD-BALANCER-SOURCE-CIDR 203.0.113.11,tcp:80,10.0.0.0/8',
  'create KUBE-LOOP-BACK hash:ip,port,ip family inet hashsize 1024 maxelem 65536',
  'add KUBE-LOOP-BACK 10.244.1.2,tcp:8080,10.244.1.2',
  'create except hash:net family inet hashsize 1024 maxelem 65536',
  'add except 10.0.0.0/8',
  'add except 10.1.0.0/16 nomatch',
  'create by-mark hash:ip,mark family inet hashsize 1024 maxelem 65536',
  'add by-mark 10.96.0.1,0x1',
  'create of-sets list:set size 8',
  'add of-sets except',
  'create named hash:net family inet hashsize 1024 maxelem 65536 comment',
  'add named 192.0.2.0/24 comment "a b"',
  '',
].join('\n');

function matches() {
  const sets = readIpSets(text, () => true);
  if (!sets.ok) throw new Error(sets.problem);
  return new SetMatches(sets.value, addressSet([address('10.96.0.2')]));
}

function packet(to: string, port: number, other: Partial<Destination> = {}): Destination {
  return { family: 'ipv4', protocol: 'tcp', destination: address(to), port, fromNode: false, ...other };
}

function sourcesIn(name: string, sides: readonly Side[], asked: Destination): readonly string[] | 'undecided' {
  const found = matches().sources(name, sides, asked);
  return found === null ? 'undecided' : toPrefixes(found);
}

const any = ['0.0.0.0/0'];

describe('a packet is in a set', () => {
  it('by its destination, from whatever source', () => {
    const sides: readonly Side[] = ['dst', 'dst'];
    expect([
      sourcesIn('KUBE-CLUSTER-IP', sides, packet('10.96.0.1', 443)),
      sourcesIn('KUBE-CLUSTER-IP', sides, packet('10.96.0.1', 444)),
      sourcesIn('KUBE-CLUSTER-IP', sides, packet('10.96.0.1', 443, { protocol: 'udp' })),
      sourcesIn('KUBE-CLUSTER-IP', sides, packet('10.96.0.10', 53, { protocol: 'udp' })),
      sourcesIn('KUBE-NODE-PORT-TCP', ['dst'], packet('192.0.2.1', 30_080)),
      sourcesIn('KUBE-NODE-PORT-TCP', ['dst'], packet('192.0.2.1', 30_081)),
    ]).toEqual([any, [], [], any, any, []]);
  });

  it('by its destination and its source', () => {
    const sides: readonly Side[] = ['dst', 'dst', 'src'];
    expect([
      sourcesIn('KUBE-LOAD-BALANCER-SOURCE-CIDR', sides, packet('203.0.113.11', 80)),
      sourcesIn('KUBE-LOAD-BALANCER-SOURCE-CIDR', sides, packet('203.0.113.11', 443)),
      sourcesIn('KUBE-LOOP-BACK', sides, packet('10.244.1.2', 8080)),
      sourcesIn('named', ['src'], packet('10.96.0.1', 443)),
    ]).toEqual([['10.0.0.0/8', '198.51.100.0/24'], [], ['10.244.1.2/32'], ['192.0.2.0/24']]);
  });

  it('from a service address only if the node made it: no packet that arrives comes from there', () => {
    const sides: readonly Side[] = ['src', 'dst'];
    expect([
      sourcesIn('KUBE-CLUSTER-IP', sides, packet('10.96.0.1', 443, { fromNode: true })),
      sourcesIn('KUBE-CLUSTER-IP', sides, packet('10.96.0.1', 443)),
    ]).toEqual([['10.96.0.1/32', '10.96.0.2/32'], ['10.96.0.1/32']]);
  });

  it('cannot be told of sets with exceptions, of other kinds, by a client’s port, or that were not read', () => {
    const asked = packet('10.96.0.1', 443);
    expect([
      sourcesIn('except', ['src'], asked),
      sourcesIn('by-mark', ['dst', 'dst'], asked),
      sourcesIn('of-sets', ['src'], asked),
      sourcesIn('KUBE-CLUSTER-IP', ['dst', 'src'], asked),
      sourcesIn('KUBE-CLUSTER-IP', ['dst'], asked),
      sourcesIn('named', ['dst'], asked),
      sourcesIn('unread', ['dst'], asked),
    ]).toEqual(Array(7).fill('undecided'));
  });
});

describe('ipset save', () => {
  it('is read for the sets that are wanted', () => {
    const sets = readIpSets(text, (name) => name === 'KUBE-NODE-PORT-TCP');
    expect(sets.ok && [...sets.value]).toEqual([
      ['KUBE-NODE-PORT-TCP', { type: 'bitmap:port', entries: ['30080'], hasExceptions: false }],
    ]);
  });

  it('cut, or an entry of a set that it does not create, is refused', () => {
    const texts = [text.slice(0, -1), text.slice(0, 30), 'add nobody 10.0.0.1\n', 'ipset v7.15: Kernel error\n', '\n'];
    expect(texts.map((one) => readIpSets(one, () => true).ok)).toEqual(texts.map(() => false));
  });

  it('of a node without sets is empty', () => {
    expect(readIpSets('', () => true)).toEqual({ ok: true, value: new Map() });
  });
});

describe('the names of kube-proxy’s sets', () => {
  it('of IPv6 are cut at 31 characters', () => {
    expect([
      kubeSetName('ipv4', 'LOAD-BALANCER-SOURCE-CIDR'),
      kubeSetName('ipv6', 'LOAD-BALANCER-SOURCE-CIDR'),
    ]).toEqual(['KUBE-LOAD-BALANCER-SOURCE-CIDR', 'KUBE-6-LOAD-BALANCER-SOURCE-CID']);
  });
});
