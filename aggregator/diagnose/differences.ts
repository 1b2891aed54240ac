/** What a difference between rules and API means for the packets of one source, in one sentence. */
import { type Backend, backendOf, parseHostPort } from '../../proto/address.ts';
import type { Fate, FrontendKey, Origin } from '../../proto/forwarding.ts';
import { contains, prefixSet } from '../../proto/prefixes.ts';
import { joined, percent } from '../checks/shared/words.ts';
import type { NodeView } from '../model/check.ts';
import type { ClusterObjects } from '../model/cluster.ts';
import type { Difference, Drift } from '../model/drift.ts';
import { labelOf, type Translation } from './translation.ts';

interface Account {
  readonly isBroken: boolean;
  readonly sentence: string;
}

/** What a difference means for packets of this source, in one sentence. */
export function accountOf(
  objects: ClusterObjects,
  view: NodeView,
  {
    translation,
    drift,
    origin,
  }: { translation: Translation; drift: Exclude<Drift, { kind: 'unknown' }>; origin: Origin },
): Account {
  const { node, asked, target } = translation;
  const label = labelOf(target, asked);
  if (drift.kind === 'missing') {
    const sentence = `${node} has no rule for ${label}: packets leave untranslated, and nobody answers.`;
    return { isBroken: true, sentence };
  }
  if (drift.kind === 'stale') {
    const sentence = `${node} still has rules for ${asked.key}, which no Service asks for any more.`;
    return { isBroken: true, sentence };
  }
  const own = drift.differences.filter((difference) => difference.origin === origin);
  const since = sinceText(view, asked.key);
  const accounts = own.map((difference) =>
    accountOfOne(difference, { objects, translation, real: drift.real[origin], wanted: drift.wanted[origin], since }),
  );
  const worst = accounts.find(({ isBroken }) => isBroken) ?? accounts[0];
  if (worst !== undefined) return worst;
  const sentence = `${node} does with packets to ${label} what it should for this source; for others it does not.`;
  return { isBroken: false, sentence };
}

interface OneSide {
  readonly objects: ClusterObjects;
  readonly translation: Translation;
  readonly real: Fate;
  readonly wanted: Fate;
  readonly since: string;
}

function accountOfOne(difference: Difference, side: OneSide): Account {
  const { translation, since, real } = side;
  const { node, asked, target, sourceAddress } = translation;
  const label = labelOf(target, asked);
  switch (difference.aspect) {
    case 'action':
      return { isBroken: true, sentence: actionSentence(difference, `${node}'s kube-proxy`, { label, since }) };
    case 'backends': {
      if (difference.stale.length > 0) return { isBroken: true, sentence: staleSentence(difference.stale, side) };
      const sentence = `${node} leaves out ${joined(difference.missing)} when it sends packets to ${label}; connections go to the other backends${since}.`;
      return { isBroken: false, sentence };
    }
    case 'shares': {
      const lost = real.dress !== null && real.dress.shares !== 'even' ? real.dress.shares.lost : 0;
      if (lost === 0) return { isBroken: false, sentence: `${node} does not spread connections to ${label} evenly.` };
      const sentence = `${percent(lost)} of the connections to ${label} leave ${node} untranslated, and nobody answers them${since}.`;
      return { isBroken: true, sentence };
    }
    case 'sources': {
      const { sources, otherwise } = difference.real;
      const isIn = sources === 'any' || (sourceAddress !== null && isAmong(sourceAddress, sources));
      const sentence = isIn
        ? `${node} lets other sources in to ${label} than it should; this one is let in.`
        : `${node} does not let this source in to ${label} (${otherwise}), by source ranges that are not the Service's${since}.`;
      return { isBroken: !isIn, sentence };
    }
    case 'masquerade': {
      const sentence = `${node} rewrites the source of packets to ${label} otherwise than it should: the answers may not come back${since}.`;
      return { isBroken: translation.source.kind !== 'pod', sentence };
    }
    case 'hairpin': {
      const isOwn = isAmongBackends(translation, real);
      const sentence = `${node} does not rewrite the source where a pod reaches itself through ${label}${isOwn ? ': this pod gets no answer when it is sent to itself' : '; this pod is none of its backends'}.`;
      return { isBroken: isOwn, sentence };
    }
    case 'affinity':
      return {
        isBroken: false,
        sentence: `${node} keeps clients of ${label} with their backend for another time than it should.`,
      };
  }
}

/** Whether an address is in one of these ranges. */
export function isAmong(address: string, prefixes: Parameters<typeof prefixSet>[0]): boolean {
  const parsed = parseHostPort(address.includes(':') ? `[${address}]:1` : `${address}:1`);
  return parsed !== null && contains(prefixSet(prefixes), parsed.address);
}

function isAmongBackends({ source }: Translation, { route }: Fate): boolean {
  if (source.kind !== 'pod' || route.action !== 'forward') return false;
  return route.backends.some((backend) => {
    const parsed = parseHostPort(backend);
    return parsed !== null && source.pod.addresses.includes(parsed.address);
  });
}

function actionSentence(
  { wanted, real }: Extract<Difference, { readonly aspect: 'action' }>,
  who: string,
  { label, since }: { readonly label: string; readonly since: string },
): string {
  const does = {
    forward: 'forwards',
    reject: 'refuses',
    drop: 'drops',
    none: 'has no rule for',
    unknown: 'does something unknown with',
  };
  if (wanted !== 'forward') return `${who} ${does[real]} packets to ${label}, which it should not${since}.`;
  return real === 'none'
    ? `${who} has no rule for packets of this source to ${label}: they leave untranslated${since}.`
    : `${who} ${does[real]} packets to ${label}, though it has endpoints${since}.`;
}

/** `node-b's kube-proxy still sends 1 of 3 connections to 10.244.2.7:8080, a pod that is gone`. */
function staleSentence(stale: readonly Backend[], { objects, translation, real, since }: OneSide): string {
  const { node, target, asked } = translation;
  const all = real.route.action === 'forward' ? real.route.backends.length : stale.length;
  const share = stale.length === all ? 'every connection' : `${stale.length} of ${all} connections`;
  const whose = stale.map((backend) => `${backend}, ${whoseIs(objects, backend)}`);
  return `${node}'s kube-proxy still sends ${share} to ${labelOf(target, asked)} to ${joined(whose, 3)}${since}.`;
}

/** Of a backend that is no endpoint of the Service any more. */
function whoseIs(objects: ClusterObjects, backend: Backend): string {
  const parsed = parseHostPort(backend);
  if (parsed === null || !objects.knowsPods) return 'which is no endpoint of it';
  const living = objects
    .podsWithAddress(parsed.address)
    .find(({ phase }) => phase === 'Running' || phase === 'Pending');
  if (living === undefined) return 'a pod that is gone';
  const name = `${living.namespace}/${living.name}`;
  if (living.terminating) return `${name}, which is being deleted`;
  if (!living.ready) return `${name}, which is not ready`;
  const others = living.ports.some(({ port }) => backendOf(parsed.address, port) === backend);
  return others ? `${name}, which is no endpoint of it now` : `a port that ${name} does not name`;
}

/** `, the state of 14:02:11 UTC` where the node shows a past state. */
function sinceText({ history }: NodeView, key: FrontendKey): string {
  const shown = history?.staleness.get(key);
  if (shown?.shows === 'past-state') return `; it shows what was wanted until ${clockOf(shown.until)}`;
  return '';
}

/** `14:02:11 UTC` of an RFC 3339 time. */
function clockOf(time: string): string {
  return `${/T(\d{2}:\d{2}:\d{2})/.exec(time)?.[1] ?? time} UTC`;
}
