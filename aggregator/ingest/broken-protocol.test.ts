/** What a session does with an agent that is broken, or hostile: its own node suffers, and nobody else's. */
import { describe, expect, it } from 'vitest';
import { IngestByHand, type JoinedNode, type Message } from '../../test/ingest-by-hand.ts';
import { reading } from '../../test/reading-builders.ts';
import { everyone, forwardTo, type Row, table } from '../../test/view-builders.ts';
import { leavesOf, treeOf } from '../../proto/bucket-tree.ts';
import { digest } from '../../proto/canonical.ts';
import { digestBytes } from '../../proto/wire/digest-bytes.ts';
import { encodeLeaf } from '../../proto/wire/leaf.ts';
import { chunksOf } from '../../proto/wire/upload.ts';
import type * as wire from '../../proto/generated/plumbline/agent/v1/agent.ts';

const web: Row = ['tcp 10.96.0.1:80', everyone(forwardTo('10.244.1.2:8080'))];
const dns: Row = ['udp 10.96.0.10:53', everyone(forwardTo('10.244.1.3:53'))];
const noBytes = new Uint8Array(0);

function hello(node = 'node-a', epoch = new Uint8Array(16).fill(9)): Message {
  return { $case: 'hello', value: { epoch, agentVersion: '0.1.0', nodeName: node } };
}

function state(sketch: Partial<wire.State> = {}, number = 1n): Message {
  const value = {
    reading: { number, ageMs: 0, takenAtMs: 0n },
    table: undefined,
    parts: [],
    whole: true,
    tableLost: false,
    ...sketch,
  };
  return { $case: 'state', value };
}

function rootOf(rows: readonly Row[]): string {
  return treeOf(leavesOf(table(rows)).map((leaf) => leaf.digest)).root;
}

function tableOf(rows: readonly Row[]): wire.Table {
  return { root: digestBytes(rootOf(rows)), base: noBytes, changed: noBytes };
}

function upload(node: JoinedNode, value: wire.Upload, number = 1n): void {
  for (const chunk of chunksOf(value, number)) node.say({ $case: 'chunk', value: chunk });
}

function greeted(ingest: IngestByHand, name = 'node-a'): JoinedNode {
  const node = ingest.node(name);
  node.say(hello(name));
  return node;
}

/** Why the stream ended after these messages; null when it did not. */
function endOf(...messages: readonly Message[]): string | null {
  const node = new IngestByHand().node('node-a');
  for (const message of messages) node.say(message);
  return node.closing === null ? null : `${node.closing.code}: ${node.closing.message}`;
}

describe('a stream is refused', () => {
  it.each<[string, readonly Message[], string]>([
    ['that does not begin with Hello', [state()], 'invalid-argument: the first message is not Hello'],
    ['with a second Hello', [hello(), hello()], 'invalid-argument: a second Hello'],
    [
      'whose epoch is too short',
      [hello('node-a', new Uint8Array(15))],
      'invalid-argument: an epoch that is not 16 bytes',
    ],
    [
      'that speaks of another node',
      [hello('node-b')],
      'permission-denied: the agent calls its node by another name than node-a, where its pod runs',
    ],
    ['with a State of no reading', [hello(), state({ reading: undefined })], 'invalid-argument: a State of no reading'],
    [
      'with a table that is lost',
      [hello(), state({ table: tableOf([]), tableLost: true })],
      'invalid-argument: a State with a table that is lost',
    ],
    [
      'with a root that is no digest',
      [hello(), state({ table: { root: new Uint8Array(3), base: noBytes, changed: noBytes } })],
      'invalid-argument: a State with a root that is no digest',
    ],
    [
      'with a part told twice',
      [hello(), state({ parts: [1, 2].map(() => ({ name: 'links', digest: noBytes })) })],
      'invalid-argument: a State with a part that is told twice',
    ],
    [
      'whose readings go back',
      [hello(), state({}, 5n), state({}, 4n)],
      'invalid-argument: a reading older than the last',
    ],
    [
      'with a chunk that begins in the middle',
      [hello(), { $case: 'chunk', value: { upload: 1n, index: 1, data: new Uint8Array(1), end: undefined } }],
      'invalid-argument: chunk 1 of upload 1 comes where chunk 0 is due',
    ],
    [
      'with an end mark of another count',
      [
        hello(),
        {
          $case: 'chunk',
          value: { upload: 1n, index: 0, data: new Uint8Array(1), end: { chunks: 2, digest: digestBytes(digest('')) } },
        },
      ],
      'invalid-argument: upload 1 ends after 1 chunks, its end mark says 2',
    ],
  ])('%s', (_, messages, end) => expect(endOf(...messages)).toBe(end));

  it('with bytes that are no message', () => {
    const node = greeted(new IngestByHand());
    node.session.receive(null, 10, { wall: 0, monotonic: 0 });
    expect(node.closing?.reason).toBe('unreadable');
  });

  it('that never says Hello', () => {
    const ingest = new IngestByHand();
    const node = ingest.node('node-a');
    ingest.pass(9);
    node.tick();
    expect(node.closing).toBeNull();
    ingest.pass(1);
    node.tick();
    expect(node.closing?.reason).toBe('no-hello');
  });

  it('and the node is told as lost, once it had said Hello', () => {
    const ingest = new IngestByHand();
    const node = greeted(ingest);
    node.say(hello());
    node.cut();
    expect(ingest.kinds('node-a')).toEqual(['connected', 'lost: a second Hello', 'disconnected']);
  });

  it('and handles nothing that still comes', () => {
    const ingest = new IngestByHand();
    const node = greeted(ingest);
    node.say(hello());
    node.say(state());
    expect(ingest.reports('node-a')).toEqual([]);
  });
});

describe('what has come before', () => {
  it('is dropped and counted, also on a new stream of the same epoch', () => {
    const ingest = new IngestByHand();
    const node = greeted(ingest);
    node.say(state());
    node.hear({ sequence: 2n, message: state({ table: tableOf([web]) }, 7n) });
    expect(ingest.reports('node-a').length).toBe(1);
    expect(node.takeCommands()).toEqual([]);
    node.cut();
    node.dial();
    node.hear({ sequence: 1n, message: hello() });
    expect(node.closing?.reason).toBe('second-hello');
    expect(ingest.shared.counts.replays).toBe(1);
  });

  it('and is a Hello ends the stream', () => {
    const ingest = new IngestByHand();
    const node = greeted(ingest);
    node.say(state());
    node.memory.sequence = 50n;
    const again = ingest.node('node-a');
    Object.assign(again.memory, node.memory);
    again.hear({ sequence: 50n, message: hello() });
    expect(again.closing?.reason).toBe('replayed-hello');
  });
});

describe('messages that are missing', () => {
  it('lose the thread: everything is asked for again, and nothing is reported until it came', () => {
    const ingest = new IngestByHand();
    const node = greeted(ingest);
    node.say(state());
    node.hear({ sequence: 9n, message: state({ whole: false }, 2n) });
    expect(node.takeCommands()).toEqual(['resync']);
    node.say(state({ whole: false }, 3n));
    expect(node.takeCommands()).toEqual([]);
    expect(ingest.reports('node-a').length).toBe(1);
    node.say(state({}, 3n));
    expect(ingest.kinds('node-a')).toEqual([
      'connected',
      'report',
      'lost: messages of its agent are missing',
      'report',
    ]);
    expect(ingest.shared.counts.gaps).toBe(1);
  });

  it('are asked for again every half minute', () => {
    const ingest = new IngestByHand();
    const node = greeted(ingest);
    node.say(state({ whole: false }));
    ingest.pass(29);
    node.tick();
    expect(node.takeCommands()).toEqual(['resync']);
    ingest.pass(1);
    node.tick();
    node.tick();
    expect(node.takeCommands()).toEqual(['resync']);
  });

  it('in the middle of an upload skip the rest of it', () => {
    const ingest = new IngestByHand();
    const node = greeted(ingest);
    const piece = (index: number): Message => ({
      $case: 'chunk',
      value: { upload: 1n, index, data: new Uint8Array(10), end: undefined },
    });
    node.say(piece(0));
    expect(ingest.shared.uploads.held).toBe(10);
    node.hear({ sequence: 5n, message: piece(2) });
    node.say(piece(3));
    expect(node.closing).toBeNull();
    expect(ingest.shared.uploads.held).toBe(0);
  });
});

describe('changes that lead nowhere', () => {
  it('to another root than is told: everything is asked for again', () => {
    const ingest = new IngestByHand();
    const node = ingest.node('node-a');
    node.talk();
    node.read(reading(1, { rows: [web] }));
    node.takeCommands();
    node.say(
      state(
        {
          whole: false,
          table: { root: digestBytes(digest('else')), base: digestBytes(rootOf([web])), changed: noBytes },
        },
        2n,
      ),
    );
    expect(node.takeCommands()[0]).toBe('resync');
  });

  it('from a root that was not told', () => {
    const ingest = new IngestByHand();
    const node = greeted(ingest);
    node.say(state({ table: tableOf([]) }));
    node.takeCommands();
    const table = { root: digestBytes(rootOf([web])), base: digestBytes(digest('never')), changed: noBytes };
    node.say(state({ whole: false, table }, 2n));
    expect(node.takeCommands()).toEqual(['resync']);
  });
});

describe('content', () => {
  const [leaf] = leavesOf(table([web])).filter(({ entries }) => entries.size > 0);

  it('that is not what its digest stands for ends the stream', () => {
    const ingest = new IngestByHand();
    const node = greeted(ingest);
    node.say(state({ table: tableOf([web]) }));
    const bucket = {
      digest: digestBytes(rootOf([web])),
      content: { $case: 'children' as const, value: { digests: new Uint8Array(512) } },
    };
    upload(node, { content: { $case: 'buckets', value: { buckets: [bucket] } } });
    expect(node.closing).toMatchObject({ code: 'invalid-argument', reason: 'wrong-content' });
    expect(ingest.shared.store.look(rootOf([web]))).toEqual({ kind: 'lacks', digests: [rootOf([web])] });
  });

  it('that nobody asked for is not kept', () => {
    const ingest = new IngestByHand();
    const node = greeted(ingest);
    node.say(state());
    const bucket = {
      digest: digestBytes(leaf?.digest ?? ''),
      content: { $case: 'leaf' as const, value: encodeLeaf(leaf ?? { digest: '', entries: new Map() }, () => null) },
    };
    upload(node, { content: { $case: 'buckets', value: { buckets: [bucket] } } });
    expect(ingest.shared.store.sizes()).toEqual({ leaves: 0, branches: 0, trees: 0, parts: 0 });
    expect(ingest.shared.counts.unwanted).toBe(1);
  });

  it('in the wrong place makes no table', () => {
    const leaves = leavesOf(table([web])).map(({ digest: one }) => one);
    const rotated = [...leaves.slice(1), ...leaves.slice(0, 1)];
    const { root, inner } = treeOf(rotated);
    const known = {
      leaf: (one: string) => (one === leaf?.digest ? leaf : null),
      tree: (one: string) => (one === root ? { root, inner, leaves: rotated } : null),
    };
    const ingest = new IngestByHand(known);
    const node = greeted(ingest);
    node.say(state({ table: { root: digestBytes(root), base: noBytes, changed: noBytes } }));
    expect(node.closing?.message).toMatch(/^leaf [0-9a-f]{32} lies at \d+$/);
    expect(ingest.reports('node-a')).toEqual([]);
  });

  it('whose agent does not answer is asked of another', () => {
    const ingest = new IngestByHand();
    const mute = ingest.node('node-a');
    mute.talk();
    mute.isMute = true;
    mute.dial();
    mute.say({ ...hello('node-a') });
    mute.say(state({ table: tableOf([web, dns]) }));
    const other = ingest.node('node-b');
    other.talk();
    other.read(reading(1, { rows: [web, dns] }));
    expect(ingest.reports('node-b')).toEqual([]);
    ingest.pass(30);
    ingest.shared.wants.tick();
    expect(mute.closing?.reason).toBe('stalled');
    mute.cut();
    other.talk();
    expect(ingest.reports('node-b').length).toBe(1);
  });

  it('whose agent does not hold it any more is asked of another', () => {
    const ingest = new IngestByHand();
    const first = greeted(ingest);
    first.say(state({ table: tableOf([web, dns]) }));
    const other = ingest.node('node-b');
    other.talk();
    other.read(reading(1, { rows: [web, dns] }));
    first.say({ $case: 'notHeld', value: { digests: [digestBytes(rootOf([web, dns]))] } });
    other.talk();
    expect(ingest.reports('node-b').length).toBe(1);
    ingest.pass(30);
    first.tick();
    expect(first.takeCommands().at(-1)).toBe('resync');
  });
});

describe('a node that sends too much', () => {
  it('is cut off, told as throttled, and may not come back for five minutes', () => {
    const ingest = new IngestByHand(undefined, { burstBytes: 10_000 });
    const node = greeted(ingest);
    for (let count = 0; count < 200 && node.closing === null; count++) {
      node.say({ $case: 'heartbeat', value: { sentAtMs: 0n, metrics: undefined, ways: undefined } });
    }
    expect(node.closing).toEqual({
      code: 'resource-exhausted',
      reason: 'throttled',
      message: 'throttled: the node sent more than its share',
      retryAfterMs: 300_000,
    });
    expect(ingest.kinds('node-a')).toEqual(['connected', 'lost: throttled: the node sent more than its share']);
    expect(node.memory.limits.admitStream(299_999)).toBe('quarantined');
    expect(node.memory.limits.admitStream(300_000)).toBe('admitted');
  });

  it('takes no memory from others: all uploads under way share a limit', () => {
    const ingest = new IngestByHand(undefined, { uploadMemoryBytes: 150 });
    const begin = (bytes: number): Message => ({
      $case: 'chunk',
      value: { upload: 1n, index: 0, data: new Uint8Array(bytes), end: undefined },
    });
    const first = greeted(ingest, 'node-a');
    const second = greeted(ingest, 'node-b');
    first.say(begin(100));
    second.say(begin(100));
    expect(second.closing).toMatchObject({ code: 'unavailable', reason: 'upload-memory' });
    expect(first.closing).toBeNull();
    first.cut();
    expect(ingest.shared.uploads.held).toBe(0);
  });
});

describe('a stream that grows old', () => {
  it('is asked once to be dialled anew', () => {
    const ingest = new IngestByHand();
    const node = greeted(ingest);
    ingest.pass(34 * 60);
    node.tick();
    node.tick();
    expect(node.commands).toEqual([{ $case: 'reconnectAfter', value: { seconds: 60 } }]);
  });
});
