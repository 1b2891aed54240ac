/**
 * An aggregator and an agent in one namespace, with time a hundred times as fast for the agent: `node ways-pair.ts
 * FOLDER SERVICE POD`. The agent dials SERVICE first and learns of POD from its file. Prints one JSON line whenever the ways
 * that the aggregator hears of go otherwise than before: which one is in use, which fail and why, and the sentence.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, systemClock } from '../../agent/clock.ts';
import { AgentStream } from '../../agent/stream/client.ts';
import { waysSentence } from '../../aggregator/engine/ways-sentence.ts';
import { CertificateFiles } from '../../aggregator/ingest/tls-files.ts';
import type { AgentWay } from '../../aggregator/model/record.ts';
import { testAuthority } from '../certificates.ts';
import { RunningIngest } from '../ingest-peers.ts';
import { FakeLoop } from '../reading-builders.ts';

const haste = 100;

/** What the parent reads. */
export interface WaysLine {
  readonly inUse: string | null;
  readonly failing: readonly string[];
  readonly says: string | null;
}

const hasty: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now() * haste,
  sleep: (milliseconds, signal) => systemClock.sleep(milliseconds / haste, signal),
};

function lineOf(ways: readonly AgentWay[]): WaysLine {
  const since = /since \S+ /;
  return {
    inUse: ways.find(({ inUse }) => inUse)?.address ?? null,
    failing: ways.flatMap(({ address, failingSince, reason }) =>
      failingSince === null ? [] : [`${address} ${reason}`],
    ),
    says: waysSentence(ways)?.replace(since, 'since ... ') ?? null,
  };
}

async function main(folder: string, service: string, pod: string): Promise<void> {
  const inFolder = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const authority = testAuthority();
  const { certificate, key } = authority.issue();
  authority.remove();
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const certificates = new CertificateFiles({
    certificateFile: inFolder('tls.crt', certificate),
    keyFile: inFolder('tls.key', key),
    now: () => Date.now(),
    log,
  });
  const authenticator = {
    authenticate: () =>
      Promise.resolve({ ok: true as const, identity: { node: 'node-a', podUid: 'pod-1', expiresAt: null } }),
    forgetPod: () => {},
    figures: () => [],
  };
  const [host = '', port = ''] = pod.split(':');
  const listener = { kind: 'tls' as const, host, port: Number(port), certificates, authenticator };
  const ingest = new RunningIngest([], { listeners: [listener] });
  await ingest.server.start();
  let last = '';
  ingest.server.subscribe((event) => {
    if (event.kind !== 'heard' || event.ways === null) return;
    const line = JSON.stringify(lineOf(event.ways));
    if (line !== last) process.stdout.write(`${line}\n`);
    last = line;
  });
  const stream = new AgentStream({
    source: new FakeLoop(),
    addresses: [service],
    addressesFile: inFolder('addresses', `${pod}\n`),
    nodeName: 'node-a',
    agentVersion: '0.1.0',
    credentials: {
      tokenFile: inFolder('token', 'token'),
      caFile: inFolder('ca.pem', authority.certificate),
      serverName: 'aggregator.test',
    },
    dialSpreadSeconds: 0,
    log,
    clock: hasty,
  });
  await stream.run();
}

const [folder, service, pod] = process.argv.slice(2);
if (folder === undefined || service === undefined || pod === undefined) {
  throw new Error('usage: ways-pair.ts FOLDER SERVICE POD');
}
await main(folder, service, pod);
