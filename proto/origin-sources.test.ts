import { describe, expect, it } from 'vitest';
import { address, prefix, prefixDetector } from '../test/builders.ts';
import { originSources } from './origin-sources.ts';
import type { PrefixSet } from './prefixes.ts';
import { everything, isEmpty, intersect, prefixSet, subtract, toPrefixes, union } from './prefixes.ts';
import type { LocalDetector } from './profile.ts';

const localAddresses = ['127.0.0.1', '192.168.100.11', '10.244.1.1', 'fd00:100::11', '::1'].map(address);
const pods = prefixSet([prefix('10.244.0.0/16')]);

function sources(localDetector: LocalDetector, frontend: string) {
  const to = frontend === 'node' ? 'node' : address(frontend);
  return originSources({ family: 'ipv4', localDetector, localAddresses }, to);
}

function without(...texts: readonly string[]): PrefixSet {
  return subtract(everything('ipv4'), prefixSet(texts.map(prefix)));
}

describe('the sources of each origin', () => {
  it('with a prefix detector: its prefix, the other addresses of the node with the frontend, and the rest', () => {
    expect(sources(prefixDetector('10.244.0.0/16'), '203.0.113.11')).toEqual({
      pod: pods,
      node: prefixSet(['192.168.100.11', '203.0.113.11'].map(prefix)),
      outside: without('10.244.0.0/16', '192.168.100.11', '203.0.113.11'),
    });
  });

  it('of node ports: the frontend adds no address', () => {
    expect(toPrefixes(sources(prefixDetector('10.244.0.0/16'), 'node').node)).toEqual(['192.168.100.11/32']);
  });

  it('with an interface detector: a pod may have any source, and the bridge address is the node', () => {
    expect(sources({ kind: 'interface', pattern: 'cni0' }, 'node')).toEqual({
      pod: everything('ipv4'),
      node: prefixSet(['192.168.100.11', '10.244.1.1'].map(prefix)),
      outside: without('192.168.100.11', '10.244.1.1'),
    });
  });

  it('without a detector: pods are like anyone outside', () => {
    const { pod, outside } = sources({ kind: 'none' }, 'node');
    expect(pod).toEqual(outside);
    expect(outside).toEqual(without('192.168.100.11', '10.244.1.1'));
  });

  it('with a prefix detector: make up the whole family and do not overlap', () => {
    const { pod, node, outside } = sources(prefixDetector('10.244.0.0/16'), '203.0.113.11');
    expect(union(pod, union(node, outside))).toEqual(everything('ipv4'));
    expect([intersect(pod, node), intersect(pod, outside), intersect(node, outside)].every(isEmpty)).toBe(true);
  });
});
