import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomEdit } from '../../test/property/random-table.ts';
import * as wire from '../generated/plumbline/agent/v1/agent.ts';
import { mostWays, type Way, wayFailures, wayKinds } from '../ways.ts';
import { decodeWays, encodeWays } from './ways.ts';

const service: Way = {
  address: 'plumbline-aggregator.plumbline.svc:8443',
  kind: 'service',
  inUse: false,
  workedAgeMs: null,
  failedAgeMs: 4_000,
  failingAgeMs: 64_000,
  reason: 'refused',
};
const pod: Way = {
  address: '10.244.1.7:8443',
  kind: 'pod',
  inUse: true,
  workedAgeMs: 0,
  failedAgeMs: null,
  failingAgeMs: null,
  reason: null,
};

function bytesOf(...ways: readonly Way[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(wire.Ways.encode(encodeWays(ways)).finish());
}

function messageOf(bytes: Uint8Array): wire.Ways | null {
  try {
    return wire.Ways.decode(bytes);
  } catch {
    return null;
  }
}

/** What is said of a way with this change; null when it is taken. */
function refusal(change: Partial<wire.Way>, ...others: readonly Way[]): string | null {
  const { ways } = encodeWays([service, ...others]);
  const decoded = decodeWays({ ways: ways.map((way, index) => (index === 0 ? { ...way, ...change } : way)) });
  return decoded.ok ? null : decoded.message;
}

describe('ways on the wire', () => {
  it('come out as they went in', () => {
    const moments = fc.record({
      workedAgeMs: fc.option(fc.nat(4_000_000_000)),
      failed: fc.option(
        fc.record({
          ago: fc.nat(1_000),
          began: fc.option(fc.nat(1_000)),
          reason: fc.option(fc.constantFrom(...wayFailures)),
        }),
      ),
    });
    const way = fc.record({ port: fc.integer({ min: 1, max: 65_535 }), kind: fc.constantFrom(...wayKinds), moments });
    fc.assert(
      fc.property(fc.uniqueArray(way, { maxLength: mostWays, selector: ({ port }) => port }), (sketches) => {
        const ways = sketches.map(
          ({ port, kind, moments: { workedAgeMs, failed } }): Way => ({
            address: `[fd00::7]:${port}`,
            kind,
            inUse: false,
            workedAgeMs,
            failedAgeMs: failed?.ago ?? null,
            failingAgeMs: failed == null || failed.began === null ? null : failed.ago + failed.began,
            reason: failed?.reason ?? null,
          }),
        );
        const message = messageOf(bytesOf(...ways));
        expect(message && decodeWays(message)).toEqual({ ok: true, value: ways });
      }),
      { numRuns: 200 },
    );
  });

  it('are as old as the wire can tell, where they are older', () => {
    const message = encodeWays([{ ...service, failedAgeMs: 2 ** 40, failingAgeMs: 2 ** 41 }]);
    expect(message.ways[0]).toMatchObject({ failedAgeMs: 0xffff_ffff, failingAgeMs: 0xffff_ffff });
    expect(decodeWays(message).ok).toBe(true);
  });

  it('of a later version keep what has a word here', () => {
    const { ways } = encodeWays([service]);
    expect(decodeWays({ ways: ways.map((way) => ({ ...way, kind: 'mesh', reason: 'quic' })) })).toEqual({
      ok: true,
      value: [{ ...service, kind: 'other', reason: null }],
    });
  });

  it('that were tampered with never throw, and never are more than may be shown', () => {
    const bytes = bytesOf(service, pod);
    fc.assert(
      fc.property(fc.array(randomEdit, { minLength: 1, maxLength: 4 }), (edits) => {
        const message = messageOf(edits.reduce((edited: Uint8Array, edit) => edit(edited), bytes));
        const decoded = message === null ? null : decodeWays(message);
        for (const { address } of decoded?.ok === true ? decoded.value : []) {
          expect(address).toMatch(/^[!-~]{1,253}$/);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('ways are refused', () => {
  const many = Array.from(
    { length: mostWays },
    (_, index): Way => ({ ...pod, inUse: false, address: `10.0.0.1:${index + 1}` }),
  );
  it.each<[string, Partial<wire.Way>, readonly Way[], string]>([
    ['that are too many', {}, many, '17 ways, of 16 at most'],
    ['one of which is told twice', {}, [service], 'a way that is told twice'],
    ['two of which carry one stream', { inUse: true, failingAgeMs: undefined }, [pod], 'two ways for one stream'],
    ['without an address', { address: '' }, [], 'a way that cannot be'],
    ['with an address that is too long', { address: 'a'.repeat(254) }, [], 'a way that cannot be'],
    ['with an address that a terminal would obey', { address: '\u001b[2J:1' }, [], 'a way that cannot be'],
    ['that fail and are in use', { inUse: true }, [], 'a way that cannot be'],
    ['that fail and never failed', { failedAgeMs: undefined }, [], 'a way that cannot be'],
    ['that began to fail after they failed last', { failingAgeMs: 3_999 }, [], 'a way that cannot be'],
  ])('%s', (_, change, others, message) => {
    expect(refusal(change, ...others)).toBe(message);
  });
});
