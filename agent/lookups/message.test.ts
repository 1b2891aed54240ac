import { type Answer as Record, encode, RECURSION_DESIRED, TRUNCATED_RESPONSE } from 'dns-packet';
import { describe, expect, it } from 'vitest';
import { address } from '../../test/builders.ts';
import { answerOf, type Question, questionBytes } from './message.ts';

const question: Question = { name: 'kubernetes.default.svc.cluster.local.', type: 'A' };
const name = 'kubernetes.default.svc.cluster.local';
const id = 4711;

interface Sketch {
  readonly id?: number;
  readonly flags?: number;
  readonly questions?: readonly { readonly name: string; readonly type: 'A' | 'AAAA' }[];
  readonly answers?: readonly Record[];
}

function answer({ id: of = id, flags = 0, questions = [{ name, type: 'A' }], answers = [] }: Sketch = {}): Buffer {
  const packet = { type: 'response', id: of, flags, questions: [...questions], answers: [...answers] } as const;
  return Buffer.from(encode({ ...packet, questions: [...questions], answers: [...answers] }));
}

const a = (data: string): Record => ({ type: 'A', name, ttl: 30, data });
const servfail = 2;
const nxdomain = 3;
const refused = 5;

describe('a question', () => {
  // RFC 1035, 4.1: header of six words, the name as labels, type and class.
  it('is one name of one type, with recursion desired', () => {
    expect(questionBytes(0x1267, { name: 'a.bc.', type: 'AAAA' })).toEqual(
      Buffer.from('126701000001000000000000' + '01610262630000' + '1c0001', 'hex'),
    );
    expect(RECURSION_DESIRED).toBe(0x0100);
  });
});

describe('an answer', () => {
  it.each([
    [
      'with addresses, each once and in order',
      { answers: [a('10.96.0.2'), a('10.96.0.1'), a('10.96.0.2')] },
      ['10.96.0.1', '10.96.0.2'],
    ],
    [
      'in another spelling',
      { questions: [{ name: name.toUpperCase(), type: 'A' }], answers: [a('10.96.0.1')] },
      ['10.96.0.1'],
    ],
    [
      'with records of other types beside',
      { answers: [{ type: 'CNAME', name, data: 'x.example' }, a('10.96.0.1')] },
      ['10.96.0.1'],
    ],
    ['without records', {}, []],
    [
      'with more than eight',
      { answers: Array.from({ length: 20 }, (_, n) => a(`10.0.0.${n + 10}`)) },
      ['10.0.0.10', '10.0.0.11', '10.0.0.12', '10.0.0.13', '10.0.0.14', '10.0.0.15', '10.0.0.16', '10.0.0.17'],
    ],
  ] as const)('%s', (_, sketch, addresses) => {
    expect(answerOf(answer(sketch as Sketch), id, question)).toEqual({
      rcode: 'NOERROR',
      addresses: addresses.map(address),
      truncated: false,
    });
  });

  it.each([
    ['NXDOMAIN', { flags: nxdomain }],
    ['SERVFAIL', { flags: servfail }],
    ['REFUSED', { flags: refused }],
    // As some servers refuse: RFC 9619 asks for one question at most.
    ['REFUSED', { flags: refused, questions: [] }],
  ])('of %s', (rcode, sketch) => {
    expect(answerOf(answer(sketch), id, question)).toEqual({ rcode, addresses: [], truncated: false });
  });

  it('that was cut says so', () => {
    expect(answerOf(answer({ flags: TRUNCATED_RESPONSE }), id, question)).toEqual({
      rcode: 'NOERROR',
      addresses: [],
      truncated: true,
    });
  });

  it.each<readonly [string, Buffer]>([
    ['another id', answer({ id: id + 1 })],
    ['another name', answer({ questions: [{ name: 'evil.example', type: 'A' }] })],
    ['another type', answer({ questions: [{ name, type: 'AAAA' }] })],
    ['no question, and says that all is well', answer({ questions: [], answers: [a('10.96.0.1')] })],
    ['the question itself', questionBytes(id, question)],
  ])('with %s is none', (_, bytes) => {
    expect(answerOf(bytes, id, question)).toBeNull();
  });

  it.each<readonly [string, Buffer]>([
    ['nothing', Buffer.alloc(0)],
    ['noise', Buffer.from('deadbeefdeadbeefdeadbeefdeadbeef', 'hex')],
    ['a cut one', answer({ answers: [a('10.96.0.1')] }).subarray(0, 40)],
    // A pointer that points to itself.
    ['a name without an end', Buffer.concat([answer().subarray(0, 12), Buffer.from('c00c00010001', 'hex')])],
  ])('of %s is called bad', (_, bytes) => {
    const told = answerOf(bytes, id, question);
    expect(told).toEqual({ bad: expect.stringMatching(/^no DNS message: ./) });
  });

  it('of any bytes never throws', () => {
    for (let seed = 0; seed < 2_000; seed++) {
      const bytes = answer({ answers: [a('10.96.0.1'), a('10.96.0.2')] });
      bytes.writeUInt8((seed * 37) & 255, seed % bytes.length);
      bytes.writeUInt8((seed * 101) & 255, (seed * 7) % bytes.length);
      const told = answerOf(bytes.subarray(0, bytes.length - (seed % 5)), id, question);
      if (told !== null && 'bad' in told) expect(told.bad.length).toBeLessThanOrEqual(64);
    }
  });
});
