/**
 * The packets of a probe, as UDP payloads (RFC 768 has the 8 bytes around them):
 *
 *     question  "PLBprob?"  nonce, 16 bytes  length of the payload, 2 bytes, big endian  zeros up to that length
 *     answer    "PLBprob!"  the same nonce   the same length                             zeros up to that length
 *
 * An answer is as long as its question: a large question tests both directions, and nobody gets more than was sent. An
 * answer is no question, so two listeners never talk to each other.
 */
import type { Family } from '../../proto/address.ts';

export const nonceBytes = 16;
/** The shortest payload of a question. */
export const smallBytes = 64;

const magicBytes = 8;
const question = Buffer.from('PLBprob?', 'latin1');
const answer = Buffer.from('PLBprob!', 'latin1');
const lengthAt = magicBytes + nonceBytes;

/** What is around the payload: the IP header without options, and that of UDP. */
const headerBytes: { readonly [family in Family]: number } = { ipv4: 28, ipv6: 48 };
/** The most that one packet takes: its length has 16 bits, which count IPv4's header and not that of IPv6. */
const longestPayload: { readonly [family in Family]: number } = { ipv4: 65_507, ipv6: 65_527 };

/** How long the payload of an IP packet of this length is; null where no probe has that length. */
export function payloadOf(packetBytes: number, family: Family): number | null {
  const bytes = packetBytes - headerBytes[family];
  return bytes >= smallBytes && bytes <= longestPayload[family] ? bytes : null;
}

/** The length of the IP packet that carries a payload. */
export function packetOf(payloadBytes: number, family: Family): number {
  return payloadBytes + headerBytes[family];
}

/** @param nonce 16 bytes. @param bytes from 64 to 65,527. */
export function questionOf(nonce: Uint8Array, bytes: number): Uint8Array {
  return packet(question, nonce, bytes);
}

/** The answer to a payload; null where that is no question. */
export function answerTo(payload: Uint8Array): Uint8Array | null {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const isQuestion =
    bytes.length >= smallBytes &&
    bytes.subarray(0, magicBytes).equals(question) &&
    bytes.readUInt16BE(lengthAt) === bytes.length;
  return isQuestion ? packet(answer, bytes.subarray(magicBytes, lengthAt), bytes.length) : null;
}

/** Whether a payload is the answer to this question. */
export function isAnswer(payload: Uint8Array, asked: Uint8Array): boolean {
  const expected = answerTo(asked);
  return expected !== null && Buffer.compare(payload, expected) === 0;
}

function packet(magic: Uint8Array, nonce: Uint8Array, bytes: number): Uint8Array {
  const payload = Buffer.alloc(bytes);
  payload.set(magic, 0);
  payload.set(nonce, magicBytes);
  payload.writeUInt16BE(bytes, lengthAt);
  return payload;
}
