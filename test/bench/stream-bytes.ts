/**
 * What the stream of one agent costs in bytes, on its way to a real ingest server over TLS: `node stream-bytes.ts` prints
 * one line of JSON (StreamBytes). Another node has told the same change before, so nothing of it is asked for.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NodeReading } from '../../agent/reading.ts';
import { AgentStream } from '../../agent/stream/client.ts';
import type { AgentAuthenticator } from '../../aggregator/ingest/authenticate.ts';
import { CertificateFiles } from '../../aggregator/ingest/tls-files.ts';
import type { Counter, NodeParts } from '../../proto/parts.ts';
import { testAuthority } from '../certificates.ts';
import { RunningIngest } from '../ingest-peers.ts';
import { ManualClock } from '../manual-clock.ts';
import { FakeLoop, iptables, reading } from '../reading-builders.ts';
import { everyone, forwardTo, kubeProxy, type Row } from '../view-builders.ts';

/** Bytes of something that was said. */
export interface SaidBytes {
  /** As protobuf, from the agent. */
  readonly messages: number;
  /** Everything on the TCP connection, in both directions: gRPC, HTTP/2 and TLS included. */
  readonly wire: number;
}

export interface StreamBytes {
  /** A reading in which one Service changed, with its cluster IP and node port: the table, and the figures that moved. */
  readonly change: SaidBytes;
  /** Another one before the next heartbeat: the table alone, since figures go out once between two heartbeats. */
  readonly nextChange: SaidBytes;
  /** The next heartbeat, and the figures that moved with that change. */
  readonly heartbeatWithFigures: SaidBytes;
  /** A heartbeat without news. */
  readonly heartbeat: SaidBytes;
  /** A reading without news. */
  readonly unchanged: SaidBytes;
}

const services = 1000;
const endpoints = 10;
const heartbeatSeconds = 10;

/** @param ofFirst endpoints of the first Service. */
function rows(ofFirst: number): readonly Row[] {
  return Array.from({ length: services }, (_, index): readonly Row[] => {
    const host = `${index >> 8}.${index & 255}`;
    const backends = Array.from(
      { length: index === 0 ? ofFirst : endpoints },
      (__, pod) => `10.${128 + pod}.${host}:8080`,
    );
    const forwarding = everyone(forwardTo(...backends));
    const clusterIp: Row = [`tcp 10.96.${host}:80`, forwarding];
    const nodePort: Row = [`tcp node4:${30_000 + index}`, forwarding];
    return index % 4 === 0 ? [clusterIp, nodePort] : [clusterIp];
  }).flat();
}

/** The figures of kube-proxy and of the rules, after so many changes. */
function figures(changes: number): Partial<NodeParts> {
  const seconds = 1_795_341_600.123_456 + changes * 12.345_678;
  const counter = (total: number): Counter => ({ total, increase: 1, windowSeconds: 5.002, reset: false });
  const rules = 24_000 - changes * 2;
  return {
    kubeProxy: kubeProxy({
      believedRules: [
        { family: 'ipv4', table: 'nat', rules },
        { family: 'ipv4', table: 'filter', rules: 12 },
      ],
      lastSync: [{ family: 'ipv4', seconds }],
      lastQueued: [{ family: 'ipv4', seconds: seconds - 0.25 }],
      serviceChanges: counter(services),
      endpointChanges: counter(services * endpoints + changes),
      programmingP99Seconds: 0.512,
    }),
    iptables: iptables({ rules: rules + 40, kubeRules: { nat: rules, filter: 12 } }),
  };
}

/** Passes a TCP connection on, and counts what goes by. */
class CountingProxy {
  bytes = 0;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => this.#pass(socket));
  readonly #target: number;

  constructor(target: number) {
    this.#target = target;
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    if (typeof address !== 'object' || address === null) throw new Error('a listening server has an address');
    return address.port;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #pass(socket: Socket): void {
    const onwards = connect(this.#target, '127.0.0.1');
    for (const [from, to] of [
      [socket, onwards],
      [onwards, socket],
    ] as const) {
      this.#sockets.add(from);
      from.setNoDelay(true);
      from.on('error', () => to.destroy());
      from.on('data', (piece) => {
        this.bytes += piece.length;
        to.write(piece);
      });
      from.on('close', () => to.destroy());
    }
  }
}

/** A token is the name of its node. */
const authenticator: AgentAuthenticator = {
  authenticate: async ({ authorization }) => {
    const node = authorization?.replace('Bearer ', '') ?? '';
    return { ok: true, identity: { node, podUid: null, expiresAt: null } };
  },
  forgetPod: () => undefined,
  figures: () => [],
};

/** A server, two agents, and a counter on the way of the second. */
class Bench {
  readonly #folder = mkdtempSync(join(tmpdir(), 'plumbline-bytes-'));
  readonly #ingest: RunningIngest;
  readonly #clock = new ManualClock();
  readonly #streams: AgentStream[] = [];
  readonly #loops = new Map<string, FakeLoop>();
  readonly #numbers = new Map<string, number>();
  #proxy: CountingProxy | null = null;

  constructor() {
    const authority = testAuthority();
    const { certificate, key } = authority.issue();
    const file = (name: string, text: string): string => {
      writeFileSync(join(this.#folder, name), text, { mode: 0o600 });
      return join(this.#folder, name);
    };
    file('ca.crt', authority.certificate);
    authority.remove();
    const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
    const certificates = new CertificateFiles({
      certificateFile: file('tls.crt', certificate),
      keyFile: file('tls.key', key),
      now: Date.now,
      log,
    });
    this.#ingest = new RunningIngest([], {
      listeners: [{ kind: 'tls', host: '127.0.0.1', port: 0, certificates, authenticator }],
    });
    this.#ingest.server.subscribe((event) => {
      if (event.kind === 'report') this.#ingest.server.acknowledge(event.report.node, event.sequence);
    });
  }

  async start(): Promise<void> {
    await this.#ingest.server.start();
    const port = this.#ingest.server.ports()[0] ?? 0;
    this.#proxy = new CountingProxy(port);
    const first = reading(1, { rows: rows(endpoints), parts: figures(0) });
    await this.#connect('node-a', port, first);
    await this.#connect('node-b', await this.#proxy.listen(), first);
    for (const node of this.#loops.keys()) await this.#reported(node, 1);
    await this.beat();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#streams.map((stream) => stream.stop()));
    this.#proxy?.close();
    await this.#ingest.stop();
    rmSync(this.#folder, { recursive: true });
  }

  /** The node's agent reads, and its report gets through. */
  async read(node: string, sketch: Parameters<typeof reading>[1]): Promise<void> {
    const number = (this.#numbers.get(node) ?? 1) + 1;
    this.#numbers.set(node, number);
    this.#loops.get(node)?.read(reading(number, sketch));
    await this.#reported(node, number);
  }

  /** Ten seconds pass: every agent says its heartbeat. */
  async beat(): Promise<void> {
    await this.#clock.advance(heartbeatSeconds);
    await settled();
  }

  /** What `act` costs on the second agent's connection; nothing else may be said meanwhile. */
  async bytesOf(act: () => Promise<void>, agents = 1): Promise<SaidBytes> {
    await settled();
    const before = { messages: this.#ingest.figure('ingest_bytes_total'), wire: this.#proxy?.bytes ?? 0 };
    await act();
    await settled();
    const messages = this.#ingest.figure('ingest_bytes_total') - before.messages;
    return { messages: messages / agents, wire: (this.#proxy?.bytes ?? 0) - before.wire };
  }

  async #connect(node: string, port: number, first: NodeReading): Promise<void> {
    const loop = new FakeLoop();
    loop.read(first);
    this.#loops.set(node, loop);
    const tokenFile = join(this.#folder, `${node}.token`);
    writeFileSync(tokenFile, node, { mode: 0o600 });
    const stream = new AgentStream({
      source: loop,
      addresses: [`127.0.0.1:${port}`],
      nodeName: node,
      agentVersion: '0.1.0',
      credentials: { tokenFile, caFile: join(this.#folder, 'ca.crt'), serverName: 'aggregator.test' },
      dialSpreadSeconds: 0,
      log: { info: () => undefined, warn: (fields) => process.stderr.write(`${JSON.stringify(fields)}\n`) },
      clock: this.#clock,
    });
    this.#streams.push(stream);
    void stream.run();
    await this.#clock.advance(0);
  }

  async #reported(node: string, number: number): Promise<void> {
    await this.#ingest.until(
      (event) => event.kind === 'report' && event.report.node === node && event.report.reading.endsWith(`/${number}`),
    );
  }
}

/** Nothing is on its way any more. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 200));
}

if (import.meta.main) {
  const bench = new Bench();
  await bench.start();
  const [one, two] = [1, 2].map((changes) => ({ rows: rows(endpoints - changes), parts: figures(changes) }));
  await bench.read('node-a', one);
  const change = await bench.bytesOf(() => bench.read('node-b', one));
  await bench.read('node-a', two);
  const nextChange = await bench.bytesOf(() => bench.read('node-b', two));
  // Both agents have the same to say at each heartbeat; the second one's connection alone is looked at.
  const heartbeatWithFigures = await bench.bytesOf(() => bench.beat(), 2);
  const heartbeat = await bench.bytesOf(() => bench.beat(), 2);
  const unchanged = await bench.bytesOf(() => bench.read('node-b', two));
  await bench.stop();
  const told: StreamBytes = { change, nextChange, heartbeatWithFigures, heartbeat, unchanged };
  process.stdout.write(`${JSON.stringify(told)}\n`);
}
