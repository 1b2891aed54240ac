import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomEdit } from '../../test/property/random-table.ts';
import { digest } from '../canonical.ts';
import type * as wire from '../generated/plumbline/agent/v1/agent.ts';
import type { Part } from '../parts.ts';
import { digestBytes } from './digest-bytes.ts';
import { applyPart, type PartContent, partChange, partContent, withMembers } from './part.ts';

function ok<T extends object>(value: T): Part<T> {
  return { state: 'ok', value, collectedAt: '2026-11-22T10:00:00.000Z' };
}

function contentOf(part: Part<object>): PartContent {
  const content = partContent('links', part);
  if (content === null) throw new Error('absent');
  return content;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (utf8: Uint8Array): string => new TextDecoder().decode(utf8);

/** A part as somebody sends it whose digest is right. */
function sent(json: string): wire.Part {
  return { name: 'links', digest: digestBytes(digest(json)), json: bytes(json), base: new Uint8Array(0) };
}

describe('what travels of a part', () => {
  it('is its value without the time', () => {
    const json = '{"state":"ok","value":{"b":1,"a":[null]}}';
    expect(partContent('links', ok({ b: 1, a: [null] }))).toEqual({
      json,
      digest: digest(json),
      members: new Map([
        ['b', '1'],
        ['a', '[null]'],
      ]),
    });
  });

  it('is the reason where it failed', () => {
    expect(partContent('links', { state: 'failed', reason: 'no "ip"' })?.json).toBe(
      '{"state":"failed","reason":"no \\"ip\\""}',
    );
  });

  it('is nothing where it is absent', () => {
    expect(partContent('links', { state: 'absent' })).toBeNull();
  });

  it('leaves out of forwarding what travels as leaves', () => {
    const value = { mode: 'iptables', table: new Map(), owners: new Map(), unlisted: null };
    expect(partContent('forwarding', ok(value))?.json).toBe(
      '{"state":"ok","value":{"mode":"iptables","unlisted":null}}',
    );
  });
});

describe('a change of a part', () => {
  const base = contentOf(ok({ mode: 'iptables', version: 'v1.36.2', problems: ['none'] }));
  const next = contentOf(ok({ mode: 'iptables', version: 'v1.36.3', problems: ['none'] }));

  it('is what changed', () => {
    const change = partChange('kubeProxy', base, next);
    expect({ ...change, json: text(change.json) }).toEqual({
      name: 'kubeProxy',
      digest: digestBytes(next.digest),
      json: '{"version":"v1.36.3"}',
      base: digestBytes(base.digest),
    });
    expect(applyPart(change, base.json)).toEqual({ ok: true, value: next.json });
  });

  it.each([
    ['there is no base', null, next],
    ['one of them failed', contentOf({ state: 'failed', reason: 'x' }), next],
    ['it has other members', contentOf(ok({ mode: 'iptables' })), next],
    ['its members are in another order', contentOf(ok({ b: 1, a: 2 })), contentOf(ok({ a: 2, b: 1 }))],
  ])('is the whole part where %s', (_, from, to) => {
    const change = partChange('kubeProxy', from, to);
    expect(change.base.length).toBe(0);
    expect(applyPart(change, null)).toEqual({ ok: true, value: to.json });
  });

  it('does not fit another base, or none', () => {
    const change = partChange('kubeProxy', base, next);
    const other = contentOf(ok({ mode: 'ipvs', version: 'v1.36.2', problems: [] }));
    expect(applyPart(change, null)).toEqual({ ok: false, message: 'part "kubeProxy" does not fit its base' });
    expect(applyPart(change, other.json)).toMatchObject({ ok: false });
    expect(applyPart(change, '{"state":"failed","reason":"x"}')).toMatchObject({ ok: false });
  });

  it('may be of some members only, with the others as they were', () => {
    const held = withMembers(next, new Map([['version', '"v1.36.2"']]));
    expect(held).toEqual(base);
  });
});

const member = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('__proto__', 'constructor', '7', '10', ''));
/** Objects whose members may be called anything; made as JSON.parse makes them. */
const value = fc
  .array(fc.tuple(member, fc.jsonValue()), { maxLength: 5 })
  .map((members) => Object.fromEntries(members) as object);

describe('parts of any value', () => {
  it('travel byte for byte, whole or as a change', () => {
    fc.assert(
      fc.property(value, value, fc.nat(4), (first, second, keep) => {
        // Often the second is the first with other values, so that there is a change to speak of.
        const alike = Object.fromEntries(
          Object.entries(first).map(([name, own], at) => [name, at === keep ? Object.values(second)[0] : own]),
        );
        const base = contentOf(ok(first));
        expect(base.json).toBe(JSON.stringify({ state: 'ok', value: first }));
        for (const one of [second, alike]) {
          const next = contentOf(ok(one));
          expect(applyPart(partChange('links', null, next), null)).toEqual({ ok: true, value: next.json });
          expect(applyPart(partChange('links', base, next), base.json)).toEqual({ ok: true, value: next.json });
          // Noisy members are held back one by one: what is then sent is a part like any other.
          const held = withMembers(next, new Map([...(base.members ?? [])].slice(keep)));
          expect(applyPart(partChange('links', next, held), next.json)).toEqual({ ok: true, value: held.json });
        }
      }),
      { seed: 20_261_122, numRuns: 2_000 },
    );
  });

  it('change no prototype', () => {
    const hostile = contentOf(JSON.parse('{"state":"ok","value":{"__proto__":{"polluted":1},"a":1}}'));
    const next = contentOf(JSON.parse('{"state":"ok","value":{"__proto__":{"polluted":2},"a":1}}'));
    const change = partChange('links', hostile, next);
    expect(text(change.json)).toBe('{"__proto__":{"polluted":2}}');
    expect(applyPart(change, hostile.json)).toEqual({ ok: true, value: next.json });
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });

  it('that were tampered with never throw, and never pass for what their digest stands for', () => {
    const base = contentOf(ok({ a: 'one', b: [1, 2, { c: null }] }));
    const next = contentOf(ok({ a: 'two', b: [1, 2, { c: null }] }));
    fc.assert(
      fc.property(fc.boolean(), fc.array(randomEdit, { minLength: 1, maxLength: 3 }), (whole, edits) => {
        const part = partChange('links', whole ? null : base, next);
        const json = edits.reduce((edited: Uint8Array, edit) => edit(edited), part.json);
        const applied = applyPart({ ...part, json }, base.json);
        if (applied.ok) expect(applied.value).toBe(next.json);
      }),
      { seed: 20_261_122, numRuns: 2_000 },
    );
  });
});

describe('a part is refused', () => {
  it.each([
    ['blanks', '{"state":"ok", "value":{}}'],
    ['a member twice', '{"state":"ok","value":{"a":1,"a":1}}'],
    ['no state', '{"value":{}}'],
    ['a state that is none', '{"state":"absent"}'],
    ['a byte order mark', '\ufeff{"state":"ok","value":{}}'],
    ['no object', '[]'],
    ['no JSON', 'state'],
  ])('for %s, though its digest is right', (_, json) => {
    expect(applyPart(sent(json), null)).toEqual({ ok: false, message: 'part "links" is not the JSON of a part' });
  });

  it('for nesting without end', () => {
    const json = `{"state":"ok","value":${'['.repeat(200_000)}${']'.repeat(200_000)}}`;
    expect(applyPart(sent(json), null)).toMatchObject({ ok: false });
  });

  it('for bytes that are no text, and without a digest', () => {
    const part = sent('{"state":"ok","value":{}}');
    expect(applyPart({ ...part, json: new Uint8Array([0xff, 0xfe]) }, null)).toEqual({
      ok: false,
      message: 'part "links" is not UTF-8',
    });
    expect(applyPart({ ...part, digest: new Uint8Array(3) }, null)).toEqual({
      ok: false,
      message: 'part "links" has no digest',
    });
  });

  it('for another digest', () => {
    const part = { ...sent('{"state":"ok","value":{}}'), digest: digestBytes(digest('')) };
    expect(applyPart(part, null)).toEqual({
      ok: false,
      message: `part "links" of digest ${digest('')} has digest ${digest('{"state":"ok","value":{}}')}`,
    });
  });
});
