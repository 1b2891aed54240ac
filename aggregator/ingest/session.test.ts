import { describe, expect, it } from 'vitest';
import { address } from '../../test/builders.ts';
import { IngestByHand, type JoinedNode } from '../../test/ingest-by-hand.ts';
import { iptables, loopFigures, reading } from '../../test/reading-builders.ts';
import { everyone, forwardTo, frontend, kubeProxy, type Row, table } from '../../test/view-builders.ts';
import { entryDigest } from '../../proto/canonical.ts';
import { leafIndexOf, leavesOf, treeOf } from '../../proto/bucket-tree.ts';
import type { Part } from '../../proto/parts.ts';
import { digestBytes } from '../../proto/wire/digest-bytes.ts';
import { chunksOf } from '../../proto/wire/upload.ts';
import { encodeWays } from '../../proto/wire/ways.ts';
import type { Way } from '../../proto/ways.ts';
import type { ProbeTarget } from '../model/feeds.ts';

const web: Row = ['tcp 10.96.0.1:80', everyone(forwardTo('10.244.1.2:8080', '10.244.2.2:8080'))];
const dns: Row = ['udp 10.96.0.10:53', everyone(forwardTo('10.244.1.3:53'))];
const moved: Row = ['udp 10.96.0.10:53', everyone(forwardTo('10.244.2.3:53'))];

const entriesOf = (rows: readonly Row[]) => new Map([...table(rows)].sort());

function knownOf(rows: readonly Row[]) {
  const leaves = leavesOf(table(rows));
  const tree = treeOf(leaves.map(({ digest }) => digest));
  const byDigest = new Map(leaves.map((leaf) => [leaf.digest, leaf]));
  return {
    leaf: (digest: string) => byDigest.get(digest) ?? null,
    tree: (root: string) => (root === tree.root ? tree : null),
  };
}

/** An agent that has said Hello, and whose node was read once. */
function connected(ingest: IngestByHand, name = 'node-a', rows: readonly Row[] = [web, dns]): JoinedNode {
  const node = ingest.node(name);
  node.talk();
  node.read(reading(1, { rows }));
  return node;
}

function lastTable(ingest: IngestByHand, name = 'node-a') {
  const report = ingest.reports(name).at(-1);
  return report?.table === null || report === undefined ? null : new Map([...report.table].sort());
}

describe('the first reading of the first node', () => {
  const ingest = new IngestByHand();
  const node = ingest.node('node-a');
  node.talk();
  node.commands = [];
  ingest.pass(2);
  node.read(reading(1, { rows: [web, dns], ownerHint: (key) => (key === web[0] ? 'shop/web:http' : null) }));

  it('is asked for from the root down, each bucket once, and parts with it', () => {
    const inner = new Set([web, dns].map(([key]) => leafIndexOf(frontend(key)) >>> 5)).size;
    // The root and six parts; the buckets that are not the empty ones'; the leaves with entries.
    expect(node.takeCommands()).toEqual(['want 7', `want ${inner + 1}`, 'want 2']);
  });

  it('becomes one report, of everything that was read', () => {
    const [report, ...others] = ingest.reports('node-a');
    expect(others).toEqual([]);
    expect(lastTable(ingest)).toEqual(entriesOf([web, dns]));
    const { profile, parts } = reading(1);
    const collectedAt = new Date(ingest.at.wall).toISOString();
    const timed = Object.fromEntries(
      Object.entries(parts).map(([name, part]: [string, Part<unknown>]) => [
        name,
        part.state === 'ok' ? { ...part, collectedAt } : part,
      ]),
    );
    expect(report).toMatchObject({ node: 'node-a', reading: `${'01'.repeat(16)}/1`, readAt: ingest.at.wall, profile });
    expect(report?.parts).toEqual(timed);
    expect(report?.ownerHint(web[0])).toBe('shop/web:http');
    expect(report?.ownerHint(dns[0])).toBeNull();
  });

  it('leaves nothing open', () => {
    const { wants, uploads } = ingest.shared;
    expect([wants.open, wants.turns, wants.waiting, uploads.held]).toEqual([0, 0, 0, 0]);
  });

  it('is told in the order connected, heard, report', () => {
    expect(ingest.events.map(({ kind }) => kind)).toEqual(['connected', 'heard', 'heard', 'report']);
  });
});

describe('a table that the engine expects', () => {
  it('is not asked for: only the parts are', () => {
    const ingest = new IngestByHand(knownOf([web, dns]));
    const node = connected(ingest);
    expect(node.takeCommands()).toEqual(['want 6']);
    expect(lastTable(ingest)).toEqual(entriesOf([web, dns]));
  });

  it('that differs in one leaf costs that leaf, and the inner buckets that lead to it', () => {
    const ingest = new IngestByHand(knownOf([web, dns]));
    const node = connected(ingest, 'node-a', [web, moved]);
    expect(node.takeCommands()).toEqual(['want 7', 'want 3', 'want 1']);
    expect(lastTable(ingest)).toEqual(entriesOf([web, moved]));
  });
});

describe('a second node like the first', () => {
  it('is asked for nothing at all, and shares the table', () => {
    const ingest = new IngestByHand();
    connected(ingest, 'node-a');
    const other = connected(ingest, 'node-b');
    expect(other.takeCommands()).toEqual([]);
    expect(ingest.reports('node-b')[0]?.table).toBe(ingest.reports('node-a')[0]?.table);
  });
});

describe('later readings', () => {
  it('that found nothing new confirm the last report, with their own number and time', () => {
    const ingest = new IngestByHand();
    const node = connected(ingest);
    const first = ingest.reports('node-a')[0];
    node.takeCommands();
    const sent = node.bytes;
    ingest.pass(10);
    node.read(reading(2, { rows: [web, dns] }));
    const second = ingest.reports('node-a')[1];
    expect(node.takeCommands()).toEqual([]);
    expect(second?.reading).toBe(`${'01'.repeat(16)}/2`);
    expect(second?.readAt).toBe(ingest.at.wall);
    expect(second?.table).toBe(first?.table);
    expect(second?.profile).toBe(first?.profile);
    expect(node.bytes - sent).toBeLessThan(40);
  });

  it('that found one Service changed cost one leaf; and a second node with the same change costs none', () => {
    const ingest = new IngestByHand();
    const first = connected(ingest, 'node-a');
    const second = connected(ingest, 'node-b');
    first.takeCommands();
    first.read(reading(2, { rows: [web, moved] }));
    second.read(reading(2, { rows: [web, moved] }));
    expect(first.takeCommands()).toEqual(['want 1']);
    expect(second.takeCommands()).toEqual([]);
    expect(lastTable(ingest, 'node-a')).toEqual(entriesOf([web, moved]));
    expect(lastTable(ingest, 'node-b')).toEqual(entriesOf([web, moved]));
  });

  it('that found a part changed get it without asking', () => {
    const ingest = new IngestByHand();
    const node = connected(ingest);
    node.takeCommands();
    node.read(reading(2, { rows: [web, dns], parts: { kubeProxy: kubeProxy({ healthz: 'unhealthy' }) } }));
    expect(node.takeCommands()).toEqual([]);
    const part = ingest.reports('node-a')[1]?.parts.kubeProxy;
    expect(part?.state === 'ok' && part.value.healthz).toBe('unhealthy');
  });

  it('that could not read the table say so, and the node has none', () => {
    const ingest = new IngestByHand();
    const node = connected(ingest);
    node.read(reading(2, { rows: null, parts: { iptables: { state: 'failed', reason: 'exit 1' } } }));
    const report = ingest.reports('node-a')[1];
    expect(report?.table).toBeNull();
    expect(report?.parts.iptables).toEqual({ state: 'failed', reason: 'exit 1' });
    node.read(reading(3, { rows: [web] }));
    expect(lastTable(ingest)).toEqual(entriesOf([web]));
  });

  it('overtake one whose content is still under way: that one is never reported', () => {
    const ingest = new IngestByHand();
    const node = connected(ingest);
    node.takeCommands();
    node.read(reading(2, { rows: [web] }));
    node.isMute = true;
    node.read(reading(3, { rows: [web, moved] }));
    node.read(reading(4, { rows: [web, dns] }));
    node.isMute = false;
    node.talk();
    expect(ingest.reports('node-a').map((one) => one.reading.split('/')[1])).toEqual(['1', '2', '4']);
    expect(lastTable(ingest)).toEqual(entriesOf([web, dns]));
  });
});

describe('a part that does not fit its form', () => {
  it('is a failed part, and the others go on', () => {
    const ingest = new IngestByHand();
    const node = ingest.node('node-a');
    node.talk();
    const broken = {
      ...iptables(),
      value: { structures: [], serviceBackends: ['nft'], proxyChains: [], hostPortTables: [], unlisted: 'because' },
    };
    node.read(reading(1, { rows: [web], parts: { iptables: broken as unknown as ReturnType<typeof iptables> } }));
    const report = ingest.reports('node-a')[0];
    expect(report?.parts.iptables).toMatchObject({
      state: 'failed',
      reason: expect.stringMatching(/^part iptables did not fit: \/value\/unlisted /),
    });
    expect(report?.parts.kubeProxy.state).toBe('ok');
    expect(lastTable(ingest)).toEqual(entriesOf([web]));
    expect(ingest.shared.counts.misfits.entries()).toEqual([['iptables', 1]]);
  });

  it('is asked for as a whole when it changes, since nothing was kept of it', () => {
    const ingest = new IngestByHand();
    const node = ingest.node('node-a');
    node.talk();
    const bad = kubeProxy({ mode: 'x'.repeat(100) });
    node.read(reading(1, { rows: [], parts: { kubeProxy: bad } }));
    node.takeCommands();
    node.read(reading(2, { rows: [], parts: { kubeProxy: kubeProxy() } }));
    expect(node.takeCommands()).toEqual(['want 1']);
    expect(ingest.reports('node-a').map(({ parts }) => parts.kubeProxy.state)).toEqual(['failed', 'ok']);
  });

  it('and is the profile leaves everything about the node unknown', () => {
    const ingest = new IngestByHand();
    const node = ingest.node('node-a');
    node.talk();
    node.read(reading(1, { rows: [], profile: { ...reading(1).profile, markBit: { value: 99, source: 'rules' } } }));
    const report = ingest.reports('node-a')[0];
    expect(report?.profile.mode).toMatchObject({
      source: 'unknown',
      reason: expect.stringContaining('part profile did not fit'),
    });
  });
});

describe('two parts that failed for one reason', () => {
  it('have one content, which comes once and is both', () => {
    const ingest = new IngestByHand();
    const node = ingest.node('node-a');
    node.talk();
    const failed = { state: 'failed', reason: 'ip: not found' } as const;
    node.read(reading(1, { rows: [], parts: { routes: failed, links: failed } }));
    const report = ingest.reports('node-a')[0];
    expect([report?.parts.routes, report?.parts.links]).toEqual([failed, failed]);
  });
});

describe('an agent that comes back', () => {
  it('with the same epoch uploads nothing again', () => {
    const ingest = new IngestByHand();
    const node = connected(ingest);
    node.cut();
    node.dial();
    expect(node.takeCommands()).toEqual([]);
    expect(ingest.kinds('node-a')).toEqual(['connected', 'report', 'disconnected', 'connected', 'report']);
  });

  it('after a restart counts from one again', () => {
    const ingest = new IngestByHand();
    const node = connected(ingest);
    node.cut();
    node.restart();
    node.read(reading(1, { rows: [web] }));
    expect(ingest.reports('node-a').at(-1)?.reading).toBe(`${'02'.repeat(16)}/1`);
    expect(lastTable(ingest)).toEqual(entriesOf([web]));
  });

  it('is asked again for the evidence that did not come', () => {
    const ingest = new IngestByHand();
    const node = connected(ingest);
    node.memory.wantedEvidence.add(entryDigest(frontend(web[0]), web[1]));
    node.cut();
    node.dial();
    expect(node.takeCommands()).toEqual(['wantEvidence']);
  });

  it('is told again what it shall probe', () => {
    const ingest = new IngestByHand();
    const node = connected(ingest);
    const targets: ProbeTarget[] = [
      { node: 'node-b', address: address('10.244.2.1'), port: 9469, protocol: 'udp', by: 'overlay', packetBytes: 1450 },
    ];
    node.takeCommands();
    const command = { $case: 'targets', value: { targets } };
    node.memory.targets = targets;
    node.session.aim(targets);
    expect(node.commands).toEqual([command]);
    node.cut();
    node.dial();
    expect(node.commands).toEqual([command]);
  });
});

describe('acknowledgements', () => {
  it('go out for what was reported in this epoch, and for nothing else', () => {
    const ingest = new IngestByHand();
    const node = connected(ingest);
    const told = ingest.events.findLast((event) => event.kind === 'report');
    const sequence = told?.kind === 'report' ? told.sequence : 0n;
    node.takeCommands();
    node.session.acknowledge(sequence);
    node.session.acknowledge(sequence + 1n);
    expect(node.commands).toEqual([{ $case: 'ack', value: { sequence } }]);
  });
});

describe('evidence', () => {
  const asked = entryDigest(frontend(web[0]), web[1]);
  const line = { table: 'nat', chain: 'KUBE-SERVICES', rule: '-A KUBE-SERVICES -d 10.96.0.1/32 -j KUBE-SVC-X' };

  it('comes with the reading it was taken from', () => {
    const ingest = new IngestByHand();
    const node = connected(ingest);
    node.memory.wantedEvidence.add(asked);
    const evidence = [{ entry: asked, repaired: false, lines: [line], total: 1 }];
    node.read(reading(2, { rows: [web, dns], evidence }));
    expect(ingest.events.findLast(({ kind }) => kind === 'evidence')).toEqual({
      kind: 'evidence',
      node: 'node-a',
      evidence: { entry: asked, reading: `${'01'.repeat(16)}/2`, repaired: false, lines: [line], total: 1 },
    });
  });

  it('that nobody asked for is dropped', () => {
    const ingest = new IngestByHand();
    const node = connected(ingest);
    node.read(reading(2, { rows: [web, dns], evidence: [{ entry: asked, repaired: true, lines: [], total: 0 }] }));
    expect(ingest.kinds('node-a')).not.toContain('evidence');
    expect(ingest.shared.counts.unwanted).toBe(1);
  });

  it('of more than 40 lines ends the stream', () => {
    const ingest = new IngestByHand();
    const node = connected(ingest);
    const evidence = {
      entry: digestBytes(asked),
      reading: 1n,
      repaired: false,
      lines: Array(41).fill(line),
      total: 41,
    };
    for (const value of chunksOf({ content: { $case: 'evidence', value: evidence } }, 900n)) {
      node.say({ $case: 'chunk', value });
    }
    expect(node.closing?.reason).toBe('bad-evidence');
  });
});

describe('a heartbeat', () => {
  it('brings the figures of the agent, whatever it says of its hints', () => {
    const ingest = new IngestByHand();
    const node = connected(ingest);
    node.say({
      $case: 'heartbeat',
      value: {
        sentAtMs: 0n,
        metrics: {
          ...loopFigures,
          rssBytes: 80_000_000n,
          childPeakBytes: 0n,
          readings: 60n,
          unchangedReadings: 50n,
          failedReadings: 0n,
          hints: 3n,
          reconnects: 1n,
          refusedCommands: 0n,
          badAddressLines: 2n,
          cpuSeconds: Number.NaN,
          uptimeSeconds: -1,
          hintSources: ['nft-generation', '\u001b[31m', 'x'.repeat(10_000)],
        },
        ways: undefined,
      },
    });
    const heard = ingest.events.findLast(({ kind }) => kind === 'heard');
    expect(heard).toMatchObject({
      node: 'node-a',
      figures: {
        rssBytes: 80_000_000,
        cpuSeconds: 0,
        uptimeSeconds: 0,
        badAddressLines: 2,
        hintSources: ['nft-generation'],
      },
      ways: null,
    });
  });

  it('brings the ways of the agent, with times by the clock here', () => {
    const ingest = new IngestByHand();
    const node = ingest.node('node-a');
    node.read(reading(1));
    const service: Way = {
      address: 'plumbline-aggregator.plumbline.svc:8443',
      kind: 'service',
      inUse: false,
      workedAgeMs: null,
      failedAgeMs: 1_000,
      failingAgeMs: 61_000,
      reason: 'timeout',
    };
    node.say({ $case: 'heartbeat', value: { sentAtMs: 0n, metrics: undefined, ways: encodeWays([service]) } });
    expect(ingest.events.at(-1)).toEqual({
      kind: 'heard',
      node: 'node-a',
      at: ingest.at.wall,
      figures: null,
      ways: [
        {
          address: 'plumbline-aggregator.plumbline.svc:8443',
          kind: 'service',
          inUse: false,
          lastWorkedAt: null,
          lastFailedAt: '2026-11-22T09:59:59.000Z',
          failingSince: '2026-11-22T09:58:59.000Z',
          reason: 'timeout',
        },
      ],
    });
  });

  it('with ways that cannot be ends the stream', () => {
    const ingest = new IngestByHand();
    const node = ingest.node('node-a');
    node.read(reading(1));
    const way = { address: '\n', kind: 'pod', inUse: true, reason: '' };
    node.say({ $case: 'heartbeat', value: { sentAtMs: 0n, metrics: undefined, ways: { ways: [way] } } });
    expect(node.closing).toEqual({
      code: 'invalid-argument',
      reason: 'bad-ways',
      message: 'a Heartbeat with a way that cannot be',
    });
  });
});
