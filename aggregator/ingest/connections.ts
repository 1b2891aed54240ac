/**
 * The TCP connections of one listener. Until a stream of it has shown whose it is, a connection is a stranger's:
 * strangers are few per source address, and gone after ten seconds.
 */
import type { Socket } from 'node:net';
import type { IngestCounts } from './counts.ts';
import type { IngestLimits } from './limits.ts';

interface Connection {
  readonly socket: Socket;
  readonly source: string;
  readonly since: number;
  isStranger: boolean;
}

const knownWithinMs = 10_000;

export class Connections {
  readonly #limits: IngestLimits;
  readonly #counts: IngestCounts;
  /** By remote address and port. */
  readonly #open = new Map<string, Connection>();
  readonly #strangers = new Map<string, number>();

  constructor(limits: IngestLimits, counts: IngestCounts) {
    this.#limits = limits;
    this.#counts = counts;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Whether the connection may go on; else it is dropped. */
  admit(socket: Socket, monotonic: number): boolean {
    socket.on('error', () => {});
    const { remoteAddress: source, remotePort } = socket;
    const ofSource = this.#strangers.get(source ?? '') ?? 0;
    const refusal =
      this.#open.size >= this.#limits.connections
        ? 'connections'
        : ofSource >= this.#limits.strangersPerSource
          ? 'strangers'
          : null;
    if (source === undefined || refusal !== null) {
      if (refusal !== null) this.#counts.refused.add(refusal);
      socket.destroy();
      return false;
    }
    const key = keyOf(source, remotePort);
    const connection = { socket, source, since: monotonic, isStranger: true };
    this.#open.set(key, connection);
    this.#strangers.set(source, ofSource + 1);
    socket.once('close', () => {
      this.#open.delete(key);
      this.#know(connection);
    });
    return true;
  }

  /** A stream of this connection has shown whose it is. */
  known(remoteAddress: string | undefined, remotePort: number | undefined): void {
    const connection = this.#open.get(keyOf(remoteAddress, remotePort));
    if (connection !== undefined) this.#know(connection);
  }

  /** Drops strangers that took too long. */
  tick(monotonic: number): void {
    if (this.#strangers.size === 0) return;
    for (const { socket, since, isStranger } of this.#open.values()) {
      if (!isStranger || monotonic - since < knownWithinMs) continue;
      this.#counts.refused.add('slow-stranger');
      socket.destroy();
    }
  }

  destroy(): void {
    for (const { socket } of this.#open.values()) socket.destroy();
  }

  #know(connection: Connection): void {
    if (!connection.isStranger) return;
    connection.isStranger = false;
    const left = (this.#strangers.get(connection.source) ?? 1) - 1;
    if (left === 0) this.#strangers.delete(connection.source);
    else this.#strangers.set(connection.source, left);
  }
}

function keyOf(address: string | undefined, port: number | undefined): string {
  return `${address} ${port}`;
}
