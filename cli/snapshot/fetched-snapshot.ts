/** A snapshot through the aggregator: all nodes, as far as their agents told. */
import { createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { connectionRefusal, notRead, statusRefusal, urlOf } from '../api/client.ts';
import type { Connection } from '../api/connection.ts';
import { unpackBundle } from '../bundle-archive.ts';
import { done, type Outcome, refused, systemReason } from '../refusal.ts';
import type { Destination } from './destination.ts';

const rightAdvice = `Snapshots take a right of their own, which whoever only looks has not. Name a ServiceAccount, or whoever you are,
in access.snapshotTakers of the chart, and show a token:
  kubectl create token NAME --namespace NAMESPACE --audience plumbline-http > token
  plumbline snapshot --token-file token --out FILE.tar.gz`;
/** The aggregator ends one that takes longer. */
const deadlineMs = 11 * 60_000;
const mostBytes = 4 * 1024 ** 3;
const mostRefusalBytes = 64 * 1024;

/**
 * Fetches it to where the destination is made.
 * @returns the archive's bytes.
 */
export async function fetchSnapshot(connection: Connection, destination: Destination): Promise<Outcome<number>> {
  const url = urlOf(connection.url, 'api/v1/snapshot');
  const answer = await open(connection, url);
  if (!answer.ok) return answer;
  const { body } = answer.value;
  if (body === null) return notRead(url, 'nothing');
  const file = createWriteStream(destination.archive, { flags: 'wx', mode: 0o600 });
  try {
    await pipeline(Readable.fromWeb(body), capped(), file);
  } catch (cause) {
    return brokenOff(url, cause);
  }
  const { size } = await stat(destination.archive);
  if (destination.kind === 'archive') return done(size);
  const unpacked = await unpackBundle(destination.archive, destination.folder);
  if (unpacked.ok) return done(size);
  return refused('unpack the snapshot', unpacked.message, 'Try again, or keep it packed: --out FILE.tar.gz.');
}

async function open(connection: Connection, url: URL): Promise<Outcome<Response>> {
  try {
    const signal = AbortSignal.timeout(deadlineMs);
    const response = await connection.request(url, { signal, headers: { accept: 'application/gzip' } });
    if (response.status !== 200) {
      const refusal = statusRefusal(url, response, await shortBody(response));
      return { ok: false, refusal: response.status === 403 ? { ...refusal, advice: rightAdvice } : refusal };
    }
    const type = response.headers.get('content-type') ?? '';
    if (type.startsWith('application/gzip')) return done(response);
    await response.body?.cancel();
    return notRead(url, type === '' ? 'something without a type' : type);
  } catch (cause) {
    return { ok: false, refusal: connectionRefusal(url, cause) };
  }
}

async function shortBody(response: Response): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of response.body ?? []) {
    bytes += piece.byteLength;
    if (bytes > mostRefusalBytes) break;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

/** Hands pieces on, up to a limit: an answer without an end must not fill the disk. */
function capped(): Transform {
  let bytes = 0;
  return new Transform({
    transform(piece: Buffer, _encoding, next) {
      bytes += piece.length;
      if (bytes > mostBytes) next(new Error(`more than ${mostBytes} bytes`));
      else next(null, piece);
    },
  });
}

/** The disk is full, or the other side has gone. */
function brokenOff(url: URL, cause: unknown): Outcome<never> {
  const isOfDisk =
    cause instanceof Error && 'code' in cause && ['ENOSPC', 'EDQUOT', 'EIO', 'EFBIG'].includes(String(cause.code));
  if (isOfDisk)
    return refused('write the snapshot', systemReason(cause), 'Make room, or name another place with --out.');
  const { cameBack } = connectionRefusal(url, cause);
  return refused(
    `fetch ${url}`,
    `it broke off: ${cameBack}`,
    "Try again; if it stays, the aggregator's log says more.",
  );
}
