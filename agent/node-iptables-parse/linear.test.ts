import { describe, expect, it } from 'vitest';
import { parseRules, RulesetReader } from './reader.ts';
import { HEAD, optionsFor, TRAILER } from './sample.ts';
import { spread } from './words.ts';

const SEED = 7;

/** A dump as kube-proxy makes it: per endpoint a chain of two rules, per twenty endpoints a chain of twenty jumps. */
function dumpOf(services: number): Buffer {
  const chains: string[] = [];
  const rules: string[] = [];
  for (let service = 0; service < services; service += 1) {
    chains.push(`:KUBE-SVC-${service} - [0:0]`);
    for (let endpoint = 0; endpoint < 20; endpoint += 1) {
      const id = service * 20 + endpoint;
      const address = `10.${id >> 16}.${(id >> 8) & 255}.${id & 255}`;
      chains.push(`:KUBE-SEP-${id} - [0:0]`);
      rules.push(
        `-A KUBE-SVC-${service} -m statistic --mode random --probability 0.${1e10 + endpoint} -j KUBE-SEP-${id}`,
      );
      rules.push(`-A KUBE-SEP-${id} -s ${address}/32 -m comment --comment "svc-${service}" -j KUBE-MARK-MASQ`);
      rules.push(`-A KUBE-SEP-${id} -p tcp -m tcp -j DNAT --to-destination ${address}:8080`);
    }
  }
  return Buffer.from(`${HEAD}*nat\n:KUBE-MARK-MASQ - [0:0]\n${[...chains, ...rules].join('\n')}\nCOMMIT\n${TRAILER}`);
}

/** Median CPU time of five readings, in microseconds. */
function cpuOf(dump: Buffer): number {
  const times = Array.from({ length: 5 }, () => {
    const before = process.cpuUsage();
    const reader = new RulesetReader({ ...optionsFor('nat'), seed: SEED });
    for (let at = 0; at < dump.length; at += 1 << 16) reader.push(dump.subarray(at, at + (1 << 16)));
    if (!reader.finish().ok) throw new Error('refused');
    const { user, system } = process.cpuUsage(before);
    return user + system;
  });
  return times.sort((a, b) => a - b)[2] ?? 0;
}

describe('the time to read a dump', () => {
  it('grows with its length, not faster', () => {
    cpuOf(dumpOf(500));
    const [once, twice, fourTimes] = [500, 1000, 2000].map((services) => cpuOf(dumpOf(services)));
    if (once === undefined || twice === undefined || fourTimes === undefined) throw new Error('three times expected');
    expect(twice / once).toBeLessThan(3);
    expect(fourTimes / twice).toBeLessThan(3);
  });

  it('is bounded for words made to collide under a known seed', () => {
    const lines = collidingWords(40_000).map((word) => `-A KUBE-MARK-MASQ -s ${word}`);
    expect(cpuOf(dumpWith(':KUBE-MARK-MASQ - [0:0]', ...lines))).toBeLessThan(1_500_000);
  });

  it('is not paid at all for chains made to collide: the dump is refused', () => {
    const lines = collidingWords(1_000).map((word) => `:${word} - [0:0]`);
    const result = parseRules(dumpWith(...lines), { ...optionsFor('nat'), seed: SEED });
    expect(result).toMatchObject({ ok: false, failure: { line: 259, code: 'too-big' } });
    expect(parseRules(dumpWith(...lines), { ...optionsFor('nat'), seed: SEED + 1 }).ok).toBe(true);
  });
});

function dumpWith(...lines: readonly string[]): Buffer {
  return Buffer.from(`${HEAD}*nat\n${lines.join('\n')}\nCOMMIT\n${TRAILER}`, 'latin1');
}

/**
 * Words of eight bytes with one hash under SEED: the second four bytes undo what the first four did to the state.
 * The step is that of words.ts.
 */
function collidingWords(count: number): readonly string[] {
  const words: string[] = [];
  const word = Buffer.alloc(8);
  for (let i = 0; words.length < count; i += 1) {
    word.write(i.toString(36).padStart(4, 'x'));
    const mixed = Math.imul(spread(SEED) ^ word.length ^ word.readInt32LE(0), 0x9e3779b1);
    word.writeInt32LE(mixed ^ (mixed >>> 15), 4);
    if (word.subarray(4).every((byte) => byte > 32)) words.push(word.toString('latin1'));
  }
  return words;
}
