import { describe, expect, it } from 'vitest';
import { ProbeRing, type RingMember } from './probe-ring.ts';

function members(count: number, zones: readonly (string | null)[] = [null]): readonly RingMember[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `node-${String(index).padStart(3, '0')}`,
    zone: zones[index % zones.length] ?? null,
  }));
}

/** How often each node is probed in a rotation. */
function probedBy(ring: ProbeRing, of: readonly RingMember[], rotation: number): readonly number[] {
  const counts = new Map(of.map(({ name }) => [name, 0]));
  for (const { name } of of) {
    for (const peer of ring.peersOf(name, rotation)) counts.set(peer, (counts.get(peer) ?? 0) + 1);
  }
  return [...counts.values()];
}

describe('a ring of nodes', () => {
  it.each([1, 2, 3, 9])('of %i has everybody probe everybody else', (count) => {
    const all = members(count);
    const ring = new ProbeRing(all);
    for (const { name } of all) {
      const others = all.map((member) => member.name).filter((other) => other !== name);
      for (const rotation of [0, 1, 7]) expect([...ring.peersOf(name, rotation)].sort()).toEqual(others);
    }
  });

  it('of more has each node probe eight, and be probed by eight', () => {
    const all = members(50);
    const ring = new ProbeRing(all);
    for (const rotation of [0, 1, 2, 1_000_003]) {
      expect(all.map(({ name }) => ring.peersOf(name, rotation).length)).toEqual(Array(50).fill(8));
      expect(probedBy(ring, all, rotation)).toEqual(Array(50).fill(8));
    }
  });

  it('brings every pair together in both directions as it turns', () => {
    const all = members(50);
    const ring = new ProbeRing(all);
    const pairs = new Set<string>();
    for (let rotation = 0; rotation < Math.ceil(49 / 8); rotation++) {
      for (const { name } of all) for (const peer of ring.peersOf(name, rotation)) pairs.add(`${name} ${peer}`);
    }
    expect(pairs.size).toBe(50 * 49);
  });

  it('is the same in whatever order the nodes are told', () => {
    const all = members(30, ['a', 'b']);
    const [one, other] = [new ProbeRing(all), new ProbeRing(all.toReversed())];
    for (const { name } of all) expect(other.peersOf(name, 5)).toEqual(one.peersOf(name, 5));
  });

  it('has no peers for a node that is not in it', () => {
    expect(new ProbeRing(members(20)).peersOf('other', 0)).toEqual([]);
    expect(new ProbeRing([]).peersOf('other', 0)).toEqual([]);
  });
});

describe('zones', () => {
  it('are probed each by each node, beside its eight peers', () => {
    const all = members(300, ['a', 'b', 'c']);
    const ring = new ProbeRing(all);
    const zoneOf = new Map(all.map(({ name, zone }) => [name, zone]));
    for (const rotation of [0, 1, 2]) {
      for (const { name, zone } of all) {
        const zones = new Set(ring.peersOf(name, rotation).map((peer) => zoneOf.get(peer)));
        zones.add(zone);
        expect([...zones].sort()).toEqual(['a', 'b', 'c']);
      }
      expect(Math.max(...probedBy(ring, all, rotation))).toBeLessThanOrEqual(8 + 2);
    }
  });

  it('are at most eight at a time, and take turns', () => {
    const zones = Array.from({ length: 20 }, (_, index) => `zone-${index}`);
    const all = members(400, zones);
    const ring = new ProbeRing(all);
    const met = new Set<string>();
    for (let rotation = 0; rotation < 19; rotation++) {
      const peers = ring.peersOf('node-000', rotation);
      expect(peers.length).toBeLessThanOrEqual(16);
      for (const peer of peers.slice(8)) met.add(all.find(({ name }) => name === peer)?.zone ?? '');
    }
    expect(met.size).toBe(19);
  });

  it('that a node does not tell are none', () => {
    const all = members(20, ['a', null]);
    expect(new ProbeRing(all).peersOf('node-001', 0).length).toBe(8);
  });
});
