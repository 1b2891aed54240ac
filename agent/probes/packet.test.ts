import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answerTo, isAnswer, packetOf, payloadOf, questionOf } from './packet.ts';

const nonce = new Uint8Array(16).fill(7);

describe('a question', () => {
  it('is a fixed word, the nonce, its own length, and zeros', () => {
    const bytes = Buffer.from(questionOf(nonce, 64));
    expect(bytes.toString('latin1')).toBe(`PLBprob?${'\x07'.repeat(16)}\x00\x40${'\0'.repeat(38)}`);
  });

  it.each([64, 1_472, 65_507])('of %i bytes is answered with as many', (length) => {
    const asked = questionOf(nonce, length);
    const answer = answerTo(asked);
    expect(answer?.length).toBe(length);
    expect(isAnswer(answer ?? new Uint8Array(), asked)).toBe(true);
  });
});

describe('no answer', () => {
  it('comes to an answer: two listeners would never end', () => {
    expect(answerTo(answerTo(questionOf(nonce, 64)) ?? new Uint8Array())).toBeNull();
  });

  it('comes to what is shorter than the shortest question, cut, or longer than it says', () => {
    const asked = questionOf(nonce, 1_472);
    expect(answerTo(new Uint8Array())).toBeNull();
    expect(answerTo(asked.subarray(0, 63))).toBeNull();
    expect(answerTo(asked.subarray(0, 1_471))).toBeNull();
    expect(answerTo(Buffer.concat([asked, Buffer.alloc(1)]))).toBeNull();
  });

  it('comes to anything at random, and none is longer than what came', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(answerTo(bytes)).toBeNull();
      }),
      { seed: 20_261_123, numRuns: 500 },
    );
  });
});

describe('what came', () => {
  it('is no answer to another question, of another nonce or length', () => {
    const asked = questionOf(nonce, 64);
    const other = answerTo(questionOf(new Uint8Array(16).fill(8), 64)) ?? new Uint8Array();
    const longer = answerTo(questionOf(nonce, 65)) ?? new Uint8Array();
    expect([isAnswer(other, asked), isAnswer(longer, asked), isAnswer(asked, asked)]).toEqual([false, false, false]);
  });
});

describe('the length of a packet', () => {
  it('counts the headers of IP and UDP', () => {
    expect([packetOf(64, 'ipv4'), packetOf(64, 'ipv6')]).toEqual([92, 112]);
    expect([payloadOf(1_500, 'ipv4'), payloadOf(1_500, 'ipv6')]).toEqual([1_472, 1_452]);
    expect([payloadOf(65_535, 'ipv4'), payloadOf(65_535, 'ipv6')]).toEqual([65_507, 65_487]);
  });

  it('is none that no probe can have', () => {
    expect([payloadOf(91, 'ipv4'), payloadOf(111, 'ipv6'), payloadOf(65_536, 'ipv4')]).toEqual([null, null, null]);
  });
});
