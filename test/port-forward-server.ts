/**
 * The port-forward of an API server and its kubelets, over WebSocket (v4.channel.k8s.io). What comes for a pod's port
 * goes to a port of 127.0.0.1. Its words are those of Kubernetes' source; none of it was recorded.
 */
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';

export interface PortForwardOptions {
  /** Where the pod's port is; null: there is no such pod. */
  target(namespace: string, pod: string): number | null;
}

/** What a refused upgrade is answered with. */
export interface UpgradeRefusal {
  readonly status: number;
  readonly body: unknown;
}

const bytesChannel = 0;
const errorChannel = 1;

export class PortForwardServer {
  /** Paths with queries of all that was asked for, and the tokens that came with them. */
  readonly asked: { readonly path: string; readonly token: string | null }[] = [];
  readonly #target: PortForwardOptions['target'];
  readonly #open = new Set<WebSocket>();
  readonly #sockets = new WebSocketServer({ noServer: true, handleProtocols: () => 'v4.channel.k8s.io' });
  #refusals: UpgradeRefusal[] = [];

  constructor({ target }: PortForwardOptions) {
    this.#target = target;
  }

  /** Forwards that are open now. */
  get open(): number {
    return this.#open.size;
  }

  /** The next one is refused so. */
  refuseNext(refusal: UpgradeRefusal): void {
    this.#refusals.push(refusal);
  }

  /** Breaks all that is open, without a goodbye. */
  cut(): void {
    for (const socket of this.#open) socket.terminate();
  }

  /** For an HTTP server's `upgrade`. */
  readonly accept = (request: IncomingMessage, connection: Duplex, begun: Buffer): void => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? null;
    this.asked.push({ path: `${url.pathname}${url.search}`, token });
    const [, namespace = '', pod = ''] =
      /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)\/portforward$/.exec(url.pathname) ?? [];
    const port = Number(url.searchParams.get('ports'));
    const target = this.#target(namespace, pod);
    const refusal = this.#refusals.shift() ?? refusalOf(request, { pod, port, isThere: target !== null });
    if (refusal !== null) refuse(connection, refusal);
    else {
      this.#sockets.handleUpgrade(request, connection, begun, (socket) => {
        this.#open.add(socket);
        socket.once('close', () => this.#open.delete(socket));
        forward(socket, { pod, port, target: Number(target) });
      });
    }
  };
}

function refusalOf(
  request: IncomingMessage,
  { pod, port, isThere }: { readonly pod: string; readonly port: number; readonly isThere: boolean },
): UpgradeRefusal | null {
  const status = (code: number, reason: string, message: string) => ({
    status: code,
    body: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code },
  });
  if (!isThere) return status(404, 'NotFound', `pods "${pod}" not found`);
  const protocols = request.headers['sec-websocket-protocol']?.split(/, */) ?? [];
  if (!protocols.includes('v4.channel.k8s.io')) return status(400, 'BadRequest', 'Upgrade request required');
  if (!Number.isInteger(port) || port < 1) return status(400, 'BadRequest', 'query parameter "ports" is required');
  return null;
}

function refuse(connection: Duplex, { status, body }: UpgradeRefusal): void {
  const text = JSON.stringify(body);
  const length = Buffer.byteLength(text);
  connection.end(
    `HTTP/1.1 ${status} Refused\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\nconnection: close\r\n\r\n${text}`,
  );
}

function forward(
  socket: WebSocket,
  { pod, port, target }: { readonly pod: string; readonly port: number; readonly target: number },
): void {
  const portMessage = Buffer.alloc(2);
  portMessage.writeUInt16LE(port);
  const send = (channel: number, bytes: Uint8Array) => socket.send(Buffer.concat([Buffer.of(channel), bytes]));
  send(bytesChannel, portMessage);
  send(errorChannel, portMessage);
  const inner = connect({ host: '127.0.0.1', port: target });
  inner.on('data', (bytes) => send(bytesChannel, bytes));
  inner.on('error', () => {
    const reason = `error forwarding port ${port} to pod ${pod}, uid : failed to execute portforward in network namespace "/var/run/netns/cni-1": failed to connect to localhost:${port} inside namespace "1", IPv4: dial tcp4 127.0.0.1:${port}: connect: connection refused`;
    send(errorChannel, Buffer.from(reason));
  });
  inner.on('close', () => socket.close(1000));
  socket.on('message', (message) => {
    const bytes = Array.isArray(message) ? Buffer.concat(message) : Buffer.from(message as Buffer);
    if (bytes[0] === bytesChannel) inner.write(bytes.subarray(1));
  });
  socket.on('close', () => inner.destroy());
}
