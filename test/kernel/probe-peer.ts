/**
 * One node's probes, run inside its namespace: `node probe-peer.ts HASTE RANGE`. Time goes HASTE times as fast for them. Each
 * line of JSON on stdin is a PeerCommand, and is answered by one on stdout; it ends when stdin does.
 */
import { createSocket } from 'node:dgram';
import { createInterface } from 'node:readline';
import { type Clock, systemClock } from '../../agent/clock.ts';
import { questionOf } from '../../agent/probes/packet.ts';
import { Probing } from '../../agent/probes/probing.ts';
import type { NodeReading } from '../../agent/reading.ts';
import type * as wire from '../../proto/generated/plumbline/agent/v1/agent.ts';
import type { ProbesReport } from '../../proto/parts.ts';
import { address, prefix } from '../builders.ts';
import { reading } from '../reading-builders.ts';
import { reported } from '../view-builders.ts';

export type PeerCommand =
  /** The node has these addresses, and probes these. */
  | { readonly do: 'stand'; readonly addresses: readonly string[]; readonly targets: readonly wire.Target[] }
  /** Other ones of these targets are named again and again: so often, each after a hundredth of a second. */
  | { readonly do: 'command'; readonly targets: readonly wire.Target[]; readonly times: number }
  | { readonly do: 'report' }
  /** Sends so many datagrams of every kind to a listener, and counts what comes back within a second. */
  | { readonly do: 'flood'; readonly to: string; readonly from: string; readonly count: number }
  /** Answers every probe with another nonce, another length, itself, and at random. */
  | { readonly do: 'lie'; readonly at: string };

export interface PeerAnswer {
  readonly report: ProbesReport;
  /** The newest count of packets that were not answered, as it was logged. */
  readonly dropped: object | null;
  readonly flood: Flood | null;
}

export interface Flood {
  readonly sent: number;
  readonly sentBytes: number;
  readonly received: number;
  readonly receivedBytes: number;
}

const port = 9469;
const [haste = 1, range = ''] = [Number(process.argv[2]), process.argv[3]];

const clock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now() * haste,
  sleep: (milliseconds, signal) => systemClock.sleep(milliseconds / haste, signal),
};

let dropped: object | null = null;
const log = {
  info: () => undefined,
  warn: (fields: object) => {
    if ('strangers' in fields) dropped = fields;
  },
};
const ranges = range.split(',').map(prefix);
const probing = new Probing({ setting: { port, ranges, serviceRanges: ranges }, clock, log });
let tellReading: (one: NodeReading) => void = () => undefined;
const running = probing.run({
  subscribe: (listener) => {
    tellReading = listener;
    return () => undefined;
  },
});

async function perform(command: PeerCommand): Promise<Flood | null> {
  switch (command.do) {
    case 'stand': {
      const addresses = command.addresses.map((text) => ({ link: 'eth0', address: address(text), prefixLength: 24 }));
      tellReading(reading(1, { parts: { addresses: reported({ addresses, links: ['eth0'] }) } }));
      probing.aim(command.targets);
      return null;
    }
    case 'command':
      for (let time = 0; time < command.times; time++) {
        const first = (time * 64) % command.targets.length;
        probing.aim([...command.targets.slice(first), ...command.targets.slice(0, first)]);
        await pause(10);
      }
      return null;
    case 'flood':
      return await flood(command);
    case 'lie':
      return await lie(command.at);
    case 'report':
      return null;
  }
}

async function flood({ to, from, count }: Extract<PeerCommand, { readonly do: 'flood' }>): Promise<Flood> {
  const socket = createSocket('udp4');
  let [sentBytes, received, receivedBytes] = [0, 0, 0];
  socket.on('message', (bytes) => {
    received++;
    receivedBytes += bytes.length;
  });
  await new Promise<void>((resolve) => socket.bind(0, from, resolve));
  for (let number = 0; number < count; number++) {
    const bytes = datagram(number);
    sentBytes += bytes.length;
    await new Promise((resolve) => socket.send(bytes, port, to, resolve));
  }
  await pause(1000);
  socket.close();
  return { sent: count, sentBytes, received, receivedBytes };
}

/** Of ten, one is a question, one is a cut one, one says to be longer than it is, and the others are noise. */
function datagram(number: number): Uint8Array {
  const question = Buffer.from(questionOf(crypto.getRandomValues(new Uint8Array(16)), 200));
  if (number % 10 === 0) return question;
  if (number % 10 === 1) return question.subarray(0, 100);
  if (number % 10 === 2) question.writeUInt16BE(60_000, 24);
  if (number % 10 === 2) return question;
  return crypto.getRandomValues(new Uint8Array(number % 1_400));
}

async function lie(at: string): Promise<null> {
  const socket = createSocket('udp4');
  socket.on('message', (question, { address: to, port: toPort }) => {
    const [otherNonce, longer] = [Buffer.from(question), Buffer.alloc(question.length + 1)];
    otherNonce.write('PLBprob!');
    otherNonce.writeUInt8(question.readUInt8(8) ^ 1, 8);
    question.copy(longer);
    longer.write('PLBprob!');
    const noise = crypto.getRandomValues(new Uint8Array(question.length));
    for (const answer of [otherNonce, longer, question, noise]) socket.send(answer, toPort, to);
  });
  await new Promise<void>((resolve) => socket.bind(port, at, resolve));
  return null;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

for await (const line of createInterface({ input: process.stdin })) {
  // The only writer is probes.test.ts, which types what it sends.
  const came = await perform(JSON.parse(line) as PeerCommand);
  const part = probing.part();
  if (part.state !== 'ok') throw new Error(`probes are ${part.state}`);
  const answer: PeerAnswer = { report: part.value, dropped, flood: came };
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
probing.stop();
await running;
process.exit(0);
