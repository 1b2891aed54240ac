/** What the stream costs: the bytes of one change, as a node sends them when another node has told the same before. */
import { describe, expect, it } from 'vitest';
import { iptables, loopFigures, noWays, reading } from '../../test/reading-builders.ts';
import { excerpt, everyone, forwardTo, kubeProxy, type Row } from '../../test/view-builders.ts';
import * as wire from '../../proto/generated/plumbline/agent/v1/agent.ts';
import type { BaseJump, Counter, NodeParts } from '../../proto/parts.ts';
import { Session } from './session.ts';
import type { KnownWay } from './ways.ts';

const services = 1_000;

/** The table of a node with 1,000 Services of three endpoints, every tenth with a node port; one of them scaled. */
function rows(endpointsOfFirst: number): readonly Row[] {
  return Array.from({ length: services }, (_, number) => {
    const host = `${number >> 8}.${number & 255}`;
    const backends = [1, 2, 3].slice(0, number === 0 ? endpointsOfFirst : 3);
    const forwarding = everyone(forwardTo(...backends.map((node) => `10.${243 + node}.${host}:8080`)));
    const clusterIp: Row = [`tcp 10.96.${host}:80`, forwarding];
    const nodePort: Row = [`tcp node4:${30_000 + number}`, forwarding];
    return number % 10 === 0 ? [clusterIp, nodePort] : [clusterIp];
  }).flat();
}

const jumps = ['PREROUTING', 'OUTPUT', 'POSTROUTING', 'INPUT', 'FORWARD'].map(
  (from): BaseJump => ({ table: 'nat', from, to: 'KUBE-SERVICES' }),
);

/** The figures of a kube-proxy that synced `changes` changes of endpoints, as it and the kernel's rules tell them. */
function figures(changes: number): Partial<NodeParts> {
  const at = 1_795_341_600.123_456_7 + changes * 12.345_678;
  const counter = (total: number): Counter => ({ total, increase: 1, windowSeconds: 5.002, reset: false });
  return {
    kubeProxy: kubeProxy({
      believedRules: [
        { family: 'ipv4', table: 'nat', rules: 12_000 - changes * 2 },
        { family: 'ipv4', table: 'filter', rules: 12 },
      ],
      lastSync: [{ family: 'ipv4', seconds: at }],
      lastQueued: [{ family: 'ipv4', seconds: at - 0.25 }],
      serviceChanges: counter(services),
      endpointChanges: counter(3 * services + changes),
      programmingP99Seconds: 0.512,
    }),
    iptables: iptables({
      rules: 12_040 - changes * 2,
      kubeRules: { nat: 12_000 - changes * 2, filter: 12 },
      presentBaseJumps: jumps,
      danglingJumps: excerpt(),
    }),
  };
}

function bytesOf(session: Session): number {
  let bytes = 0;
  for (;;) {
    const message = session.next(1_795_341_600);
    if (message === null) return bytes;
    bytes += wire.ReportRequest.encode(message).finish().length;
  }
}

/** A node that has told its table and an hour of readings. */
function longTold(): Session {
  const epoch = new Uint8Array(16).fill(7);
  const session = new Session({ epoch, agentVersion: '0.1.0', nodeName: 'node-b' });
  session.begin();
  const first = reading(1, { rows: rows(3), parts: figures(0) });
  for (let number = 1; number <= 720; number++) {
    session.observe({ ...first, number });
    bytesOf(session);
  }
  return session;
}

describe('the bytes of a second reporter', () => {
  it('are few for a change of one Service with a cluster IP and a node port', () => {
    const session = longTold();
    session.observe(reading(721, { rows: rows(2), parts: figures(1) }));
    const change = bytesOf(session);
    session.beat(loopFigures, Date.parse('2026-11-22T10:00:10Z'), noWays);
    const heartbeat = session.next(0);
    const beat = heartbeat === null ? 0 : wire.ReportRequest.encode(heartbeat).finish().length;
    const held = bytesOf(session);
    console.log(`one Service change: ${change} bytes, its figures ${held}, in all ${change + held}; heartbeat ${beat}`);
    expect(change).toBeLessThanOrEqual(110);
    expect(change + held).toBeLessThanOrEqual(600);
    expect(beat).toBeLessThanOrEqual(120);
  });

  it('are the same for a heartbeat whether the agent knows one way to its aggregator or three, until one goes otherwise', () => {
    const session = longTold();
    const service: KnownWay = {
      address: 'plumbline-aggregator.plumbline.svc:8443',
      kind: 'service',
      inUse: false,
      workedAt: null,
      failedAt: 1_795_000_000,
      failingSince: 1_794_000_000,
      reason: 'refused',
    };
    const headless: KnownWay = {
      ...service,
      address: 'plumbline-aggregator-headless.plumbline.svc:8443',
      kind: 'headless',
    };
    const pod: KnownWay = {
      ...service,
      address: '10.244.117.203:8443',
      kind: 'pod',
      inUse: true,
      workedAt: 1_795_000_000,
      failedAt: null,
      failingSince: null,
      reason: null,
    };
    const known = [service, headless, pod];
    const [first = 0, later = 0, changed = 0] = [known, known, [service, headless, { ...pod }]].map((ways) => {
      session.beat(loopFigures, Date.parse('2026-11-22T10:00:10Z'), { known: ways, badAddressLines: 0 });
      return bytesOf(session);
    });
    console.log(`a heartbeat: ${later} bytes, with three ways ${first}`);
    expect(later).toBeLessThanOrEqual(120);
    expect(first).toBeLessThanOrEqual(350);
    expect(changed).toBe(first);
  });

  it('are two dozen for a reading in which nothing changed', () => {
    const session = longTold();
    const same = reading(721, { rows: rows(3), parts: figures(1) });
    session.observe(same);
    const unchanged = bytesOf(session);
    console.log(`a reading without change: ${unchanged} bytes`);
    expect(unchanged).toBeLessThanOrEqual(30);
  });
});
