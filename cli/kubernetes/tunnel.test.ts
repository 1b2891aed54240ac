import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { Tunnel } from './tunnel.ts';

const cleanups: (() => unknown)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

/** A tunnel and the other side of its WebSocket. */
async function tunnelPair(): Promise<{
  readonly tunnel: Tunnel;
  readonly socket: WebSocket;
  readonly other: WebSocket;
}> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const address = server.address();
  const socket = new WebSocket(`ws://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`);
  const [[other]] = await Promise.all([once(server, 'connection'), once(socket, 'open')]);
  const tunnel = new Tunnel(socket, (reason) => new Error(reason));
  cleanups.push(() => {
    socket.terminate();
    server.close();
  });
  return { tunnel, socket, other };
}

const portOf8080 = [0x90, 0x1f];

describe('a forwarded port', () => {
  it('gives the bytes of its channel, without the port that comes first, in whatever pieces', async () => {
    const { tunnel, other } = await tunnelPair();
    other.send(Buffer.of(0, 0x90));
    other.send(Buffer.of(0, 0x1f, 65));
    other.send(Buffer.of(1, ...portOf8080));
    other.send(Buffer.of(0));
    other.send(Buffer.of(7, 1, 2, 3, 4));
    other.send(Buffer.of());
    other.send(Buffer.of(0, 66, 67));
    other.close();
    expect(Buffer.concat(await tunnel.toArray()).toString()).toBe('ABC');
  });

  it('sends bytes on channel 0', async () => {
    const { tunnel, other } = await tunnelPair();
    const heard = once(other, 'message');
    tunnel.write('GET');
    expect(await heard).toEqual([Buffer.from('\0GET'), true]);
  });

  it('breaks with what the other side says of it', async () => {
    const { tunnel, other } = await tunnelPair();
    const broken = once(tunnel, 'error');
    other.send(Buffer.of(1, ...portOf8080));
    other.send(Buffer.concat([Buffer.of(1), Buffer.from('lost connection to pod')]));
    expect((await broken.catch((cause: Error) => [cause]))[0]).toEqual(new Error('lost connection to pod'));
    await once(other, 'close');
  });

  it('takes no more than is read', async () => {
    const { tunnel, other } = await tunnelPair();
    other.send(Buffer.of(0, ...portOf8080));
    const piece = Buffer.alloc(64 * 1024);
    for (let sent = 0; sent < 400; sent += 1) other.send(piece);
    tunnel.once('readable', () => undefined);
    await pause(100);
    expect(tunnel.readableLength).toBeLessThan(1024 * 1024);
    let bytes = 0;
    tunnel.on('data', (read: Buffer) => {
      bytes += read.length;
    });
    await expect.poll(() => bytes).toBe(400 * (piece.length - 1));
  });

  it('is over soon, though the other side never says goodbye', async () => {
    const { tunnel, socket, other } = await tunnelPair();
    other.pause();
    tunnel.destroy();
    expect(socket.readyState).toBe(WebSocket.CLOSING);
    await once(socket, 'close');
  });
});
