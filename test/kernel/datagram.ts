/**
 * Whether packets get from one namespace to an address, and word of them back: a datagram to a port where nobody listens
 * is answered by the kernel over there (port unreachable), so that nothing need run at the other end. Packets are sent
 * whole or not at all: Linux sets "do not fragment" on them.
 *
 * Also the program that sends them: `node datagram.ts ADDRESS BYTES...`, which prints what became of each.
 */
import { createSocket } from 'node:dgram';
import { mustRunIn } from './namespaces.ts';

/** `arrived`: the other end had it, and its answer came; `silent`: nothing came; else the error's name. */
export type Passage = 'arrived' | 'silent' | `failed: ${string}`;

/** Of the IPv4 and UDP headers. */
const headers = 28;
/** Everything answers over veth in less than a millisecond when it does at all. */
const silenceMs = 250;

/** Sends IPv4 packets of these sizes, each 64 to 1500 bytes. */
export function sendTo(namespace: string, address: string, sizes: readonly number[]): readonly Passage[] {
  const args = [import.meta.filename, address, ...sizes.map(String)];
  const printed = mustRunIn(namespace, process.execPath, args);
  // The only writer is the program below.
  return printed.trim().split('\n') as Passage[];
}

function send(address: string, bytes: number): Promise<Passage> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    const timer = setTimeout(() => done('silent'), silenceMs);
    const done = (passage: Passage): void => {
      clearTimeout(timer);
      socket.close();
      resolve(passage);
    };
    socket.on('error', (error) => {
      const code = 'code' in error ? String(error.code) : error.message;
      done(code === 'ECONNREFUSED' ? 'arrived' : `failed: ${code}`);
    });
    // Only a connected socket hears of an ICMP error.
    socket.connect(9, address, () => {
      socket.send(Buffer.alloc(bytes - headers), (error) => {
        if (error !== null) socket.emit('error', error);
      });
    });
  });
}

if (import.meta.main) {
  const [, , address = '', ...sizes] = process.argv;
  const passages = await Promise.all(sizes.map((bytes) => send(address, Number(bytes))));
  process.stdout.write(`${passages.join('\n')}\n`);
}
