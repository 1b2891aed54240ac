/** What becomes of the packets of one origin, to and from the wire. What comes in is hostile until it is read. */
import { type Backend, parseBackend, type Prefix } from '../address.ts';
import {
  type Dress,
  type Fate,
  type Masquerade,
  type Route,
  type Shares,
  type UnknownReason,
  unknownReasons,
  wholeShare,
} from '../forwarding.ts';
import type * as wire from '../generated/plumbline/agent/v1/agent.ts';
import { parsePrefix, prefixSet, toPrefixes } from '../prefixes.ts';
import { type Decoded, fits, misfit, quoted } from './decoded.ts';

const plain = { backends: [], reason: '', affinitySeconds: 0, affinityPartial: false, sources: undefined };

/** One fate as it travels. */
export function encodeFate({ route, dress }: Fate): wire.Fate {
  const dressed = dress === null ? undefined : encodeDress(dress);
  if (route.action === 'unknown') return { ...plain, action: 'unknown', reason: route.reason, dress: dressed };
  if (route.action !== 'forward') return { ...plain, action: route.action, dress: dressed };
  const { backends, affinitySeconds, sources, otherwise } = route;
  return {
    action: 'forward',
    reason: '',
    backends: [...backends],
    affinitySeconds: affinitySeconds === 'partial' ? 0 : affinitySeconds,
    affinityPartial: affinitySeconds === 'partial',
    sources: sources === 'any' ? undefined : { prefixes: [...sources], otherwise },
    dress: dressed,
  };
}

function encodeDress({ shares, masquerade, hairpin }: Dress): wire.Dress {
  return {
    parts: shares === 'even' ? [] : [...shares.parts],
    lost: shares === 'even' ? 0 : shares.lost,
    masquerade: typeof masquerade === 'string' ? masquerade : 'some',
    masqueraded: typeof masquerade === 'string' ? [] : [...masquerade.some],
    hairpin,
  };
}

/** One fate, if every word of it is canonical. */
export function decodeFate(fate: wire.Fate): Decoded<Fate> {
  if (fate.action === 'forward') return decodeForward(fate);
  const { action, reason, dress } = fate;
  if (action !== 'reject' && action !== 'drop' && action !== 'none' && action !== 'unknown') {
    return misfit(`no action: ${quoted(action)}`);
  }
  if (fate.backends.length > 0 || fate.affinitySeconds > 0 || fate.affinityPartial || fate.sources || dress) {
    return misfit(`action ${action} goes with what only a forwarded packet has`);
  }
  if (action !== 'unknown') {
    return reason === '' ? fits({ route: { action }, dress: null }) : misfit(`action ${action} has a reason`);
  }
  if (!isReason(reason)) return misfit(`unknown for no known reason: ${quoted(reason)}`);
  return fits({ route: { action, reason }, dress: null });
}

function isReason(text: string): text is UnknownReason {
  return (unknownReasons as readonly string[]).includes(text);
}

function decodeForward(fate: wire.Fate): Decoded<Fate> {
  if (fate.reason !== '') return misfit('action forward has a reason');
  const backends = decodeBackends(fate.backends);
  if (!backends.ok) return backends;
  if (fate.affinityPartial && fate.affinitySeconds !== 0) return misfit('a partial affinity has a time');
  const sources = decodeSources(fate.sources);
  if (!sources.ok) return sources;
  if (fate.dress === undefined) return misfit('action forward does not say how');
  const dress = decodeDress(fate.dress, backends.value.length);
  if (!dress.ok) return dress;
  const affinitySeconds = fate.affinityPartial ? 'partial' : fate.affinitySeconds;
  const route: Route = { action: 'forward', backends: backends.value, affinitySeconds, ...sources.value };
  return fits({ route, dress: dress.value });
}

function decodeBackends(texts: readonly string[]): Decoded<readonly Backend[]> {
  if (texts.length === 0) return misfit('action forward without a backend');
  const backends: Backend[] = [];
  let before = '';
  for (const text of texts) {
    const backend = parseBackend(text);
    if (backend === null || backend !== text) return misfit(`no canonical backend: ${quoted(text)}`);
    if (backend <= before) return misfit(`backend ${backend} comes after ${before}: they are sorted, each once`);
    before = backend;
    backends.push(backend);
  }
  return fits(backends);
}

type Sources = Pick<Extract<Route, { action: 'forward' }>, 'sources' | 'otherwise'>;

function decodeSources(sources: wire.Sources | undefined): Decoded<Sources> {
  if (sources === undefined) return fits({ sources: 'any', otherwise: 'drop' });
  const { otherwise } = sources;
  if (otherwise !== 'reject' && otherwise !== 'drop' && otherwise !== 'none') {
    return misfit(`no fate of other sources: ${quoted(otherwise)}`);
  }
  const prefixes = decodePrefixes(sources.prefixes);
  return prefixes.ok ? fits({ sources: prefixes.value, otherwise }) : prefixes;
}

/** Prefixes in the one form that their set has: sorted by address, aggregated, at least one. */
function decodePrefixes(texts: readonly string[]): Decoded<readonly Prefix[]> {
  if (texts.length === 0) return misfit('a set of sources without a prefix');
  const prefixes: Prefix[] = [];
  for (const text of texts) {
    const prefix = parsePrefix(text);
    if (prefix === null || prefix !== text) return misfit(`no canonical prefix: ${quoted(text)}`);
    prefixes.push(prefix);
  }
  const aggregated = toPrefixes(prefixSet(prefixes));
  const alike = aggregated.length === prefixes.length && aggregated.every((prefix, at) => prefix === prefixes[at]);
  return alike ? fits(prefixes) : misfit('prefixes that are not sorted and aggregated');
}

function decodeDress(dress: wire.Dress, backends: number): Decoded<Dress> {
  const shares = decodeShares(dress, backends);
  if (!shares.ok) return shares;
  const masquerade = decodeMasquerade(dress);
  if (!masquerade.ok) return masquerade;
  const { hairpin } = dress;
  if (hairpin !== 'all' && hairpin !== 'some' && hairpin !== 'none') return misfit(`no hairpin: ${quoted(hairpin)}`);
  return fits({ shares: shares.value, masquerade: masquerade.value, hairpin });
}

function decodeShares({ parts, lost }: wire.Dress, backends: number): Decoded<Shares> {
  if (parts.length === 0) return lost === 0 ? fits('even') : misfit('even shares with something lost');
  if (parts.length !== backends) return misfit(`${parts.length} shares of ${backends} backends`);
  const large = [...parts, lost].find((part) => part > wholeShare);
  return large === undefined ? fits({ parts, lost }) : misfit(`a share of ${large}, more than the whole`);
}

function decodeMasquerade({ masquerade, masqueraded }: wire.Dress): Decoded<Masquerade> {
  if (masquerade === 'some') {
    const prefixes = decodePrefixes(masqueraded);
    return prefixes.ok ? fits({ some: prefixes.value }) : prefixes;
  }
  if (masqueraded.length > 0) return misfit(`masquerade ${quoted(masquerade)} with prefixes`);
  if (masquerade === 'never' || masquerade === 'notLocal' || masquerade === 'always') return fits(masquerade);
  return misfit(`no masquerade: ${quoted(masquerade)}`);
}
