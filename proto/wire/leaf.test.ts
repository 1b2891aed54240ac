import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { address } from '../../test/builders.ts';
import { randomEdit, randomEntries } from '../../test/property/random-table.ts';
import type { Backend } from '../address.ts';
import { emptyLeaf, leafDigestOf, leafIndexOf, leafOf } from '../bucket-tree.ts';
import { frontendKey, parseFrontendKey } from '../canonical.ts';
import type { Entry, Fate, FrontendKey } from '../forwarding.ts';
import * as wire from '../generated/plumbline/agent/v1/agent.ts';
import { decodeLeaf, encodeLeaf } from './leaf.ts';

const noHint = (): null => null;

const fate: Fate = {
  route: {
    action: 'forward',
    backends: ['10.244.1.2:8080', '10.244.2.2:8080'] as Backend[],
    affinitySeconds: 0,
    sources: 'any',
    otherwise: 'drop',
  },
  dress: { shares: 'even', masquerade: 'never', hairpin: 'all' },
};
const key = frontendKey({ family: 'ipv4', protocol: 'tcp', address: address('10.96.0.1'), port: 443 });

function entryOf(text: FrontendKey, one: Fate = fate): readonly [FrontendKey, Entry] {
  const frontend = parseFrontendKey(text);
  if (frontend === null) throw new Error(`no key: ${text}`);
  return [text, { frontend, forwarding: { pod: one, node: one, outside: one } }];
}

const leaf = leafOf(new Map([entryOf(key)]));

/** What refuses the leaf once one thing of its message is another. */
function refusal(change: (entry: wire.Entry, pod: wire.Fate, dress: wire.Dress) => void): string {
  const message = wire.Leaf.decode(wire.Leaf.encode(encodeLeaf(leaf, noHint)).finish());
  const [entry] = message.entries;
  if (entry?.pod?.dress === undefined) throw new Error('no entry');
  change(entry, entry.pod, entry.pod.dress);
  const decoded = decodeLeaf(message, leaf.digest);
  return decoded.ok ? 'taken' : decoded.message;
}

describe('a leaf on the wire', () => {
  it('comes out as it went in, whatever is in it', () => {
    fc.assert(
      fc.property(randomEntries, (entries) => {
        const sent = leafOf(entries);
        const bytes = wire.Leaf.encode(encodeLeaf(sent, noHint)).finish();
        const decoded = decodeLeaf(wire.Leaf.decode(bytes), sent.digest);
        expect(decoded).toEqual({ ok: true, value: { leaf: sent, hints: new Map() } });
      }),
      { seed: 20_261_122, numRuns: 500 },
    );
  });

  it('that was tampered with is never taken for what its digest stands for, and never throws', () => {
    let taken = 0;
    fc.assert(
      fc.property(randomEntries, fc.array(randomEdit, { minLength: 1, maxLength: 3 }), (entries, edits) => {
        const sent = leafOf(entries);
        const bytes = wire.Leaf.encode(encodeLeaf(sent, noHint)).finish();
        const message = messageOf(edits.reduce((edited: Uint8Array, edit) => edit(edited), bytes));
        const decoded = message === null ? null : decodeLeaf(message, sent.digest);
        if (!decoded?.ok) return;
        taken++;
        expect(decoded.value.leaf).toEqual(sent);
        expect(leafDigestOf(decoded.value.leaf.entries)).toBe(sent.digest);
      }),
      { seed: 20_261_122, numRuns: 3_000 },
    );
    expect(taken).toBeLessThan(1_000);
  });

  it('that is refused for its digest is read all the same: only the digest stands between', () => {
    const decoded = decodeLeaf(encodeLeaf(leaf, noHint), emptyLeaf.digest);
    expect(decoded).toEqual({
      ok: false,
      message: `the entries of leaf ${emptyLeaf.digest} have digest ${leaf.digest}`,
    });
  });

  it('without entries is the empty leaf', () => {
    expect(decodeLeaf({ entries: [] }, emptyLeaf.digest)).toEqual({
      ok: true,
      value: { leaf: emptyLeaf, hints: new Map() },
    });
  });

  it('says a fate once where all origins share it', () => {
    const [entry] = encodeLeaf(leaf, noHint).entries;
    expect(entry).toMatchObject({ key, node: undefined, outside: undefined });
  });

  it('has one object for equal forwardings, over all leaves read with the same map', () => {
    const shared = new Map();
    const first = decodeLeaf(encodeLeaf(leaf, noHint), leaf.digest, shared);
    const second = decodeLeaf(encodeLeaf(leaf, noHint), leaf.digest, shared);
    if (!first.ok || !second.ok) throw new Error('refused');
    const of = (one: typeof first): unknown => one.value.leaf.entries.get(key)?.forwarding;
    expect(of(first)).toBe(of(second));
  });
});

describe('owner hints', () => {
  it('come beside the leaf', () => {
    const decoded = decodeLeaf(
      encodeLeaf(leaf, () => 'shop/web:http'),
      leaf.digest,
    );
    expect(decoded).toEqual({ ok: true, value: { leaf, hints: new Map([[key, 'shop/web:http']]) } });
  });

  it('that are no names are not sent', () => {
    expect(encodeLeaf(leaf, () => 'shop/web\u202e').entries[0]?.ownerHint).toBe('');
  });

  it('that are no names are refused', () => {
    const hint = refusal((entry) => {
      entry.ownerHint = 'shop/web\nsecond line';
    });
    expect(hint).toBe('no owner hint: "shop/web\\nsecond line"');
  });
});

describe('a leaf is refused', () => {
  const inLeaf = `leaf ${leaf.digest}, entry ${key}, origin pod: `;
  const cases: readonly [string, Parameters<typeof refusal>[0], string][] = [
    ['for a key that is none', (entry) => (entry.key = 'tcp nowhere'), 'no frontend: "tcp nowhere"'],
    [
      'for a key in another form',
      (entry) => (entry.key = 'tcp [FD00:0::1]:443'),
      'frontend "tcp [FD00:0::1]:443" is not canonical: tcp [fd00::1]:443',
    ],
    [
      'for a fate that is missing',
      (entry) => (entry.pod = undefined),
      `leaf ${leaf.digest}, entry ${key}, origin pod: missing`,
    ],
    ['for an action that is none', (_, pod) => (pod.action = '__proto__'), `${inLeaf}no action: "__proto__"`],
    [
      'for a dropped packet with backends',
      (_, pod) => (pod.action = 'drop'),
      `${inLeaf}action drop goes with what only a forwarded packet has`,
    ],
    ['for no backend', (_, pod) => (pod.backends = []), `${inLeaf}action forward without a backend`],
    [
      'for a backend in another form',
      (_, pod) => (pod.backends = ['10.244.1.2:0080']),
      `${inLeaf}no canonical backend: "10.244.1.2:0080"`,
    ],
    [
      'for a backend twice',
      (_, pod) => (pod.backends = ['10.244.1.2:80', '10.244.1.2:80']),
      `${inLeaf}backend 10.244.1.2:80 comes after 10.244.1.2:80: they are sorted, each once`,
    ],
    [
      'for prefixes with host bits',
      (_, pod) => (pod.sources = { prefixes: ['10.1.0.0/8'], otherwise: 'drop' }),
      `${inLeaf}no canonical prefix: "10.1.0.0/8"`,
    ],
    [
      'for prefixes that are one',
      (_, pod) => (pod.sources = { prefixes: ['10.0.0.0/9', '10.128.0.0/9'], otherwise: 'drop' }),
      `${inLeaf}prefixes that are not sorted and aggregated`,
    ],
    [
      'for other sources without a fate',
      (_, pod) => (pod.sources = { prefixes: ['10.0.0.0/8'], otherwise: '' }),
      `${inLeaf}no fate of other sources: ""`,
    ],
    ['for shares of other backends', (_, __, dress) => (dress.parts = [1]), `${inLeaf}1 shares of 2 backends`],
    [
      'for a share above the whole',
      (_, __, dress) => (dress.parts = [2 ** 31 + 1, 0]),
      `${inLeaf}a share of 2147483649, more than the whole`,
    ],
    [
      'for a masquerade that is none',
      (_, __, dress) => (dress.masquerade = 'toString'),
      `${inLeaf}no masquerade: "toString"`,
    ],
    ['for a hairpin that is none', (_, __, dress) => (dress.hairpin = ''), `${inLeaf}no hairpin: ""`],
    [
      'for a forwarding without its dress',
      (_, pod) => (pod.dress = undefined),
      `${inLeaf}action forward does not say how`,
    ],
    [
      'for an unknown of no reason',
      (entry) => (entry.pod = { ...bare, action: 'unknown', reason: 'constructor' }),
      `${inLeaf}unknown for no known reason: "constructor"`,
    ],
  ];
  const bare: wire.Fate = {
    action: '',
    reason: '',
    backends: [],
    affinitySeconds: 0,
    affinityPartial: false,
    sources: undefined,
    dress: undefined,
  };
  for (const [because, change, message] of cases) it(because, () => expect(refusal(change)).toBe(message));

  it('for entries that are not sorted, or of two leaves', () => {
    const other = otherKey((index) => index !== leafIndexOf(key));
    const same = otherKey((index) => index === leafIndexOf(key));
    const encoded = (...keys: readonly FrontendKey[]): wire.Leaf => ({
      entries: keys.flatMap((one) => encodeLeaf(leafOf(new Map([entryOf(one)])), noHint).entries),
    });
    const [low, high] = [key, same].sort();
    expect(decodeLeaf(encoded(...([high, low] as FrontendKey[])), leaf.digest)).toEqual({
      ok: false,
      message: `frontend ${low} comes after ${high}: they are sorted, each once`,
    });
    expect(decodeLeaf(encoded(key, other), leaf.digest)).toEqual({
      ok: false,
      message: `frontends ${other} and ${key} are of two leaves`,
    });
  });
});

/** A key after the first whose leaf is as wanted. */
function otherKey(wanted: (index: number) => boolean): FrontendKey {
  for (let port = 444; port < 65_536; port++) {
    const one = frontendKey({ family: 'ipv4', protocol: 'tcp', address: address('10.96.0.1'), port });
    if (one > key && wanted(leafIndexOf(one))) return one;
  }
  throw new Error('no such key');
}

function messageOf(bytes: Uint8Array): wire.Leaf | null {
  try {
    return wire.Leaf.decode(bytes);
  } catch {
    return null;
  }
}
