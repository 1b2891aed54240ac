/** Agents are told whom to probe once they have reported that they answer, and only where the aggregator wants probes. */
import { describe, expect, it } from 'vitest';
import { Engine, type EngineOptions } from '../../aggregator/engine/engine.ts';
import { address, node, profile } from '../builders.ts';
import { memoryJournal } from '../memory-journal.ts';
import { noParts, reported } from '../view-builders.ts';
import { FakeAgents, FakeCluster } from './fake-feeds.ts';
import { VirtualTime } from './virtual-time.ts';

const addresses = { 'node-1': '192.168.100.11', 'node-2': '192.168.100.12' };

/** Two nodes whose agents report that they answer probes; what each was told after half a minute. */
function aimedBy(largestPacketTo: EngineOptions['largestPacketTo']): FakeAgents['aimed'] {
  const time = new VirtualTime('2026-11-22T08:00:00Z');
  const cluster = new FakeCluster(time.now);
  const agents = new FakeAgents();
  const log = { info: () => undefined, error: () => undefined };
  const options = { cluster, journal: memoryJournal(), checks: [], log, now: time.now, later: time.later };
  const engine = new Engine({ ...options, ...(largestPacketTo === undefined ? {} : { largestPacketTo }) });
  engine.start(agents);
  for (const [name, text] of Object.entries(addresses)) {
    cluster.setNode(node(name, text));
    const own = address(text);
    const parts = {
      ...noParts,
      addresses: reported({ addresses: [{ link: 'eth0', address: own, prefixLength: 24 }], links: ['eth0'] }),
      probes: reported({
        ...{ listening: [own], port: 9469, results: [], heard: { total: 0, first: [] } },
        ...{ refusedTargets: 0, refusals: [] },
      }),
    };
    const report = { node: name, reading: 'a/1', readAt: time.now(), profile: profile(), parts, table: null };
    agents.say({ kind: 'connected', node: name, agentVersion: '0.1.0', at: time.now() });
    agents.say({ kind: 'heard', node: name, at: time.now(), figures: null, ways: null });
    agents.say({ kind: 'report', sequence: 1n, report: { ...report, ownerHint: () => null } });
  }
  time.pass(30);
  engine.stop();
  return agents.aimed;
}

describe('the agents of two nodes', () => {
  it('are told to probe each other', () => {
    const to = (name: keyof typeof addresses) => {
      const at = { node: name, address: address(addresses[name]), port: 9469 };
      return [{ ...at, protocol: 'udp', by: 'node', packetBytes: 1500 }];
    };
    expect(aimedBy(() => 1500)).toEqual(
      new Map([
        ['node-1', to('node-2')],
        ['node-2', to('node-1')],
      ]),
    );
  });

  it('are told nothing where probes are not wanted', () => {
    expect([aimedBy(null), aimedBy(undefined)]).toEqual([new Map(), new Map()]);
  });
});
