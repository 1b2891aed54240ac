/**
 * One peer of the lab, run inside its namespace: answers connections with what it saw of them, and connects where it is
 * told. Lines of JSON on stdin (PeerRequest) and stdout (PeerReply), in order; it ends when stdin does.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';

export interface Listen {
  readonly protocol: 'tcp' | 'udp';
  readonly address: string;
  readonly port: number;
}

export interface Connect {
  readonly protocol: 'tcp' | 'udp';
  readonly to: string;
  readonly port: number;
  /** The source address; null leaves it to the kernel. */
  readonly from: string | null;
}

export type PeerRequest =
  | { readonly kind: 'listen'; readonly listen: readonly Listen[] }
  | { readonly kind: 'connect'; readonly connects: readonly Connect[]; readonly oneByOne: boolean };

/** What became of one connect. `server` is who answered, `peer` the source address that it saw. */
export type Outcome =
  | { readonly kind: 'answered'; readonly server: string; readonly peer: string }
  | { readonly kind: 'refused' }
  | { readonly kind: 'silent' }
  | { readonly kind: 'failed'; readonly code: string };

export type PeerReply = { readonly outcomes: readonly Outcome[] };

/** A dropped packet shows as silence; everything answers over veth in less than a millisecond when it does at all. */
const silenceMs = 1_500;
/** More open connects than this at once only make a shared machine slow enough to look silent. */
const atOnce = 256;

async function listen({ protocol, address, port }: Listen): Promise<void> {
  if (protocol === 'tcp') {
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.end(`${socket.localAddress}:${socket.localPort} ${socket.remoteAddress}`);
    });
    server.listen({ port, host: address, backlog: 512 });
    await once(server, 'listening');
    return;
  }
  const socket = createSocket('udp4');
  socket.on('message', (_, from) => socket.send(`${address}:${port} ${from.address}`, from.port, from.address));
  socket.bind(port, address);
  await once(socket, 'listening');
}

function outcomeOf(answer: string): Outcome {
  const [server = '', peer = ''] = answer.split(' ');
  return { kind: 'answered', server, peer };
}

function outcomeOfError(error: Error): Outcome {
  const code = 'code' in error ? String(error.code) : error.message;
  return code === 'ECONNREFUSED' ? { kind: 'refused' } : { kind: 'failed', code };
}

function connectTcp({ to, port, from }: Connect): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket = connect({ host: to, port, allowHalfOpen: true, ...(from === null ? {} : { localAddress: from }) });
    let answer = '';
    const done = (outcome: Outcome): void => {
      clearTimeout(timer);
      // A reset leaves no TIME_WAIT behind that the same ports would run into moments later.
      socket.resetAndDestroy();
      resolve(outcome);
    };
    const timer = setTimeout(() => done({ kind: 'silent' }), silenceMs);
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      answer += text;
    });
    socket.on('end', () => done(outcomeOf(answer)));
    socket.on('error', (error) => done(outcomeOfError(error)));
  });
}

function connectUdp({ to, port, from }: Connect): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    let isDone = false;
    const done = (outcome: Outcome): void => {
      if (isDone) return;
      isDone = true;
      clearTimeout(timer);
      socket.close();
      resolve(outcome);
    };
    const timer = setTimeout(() => done({ kind: 'silent' }), silenceMs);
    socket.on('error', (error) => done(outcomeOfError(error)));
    socket.on('message', (message) => done(outcomeOf(message.toString())));
    socket.bind(0, from ?? undefined, () => {
      // Only a connected socket hears of an ICMP error.
      socket.connect(port, to, (error?: Error) => {
        if (error) done(outcomeOfError(error));
        else socket.send('?');
      });
    });
  });
}

async function connectAll(connects: readonly Connect[], lanes: number): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  const queue = connects.entries();
  const lane = async (): Promise<void> => {
    for (const [i, one] of queue) outcomes[i] = await (one.protocol === 'tcp' ? connectTcp(one) : connectUdp(one));
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return outcomes;
}

async function serve(request: PeerRequest): Promise<PeerReply> {
  switch (request.kind) {
    case 'listen':
      await Promise.all(request.listen.map(listen));
      return { outcomes: [] };
    case 'connect':
      return { outcomes: await connectAll(request.connects, request.oneByOne ? 1 : atOnce) };
  }
}

if (import.meta.main) {
  for await (const line of createInterface({ input: process.stdin })) {
    // The only writer is the lab, which types what it sends.
    const request: PeerRequest = JSON.parse(line);
    process.stdout.write(`${JSON.stringify(await serve(request))}\n`);
  }
  process.exit(0);
}
