/*
 * With rp_filter = 1 the kernel drops what comes in by another link than it would answer by (RFC 3704). Overlays and
 * policy routes send there and back by different links now and then; a distribution's or hardening tool's 1 on the tunnel
 * or uplink then drops packets of pods without a word (kube-router#138, kubernetes#21613). The larger of `all` and the
 * link's own setting counts.
 */
import type { LinkSettings, NetworkSettingsReport } from '../../proto/parts.ts';
import { familyOf } from '../../proto/address.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { arrivalLink, departureLink, rangePairs, tunnelsOfPods } from './shared/peer-ways.ts';
import { peersOf } from './shared/peers.ts';
import { overlayProbes } from './shared/probe-results.ts';
import { shellWord } from './shared/remedies.ts';
import { linkTopic, peerTopic } from './shared/topics.ts';
import { counted, joined } from './shared/words.ts';

export const rpFilterStrict: NodeCheck = {
  id: 'rp-filter-strict',
  layer: 'L2',
  scope: 'node',
  severity: 'high',
  title: "A strict reverse path filter drops pods' packets",
  explanation: `\`rp_filter\` is 1 on a link by which packets of other nodes' pods arrive, and the node would answer these by another link: so the kernel takes them for forged and drops them. The counter IPReversePathFilter of \`/proc/net/netstat\` rises. The larger value of \`net.ipv4.conf.all.rp_filter\` and that of the link counts, so it is not enough to set the link's.`,
  falsePositives: `A strict filter alone is no fault: Calico sets it on pods' links on purpose, and many distributions on all. It is told only where it is known to drop: where the routes of both nodes show that packets come by one link and would be answered by another, or where the counter rises and a tunnel to other nodes' pods has it. The counter is that of the whole node: where probes to other nodes' pods are answered, nothing is said, and where none are sent, the severity is medium.`,
  remediation: `Set it to 2 (loose) on the link and for \`all\`, in \`/etc/sysctl.d\` for the next boot. Where routes should be symmetric, mend these.`,
  needs: ['networkSettings', 'routes', 'links', 'addresses'],
  holdForSeconds: 60,
  clearForSeconds: 120,
  evaluate,
};

/** Within a minute: single ones are stray packets of others. */
const leastDrops = 5;

interface Strict {
  readonly link: string;
  /** Why it is known to drop. */
  readonly because: string;
  readonly peers: readonly string[];
  /** False: the packets that are dropped may be others. */
  readonly isSure: boolean;
}

function evaluate(view: NodeView): readonly Violation[] {
  const { networkSettings } = view.parts;
  if (networkSettings.state !== 'ok') return [];
  const settings = networkSettings.value;
  const strict = settings.links.first.filter((link) => isStrict(settings, link)).map(({ link }) => link);
  if (strict.length === 0) return [];
  const asymmetric = asymmetricLinks(view, strict);
  const found = asymmetric.length > 0 ? asymmetric : droppingTunnels(view, strict);
  return found.map((one) => violation(view, settings, one));
}

function isStrict(
  { reversePathFilter: all }: NetworkSettingsReport,
  { reversePathFilter: own }: LinkSettings,
): boolean {
  return Math.max(all ?? 0, own ?? 0) === 1;
}

/** Links at which packets of peers arrive that the node would answer by another one. */
function asymmetricLinks(view: NodeView, strict: readonly string[]): readonly Strict[] {
  const own = (view.node?.podCIDRs ?? []).filter((range) => familyOf(range) === 'ipv4');
  const byLink = new Map<string, string[]>();
  for (const peer of peersOf(view, view.parts.routes)) {
    const parts = view.peers.parts(peer.name);
    if (parts === null) continue;
    for (const [ours, theirs] of rangePairs(own, peer.podCIDRs)) {
      const [arrives, leaves] = [arrivalLink(view, parts, ours), departureLink(view, theirs)];
      if (arrives === null || leaves === null || arrives === leaves || !strict.includes(arrives)) continue;
      byLink.set(arrives, [...(byLink.get(arrives) ?? []), peer.name]);
    }
  }
  return [...byLink].map(([link, peers]) => ({
    link,
    because: `packets of pods of ${joined(peers)} arrive by it and would be answered by another link`,
    peers,
    isSure: true,
  }));
}

function droppingTunnels(view: NodeView, strict: readonly string[]): readonly Strict[] {
  const { networkCounters } = view.parts;
  const drops = networkCounters.state === 'ok' ? networkCounters.value.reversePathDrops : null;
  if (drops === null || drops.increase < leastDrops) return [];
  // The counter is that of the whole node: where packets of pods get there, others are dropped, on another link.
  const probes = overlayProbes(view.parts);
  if (probes === 'pass') return [];
  const tunnels = tunnelsOfPods(view).filter(({ name }) => strict.includes(name));
  const counter = `the kernel has dropped ${counted(drops.increase, 'packet')} by this filter within ${drops.windowSeconds} s`;
  const because = probes === 'lost' ? `${counter}, and probes get no answer` : `${counter}, on this link or another`;
  return tunnels.map(({ name }) => ({ link: name, because, peers: [], isSure: probes === 'lost' }));
}

function violation(
  view: NodeView,
  settings: NetworkSettingsReport,
  { link, because, peers, isSure }: Strict,
): Violation {
  const own = settings.links.first.find((one) => one.link === link)?.reversePathFilter ?? 0;
  const names = [
    ...(settings.reversePathFilter === 1 ? ['net.ipv4.conf.all.rp_filter'] : []),
    ...(own === 1 ? [`net.ipv4.conf.${link.replaceAll('.', '/')}.rp_filter`] : []),
  ];
  return {
    subject: { kind: 'Link', name: link },
    summary: `${view.name} ${isSure ? 'drops' : 'perhaps drops'} packets of other nodes' pods at ${link}, whose reverse path filter is strict: ${because}.`,
    evidence: [...names.map((name) => fact(name, '1')), fact('known by', because)],
    remediation: names.map((name) => ({
      command: `sysctl -w ${shellWord(name)}=2`,
      effect: `Run on ${view.name}: what can be answered by any link is let in, until the next boot.`,
    })),
    frontends: [],
    topics: peers.length === 0 ? [linkTopic(link)] : peers.map(peerTopic),
    explainsTopics: peers.length === 0 ? (isSure ? 'all' : []) : peers.map(peerTopic),
    ...(isSure ? {} : { severity: 'medium' }),
  };
}
