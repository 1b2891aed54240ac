/*
 * Where the ordinary comparison cannot speak, peers can. Two cases:
 *
 * Two Services ask for one frontend. kube-proxy walks its Services in the random order of a Go map, so which of them is
 * served differs lawfully from node to node, and from sync to sync. But no order makes a node send to what is an endpoint
 * of neither, or serve none of them.
 *
 * model-disagreement holds our own formula suspect, as nearly all nodes differ from it alike. A node that does as it says
 * is then the odd one, as long as the others do not only lag.
 */
import type { Backend } from '../../proto/address.ts';
import { parseFrontendKey } from '../../proto/canonical.ts';
import type { Forwarding, FrontendKey } from '../../proto/forwarding.ts';
import { origins } from '../../proto/forwarding.ts';
import type { ClusterCheck, ClusterView, NodeView } from '../model/check.ts';
import type { Violation } from '../model/finding.ts';
import { type Agreement, agreementsOf, isWitness, routesText, type SharedDrift } from './shared/agreement.ts';
import { type Claimants, claimantsOf } from './shared/claimants.ts';
import { fact } from './shared/evidence.ts';
import { keepRules, restartKubeProxy } from './shared/remedies.ts';
import { counted, forwardingText, joined } from './shared/words.ts';

/** So many peers must agree. */
const leastPeers = 3;
/** And so many for each node that differs. */
const peersPerOdd = 3;
/** A node with drifts of so many Services has a trouble of its own, which other checks tell. */
const troubledServices = 3;

export const oddNodeOut: ClusterCheck = {
  id: 'odd-node-out',
  layer: 'L3',
  scope: 'cluster',
  severity: 'high',
  title: 'One node treats a Service unlike all its peers that should treat it alike',
  explanation: `Where what a node should do cannot be said, nodes are held against each other. If two Services ask for one address and port, which of them a node serves is chance, but this node serves none of them, or sends to what is no endpoint of any, while its peers do not. Or nearly all nodes of its release differ from what is expected in one way (\`model-disagreement\`), and this one does not: of the two, one is wrong.`,
  falsePositives: `Nodes that serve different claimants of one address differ lawfully, and nothing is said of that. At least ${leastPeers} peers, ${peersPerOdd} for each odd node, must agree. Nodes with visible damage, a silent kube-proxy, or drifts of ${troubledServices} or more Services are left to the checks that tell those. Peers that show a state of the past only lag behind. It must hold for five minutes, longer than any rollout of rules takes.`,
  remediation: `Restart kube-proxy on the node: it writes all rules anew. Then take the claim away from one of the two Services, since chance decides which is served.`,
  needs: ['drift'],
  holdForSeconds: 300,
  clearForSeconds: 60,
  evaluate,
};

/** What one node does at one frontend, and why that is odd. */
interface Oddity {
  readonly view: NodeView;
  readonly key: FrontendKey;
  readonly why: string;
  readonly peers: number;
  readonly isProven: boolean;
}

function evaluate({ nodes, objects }: ClusterView): readonly Violation[] {
  const claimed = askedTwice(nodes);
  const claimants = claimantsOf(
    objects,
    [...claimed.keys()].flatMap((key) => parseFrontendKey(key) ?? []),
  );
  const oddities = [
    ...[...claimed].flatMap(([key, views]) => oddAmong(key, views, claimants.get(key) ?? null)),
    ...agreementsOf(nodes).flatMap(oddBeside),
  ];
  return [...Map.groupBy(oddities, ({ view }) => view).values()].flatMap(violation);
}

/** By frontend that two Services ask for, the nodes of which it is known what they do there. */
function askedTwice(views: readonly NodeView[]): ReadonlyMap<FrontendKey, readonly NodeView[]> {
  const found = new Map<FrontendKey, NodeView[]>();
  for (const view of views) {
    const keys = view.drift.flatMap((drift) =>
      drift.kind === 'unknown' && drift.reason === 'asked-twice' ? [drift.key] : [],
    );
    if (keys.length === 0 || !isWitness(view) || isTroubled(view)) continue;
    for (const key of keys) {
      if (isUnread(view.observed?.get(key)?.forwarding ?? null)) continue;
      const known = found.get(key);
      if (known === undefined) found.set(key, [view]);
      else known.push(view);
    }
  }
  return found;
}

function isTroubled({ drift, owners }: NodeView): boolean {
  const services = new Set<string>();
  for (const { kind, key } of drift) {
    if (kind === 'unknown') continue;
    const owner = owners.get(key);
    services.add(owner === undefined ? key : `${owner.namespace}/${owner.name}`);
    if (services.size >= troubledServices) return true;
  }
  return false;
}

function isUnread(forwarding: Forwarding | null): boolean {
  return forwarding !== null && origins.some((origin) => forwarding[origin].route.action === 'unknown');
}

/** The nodes that do what no claimant asks, while enough others do not. */
function oddAmong(key: FrontendKey, views: readonly NodeView[], claimants: Claimants | null): readonly Oddity[] {
  // Somebody asked when the nodes were looked at, and does not any more.
  if (claimants === null) return [];
  // Nodes share what they do alike, so each is held against the claimants once.
  const verdicts = new Map<Forwarding | null, string | null>();
  const odd: { readonly view: NodeView; readonly why: string }[] = [];
  for (const view of views) {
    const forwarding = view.observed?.get(key)?.forwarding ?? null;
    let why = verdicts.get(forwarding);
    if (why === undefined) {
      why = unlawful(forwarding, claimants);
      verdicts.set(forwarding, why);
    }
    if (why !== null) odd.push({ view, why });
  }
  const peers = views.length - odd.length;
  if (peers < leastPeers || peers < peersPerOdd * odd.length) return [];
  return odd.map(({ view, why }) => ({ view, key, why, peers, isProven: true }));
}

/** Why none of the claimants can ask for this; null where one may. */
function unlawful(forwarding: Forwarding | null, { names, listed, mustForward }: Claimants): string | null {
  const claimed = joined(names);
  const actions = origins.map((origin) => forwarding?.[origin].route.action ?? 'none');
  if (actions.every((action) => action === 'none')) return `serves none of ${claimed}`;
  const strangers = strangersIn(forwarding, listed);
  if (strangers.length > 0) {
    const are = strangers.length === 1 ? 'is no endpoint' : 'are no endpoints';
    return `sends to ${joined(strangers)}, which ${are} of ${claimed}`;
  }
  const refused = actions.includes('reject') || actions.includes('drop');
  return mustForward && refused ? `refuses packets though ${claimed} have ready endpoints` : null;
}

function strangersIn(forwarding: Forwarding | null, listed: ReadonlySet<Backend>): readonly Backend[] {
  if (forwarding === null) return [];
  const used = origins.flatMap((origin) => {
    const { route } = forwarding[origin];
    return route.action === 'forward' ? route.backends : [];
  });
  return [...new Set(used)].filter((backend) => !listed.has(backend));
}

/** The nodes of a release that do as expected where nearly all others do not. */
function oddBeside({ nodes, drifts }: Agreement): readonly Oddity[] {
  return drifts.flatMap((drift) => {
    const peers = likePeers(drift);
    const [first] = peers;
    if (first === undefined || peers.length < leastPeers) return [];
    const [wanted, real] = [wantedText(first, drift.key), realText(first, drift.key)];
    const agreeing = new Set(drift.nodes);
    return nodes.flatMap((view): readonly Oddity[] => {
      if (agreeing.has(view) || view.drift.some(({ key }) => key === drift.key)) return [];
      if (wantedText(view, drift.key) !== wanted || realText(view, drift.key) === real) return [];
      const why = `does what is expected, unlike ${counted(peers.length, 'node')} of which the same is asked`;
      return [{ view, key: drift.key, why, peers: peers.length, isProven: false }];
    });
  });
}

/** Those of which the same is asked as of the first; none where any of them shows what was asked before, or may. */
function likePeers({ key, nodes }: SharedDrift): readonly NodeView[] {
  const [first] = nodes;
  const onlyDiffer = nodes.every(({ history }) => history?.staleness.get(key)?.shows === 'never-wanted');
  if (first === undefined || !onlyDiffer) return [];
  const wanted = wantedText(first, key);
  return nodes.filter((view) => wantedText(view, key) === wanted);
}

function wantedText({ desired }: NodeView, key: FrontendKey): string {
  return routesText(desired?.get(key)?.forwarding ?? null);
}

function realText({ observed }: NodeView, key: FrontendKey): string {
  return routesText(observed?.get(key)?.forwarding ?? null);
}

function violation(oddities: readonly Oddity[]): readonly Violation[] {
  const [first] = oddities;
  if (first === undefined) return [];
  const { view, key } = first;
  const more = oddities.length > 1 ? ` (and the like at ${counted(oddities.length - 1, 'more frontend')})` : '';
  const isProven = oddities.some((oddity) => oddity.isProven);
  return [
    {
      subject: { kind: 'Node', name: view.name },
      summary: `At ${key} ${view.name} ${first.why}${more}; its ${first.peers} peers agree with each other${isProven ? '' : ', and either they are wrong or it is: of medium severity'}.`,
      evidence: oddities.slice(0, 10).flatMap((oddity) => {
        const real = view.observed?.get(oddity.key)?.forwarding ?? null;
        return [
          fact(oddity.key, real === null ? 'no rule' : forwardingText(real)),
          fact(`peers that agree at ${oddity.key}`, String(oddity.peers)),
        ];
      }),
      remediation: [keepRules(view), restartKubeProxy(view.name)],
      frontends: oddities.map((oddity) => oddity.key),
      ...(isProven ? {} : { severity: 'medium' as const }),
    },
  ];
}
