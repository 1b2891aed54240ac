/**
 * A forwarded port as a byte stream, over one WebSocket with the subprotocol v4.channel.k8s.io: the first byte of each
 * message says its channel, 0 for bytes of the connection and 1 for why it failed; the first message of each channel
 * begins with the port, 2 bytes. There is no way to end one direction alone, and HTTP needs none.
 * https://github.com/kubernetes/kubernetes/blob/master/staging/src/k8s.io/kubelet/pkg/cri/streaming/portforward/websocket.go
 */
import { Duplex } from 'node:stream';
import { type RawData, WebSocket } from 'ws';

const bytesChannel = 0;
const errorChannel = 1;
const portBytes = 2;
/** The other side has so long to say goodbye. */
const closeMs = 500;

export class Tunnel extends Duplex {
  readonly #socket: WebSocket;
  readonly #failure: (reason: string) => Error;
  /** Bytes of the port that are still to come, by channel. */
  readonly #left = new Map([
    [bytesChannel, portBytes],
    [errorChannel, portBytes],
  ]);

  /**
   * @param socket open, and no message read yet.
   * @param failure what the stream ends with, for a reason of the other side.
   */
  constructor(socket: WebSocket, failure: (reason: string) => Error) {
    super({ allowHalfOpen: false });
    this.#socket = socket;
    this.#failure = failure;
    // Until somebody uses the stream, that it broke is nobody's concern.
    this.on('error', () => undefined);
    socket.on('message', (message) => this.#take(bytesOf(message)));
    socket.on('close', () => {
      if (!this.destroyed) this.push(null);
    });
    socket.on('error', (cause) => this.destroy(failure(cause.message)));
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, written: (error?: Error | null) => void): void {
    this.#socket.send(Buffer.concat([Buffer.of(bytesChannel), bytes]), (error) => written(error ?? null));
  }

  override _destroy(error: Error | null, over: (error: Error | null) => void): void {
    this.#socket.close();
    const cut = setTimeout(() => this.#socket.terminate(), closeMs);
    this.#socket.once('close', () => clearTimeout(cut));
    if (this.#socket.readyState === WebSocket.CLOSED) clearTimeout(cut);
    // A stream that is paused would not hear that the other side has closed.
    this.#socket.resume();
    over(error);
  }

  #take(message: Buffer): void {
    const channel = message[0];
    if (channel === undefined || this.destroyed) return;
    const left = this.#left.get(channel) ?? 0;
    const bytes = message.subarray(1 + left);
    this.#left.set(channel, Math.max(0, left - (message.length - 1)));
    if (bytes.length === 0) return;
    if (channel === errorChannel) this.destroy(this.#failure(bytes.toString('utf8')));
    else if (channel === bytesChannel && !this.push(bytes)) this.#socket.pause();
  }
}

function bytesOf(message: RawData): Buffer {
  if (Array.isArray(message)) return Buffer.concat(message);
  return message instanceof ArrayBuffer ? Buffer.from(message) : message;
}
