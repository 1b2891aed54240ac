/** One leaf of a table, to and from the wire. A leaf that was read is exactly what its digest stands for. */
import { emptyLeaf, leafDigestOf, leafIndexOf, type Leaf } from '../bucket-tree.ts';
import { forwardingText, frontendKey, parseFrontendKey } from '../canonical.ts';
import type { Entry, Fate, Forwarding, FrontendKey } from '../forwarding.ts';
import { origins } from '../forwarding.ts';
import type * as wire from '../generated/plumbline/agent/v1/agent.ts';
import { type Decoded, fits, misfit, quoted } from './decoded.ts';
import { decodeFate, encodeFate } from './fate.ts';

/** A leaf with the owners that rules claim for its frontends. Hints are in no digest: they are one node's word. */
export interface HintedLeaf {
  readonly leaf: Leaf;
  readonly hints: ReadonlyMap<FrontendKey, string>;
}

/** A comment of iptables has at most 256 bytes, and names of the API are ASCII without blanks. */
const hintForm = /^[!-~]{1,256}$/;

const noHints: ReadonlyMap<FrontendKey, string> = new Map();

/** A leaf as it travels. A hint that is no name is left out. */
export function encodeLeaf(leaf: Leaf, ownerHint: (key: FrontendKey) => string | null): wire.Leaf {
  const entries: wire.Entry[] = [];
  for (const key of [...leaf.entries.keys()].sort()) {
    const entry = leaf.entries.get(key);
    if (entry !== undefined) entries.push(encodeEntry(key, entry.forwarding, ownerHint(key)));
  }
  return { entries };
}

function encodeEntry(key: FrontendKey, { pod, node, outside }: Forwarding, hint: string | null): wire.Entry {
  const encoded = encodeFate(pod);
  const text = textOf(pod);
  return {
    key,
    pod: encoded,
    node: textOf(node) === text ? undefined : encodeFate(node),
    outside: textOf(outside) === text ? undefined : encodeFate(outside),
    ownerHint: hint !== null && hintForm.test(hint) ? hint : '',
  };
}

/** The canonical text of one fate. */
function textOf(fate: Fate): string {
  return forwardingText({ pod: fate, node: fate, outside: fate });
}

/**
 * The leaf that this digest stands for.
 * @param shared forwardings that were read before, by their canonical text: equal ones become one object.
 */
export function decodeLeaf(
  { entries }: wire.Leaf,
  expectedDigest: string,
  shared: Map<string, Forwarding> = new Map(),
): Decoded<HintedLeaf> {
  if (entries.length === 0) return checked(emptyLeaf, expectedDigest, noHints);
  const read = new Map<FrontendKey, Entry>();
  const hints = new Map<FrontendKey, string>();
  const texts = new Map<Forwarding, string>();
  let before: FrontendKey | null = null;
  for (const entry of entries) {
    const key = decodeKey(entry.key, before);
    if (!key.ok) return key;
    const forwarding = decodeForwarding(entry);
    if (!forwarding.ok) return misfit(`leaf ${expectedDigest}, entry ${key.value.key}, ${forwarding.message}`);
    const text = forwardingText(forwarding.value);
    const known = shared.get(text) ?? forwarding.value;
    shared.set(text, known);
    texts.set(known, text);
    read.set(key.value.key, { frontend: key.value.frontend, forwarding: known });
    if (entry.ownerHint !== '') {
      if (!hintForm.test(entry.ownerHint)) return misfit(`no owner hint: ${quoted(entry.ownerHint)}`);
      hints.set(key.value.key, entry.ownerHint);
    }
    before = key.value.key;
  }
  const digest = leafDigestOf(read, (forwarding) => texts.get(forwarding) ?? forwardingText(forwarding));
  return checked({ digest, entries: read }, expectedDigest, hints);
}

function checked(leaf: Leaf, expected: string, hints: ReadonlyMap<FrontendKey, string>): Decoded<HintedLeaf> {
  if (leaf.digest !== expected) return misfit(`the entries of leaf ${expected} have digest ${leaf.digest}`);
  return fits({ leaf, hints });
}

/** A key in its one form, in the leaf of the key before it, and after it. */
function decodeKey(
  text: string,
  before: FrontendKey | null,
): Decoded<{ readonly key: FrontendKey; readonly frontend: Entry['frontend'] }> {
  const frontend = parseFrontendKey(text);
  if (frontend === null) return misfit(`no frontend: ${quoted(text)}`);
  const key = frontendKey(frontend);
  if (key !== text) return misfit(`frontend ${quoted(text)} is not canonical: ${key}`);
  if (before !== null) {
    if (key <= before) return misfit(`frontend ${key} comes after ${before}: they are sorted, each once`);
    if (leafIndexOf(key) !== leafIndexOf(before)) return misfit(`frontends ${key} and ${before} are of two leaves`);
  }
  return fits({ key, frontend });
}

function decodeForwarding(entry: wire.Entry): Decoded<Forwarding> {
  if (entry.pod === undefined) return misfit('origin pod: missing');
  const fates: { [origin in 'pod' | 'node' | 'outside']?: Fate } = {};
  for (const origin of origins) {
    const fate = entry[origin];
    if (fate === undefined) continue;
    const decoded = decodeFate(fate);
    if (!decoded.ok) return misfit(`origin ${origin}: ${decoded.message}`);
    fates[origin] = decoded.value;
  }
  const { pod, node = pod, outside = pod } = fates;
  return pod === undefined || node === undefined || outside === undefined
    ? misfit('origin pod: missing')
    : fits({ pod, node, outside });
}
