/** Asks one server one question, and says what came of it. Never rejects. */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { familyOf } from '../../proto/address.ts';
import type { Clock } from '../clock.ts';
import { type Answer, answerOf, questionBytes } from './message.ts';
import type { PlannedLookup } from './planned-lookups.ts';

export type LookupOutcome =
  | { readonly kind: 'answered'; readonly answer: Answer; readonly milliseconds: number }
  /** `timeout`, `ECONNREFUSED`, `bad answer: ...`. */
  | { readonly kind: 'failed'; readonly error: string };

export type Ask = (lookup: PlannedLookup, clock: Pick<Clock, 'monotonicMs'>) => Promise<LookupOutcome>;

const usualWaitMs = 2_000;
/** Two bytes say how long a message over TCP is. */
const lengthBytes = 2;
const timeout: LookupOutcome = { kind: 'failed', error: 'timeout' };

/** A new port and a new id for each question: nobody answers in the server's place, and no state of an earlier one decides. */
export const ask = (
  lookup: PlannedLookup,
  clock: Pick<Clock, 'monotonicMs'>,
  waitMs = usualWaitMs,
): Promise<LookupOutcome> =>
  lookup.protocol === 'udp' ? askByUdp(lookup, clock, waitMs) : askByTcp(lookup, clock, waitMs);

function askByUdp(
  { server, port, question }: PlannedLookup,
  clock: Pick<Clock, 'monotonicMs'>,
  waitMs: number,
): Promise<LookupOutcome> {
  const id = randomInt(65_536);
  const startMs = clock.monotonicMs();
  return new Promise((resolve) => {
    const socket = createSocket(familyOf(server) === 'ipv6' ? 'udp6' : 'udp4');
    let isOver = false;
    const end = (outcome: LookupOutcome): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      socket.close();
      resolve(outcome);
    };
    const failed = (cause: unknown): void => end({ kind: 'failed', error: codeOf(cause) });
    const timer = setTimeout(() => end(timeout), waitMs);
    socket.on('error', failed);
    // A connected socket gets packets of the server alone, and hears that nobody listens there.
    socket.on('message', (bytes) => {
      const outcome = outcomeOf(answerOf(bytes, id, question), clock.monotonicMs() - startMs);
      if (outcome !== null) end(outcome);
    });
    socket.connect(port, server, (cause?: unknown) => {
      if (cause) failed(cause);
      else if (!isOver) socket.send(questionBytes(id, question), (problem) => problem && failed(problem));
    });
  });
}

function askByTcp(
  { server, port, question }: PlannedLookup,
  clock: Pick<Clock, 'monotonicMs'>,
  waitMs: number,
): Promise<LookupOutcome> {
  const id = randomInt(65_536);
  const startMs = clock.monotonicMs();
  return new Promise((resolve) => {
    const socket = connect({ host: server, port, autoSelectFamily: false });
    const pieces: Buffer[] = [];
    let size = 0;
    let wanted = lengthBytes;
    const end = (outcome: LookupOutcome): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(outcome);
    };
    const timer = setTimeout(() => end(timeout), waitMs);
    socket.on('error', (cause) => end({ kind: 'failed', error: codeOf(cause) }));
    socket.on('end', () => end({ kind: 'failed', error: 'bad answer: the connection was closed' }));
    socket.on('connect', () => {
      const message = questionBytes(id, question);
      const length = Buffer.alloc(lengthBytes);
      length.writeUInt16BE(message.length);
      socket.write(Buffer.concat([length, message]));
    });
    socket.on('data', (piece) => {
      pieces.push(piece);
      size += piece.length;
      // No more than one message of 64 KiB is ever waited for, and its pieces are put together twice, however many.
      if (size < wanted) return;
      const received = Buffer.concat(pieces);
      wanted = lengthBytes + received.readUInt16BE(0);
      if (size < wanted) return;
      const message = received.subarray(lengthBytes, wanted);
      const answer = answerOf(message, id, question) ?? { bad: 'an answer to another question' };
      end(outcomeOf(answer, clock.monotonicMs() - startMs) ?? timeout);
    });
  });
}

/** Null of what is no answer to the question: it is waited past. */
function outcomeOf(answer: ReturnType<typeof answerOf>, milliseconds: number): LookupOutcome | null {
  if (answer === null) return null;
  if ('bad' in answer) return { kind: 'failed', error: `bad answer: ${answer.bad}` };
  return { kind: 'answered', answer, milliseconds };
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code).slice(0, 64) : String(cause).slice(0, 64);
}
