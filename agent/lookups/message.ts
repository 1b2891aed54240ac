/** DNS messages (RFC 1035) of lookups: one question for addresses, and what its answer says. */
import { type DecodedPacket, decode, encode, RECURSION_DESIRED } from 'dns-packet';
import { type Address, parseAddress } from '../../proto/address.ts';

export interface Question {
  /** With its last dot: nothing is appended. */
  readonly name: string;
  readonly type: 'A' | 'AAAA';
}

export interface Answer {
  /** `NOERROR`, `NXDOMAIN`, `SERVFAIL`, ... */
  readonly rcode: string;
  readonly addresses: readonly Address[];
  readonly truncated: boolean;
}

const mostAddresses = 8;

/** @param id 16 bits that nobody can guess. */
export function questionBytes(id: number, { name, type }: Question): Buffer {
  const bytes = encode({
    type: 'query',
    id,
    flags: RECURSION_DESIRED,
    questions: [{ type, name: name.replace(/\.$/, ''), class: 'IN' }],
  });
  return Buffer.from(bytes);
}

/** What an answer says; null of bytes that are no answer to the question; why, where they cannot be read. */
export function answerOf(bytes: Buffer, id: number, question: Question): Answer | null | { readonly bad: string } {
  let packet: DecodedPacket & { readonly rcode?: string };
  try {
    packet = decode(bytes);
  } catch (cause) {
    return { bad: `no DNS message: ${cause instanceof Error ? cause.message : String(cause)}`.slice(0, 64) };
  }
  const [asked] = packet.questions ?? [];
  if (packet.type !== 'response' || packet.id !== id) return null;
  // Some servers refuse without repeating the question.
  const isRefusal = asked === undefined && (packet.rcode ?? 'NOERROR') !== 'NOERROR';
  if (!isRefusal && !isSame(asked, question)) return null;
  const answers = packet.answers ?? [];
  const addresses = answers.flatMap((record) =>
    record.type === question.type && typeof record.data === 'string' ? (parseAddress(record.data) ?? []) : [],
  );
  return {
    rcode: packet.rcode ?? 'NOERROR',
    addresses: [...new Set(addresses)].sort().slice(0, mostAddresses),
    truncated: packet.flag_tc,
  };
}

function isSame(
  asked: { readonly name: string; readonly type: string } | undefined,
  { name, type }: Question,
): boolean {
  return asked?.type === type && asked.name.toLowerCase() === name.replace(/\.$/, '').toLowerCase();
}
