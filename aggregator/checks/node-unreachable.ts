/*
 * The proof of the pudding: agents send packets to each other, small ones and some as large as the way should carry, to
 * the address that the other node has among its pods and to its node address. Who does not get an answer says so, and
 * the other says what it heard: so a broken way there is told from a broken way back, an overlay from the network below
 * it, and a way that loses all from one that loses only what is large.
 */
import type { Address } from '../../proto/address.ts';
import type { NodeParts, ProbeResult } from '../../proto/parts.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Evidence, Remedy, Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { nodeSubject } from './shared/findings.ts';
import { badHopBack, badHopThere } from './shared/probe-hops.ts';
import { isOfWay, isUnanswered } from './shared/probe-results.ts';
import { largeTopic, nodeTopic, peerTopic } from './shared/topics.ts';
import { counted, joined } from './shared/words.ts';

export const nodeUnreachable: NodeCheck = {
  id: 'node-unreachable',
  layer: 'L2',
  scope: 'node',
  severity: 'critical',
  title: 'Packets to another node get no answer',
  explanation: `The agents of two nodes do not reach each other: three probes in a row of one size got no answer, while the other agent lives and listens. The finding says which direction fails (by what the other end heard), at which size (all packets, or only those as large as the way should carry), and whether the node's own address fails as well, so that the network below is broken, or only the address among the pods, so that it is the overlay. Where the routes, entries or settings of either node show why, it says that; else the fault lies between the nodes: a firewall, a security group, a switch, a router.`,
  falsePositives: `Only probes to agents that report and say that they listen at that very address count; a node that is not ready or about to be removed is not asked about. A lost packet is none of three. Where probes among pods' addresses are answered, a node address that does not answer is left alone: that is a filter. Where nobody may send probes (\`--probes none\`) nothing is said. The port of probes, 9469/udp unless set otherwise, must be open between nodes: where no probe was ever answered anywhere, the check says that it is unknown; a firewall that drops the port on some ways alone looks like this finding.`,
  remediation: `Follow the way from the first hop that the finding names. Where it names none, look at both ends with the commands of the finding: packets leave here, and do not arrive there.`,
  needs: ['probes', 'addresses'],
  holdForSeconds: 60,
  clearForSeconds: 60,
  evaluate,
};

/** One peer and what fails on the way to it. */
interface Failing {
  readonly peer: string;
  readonly parts: NodeParts;
  readonly results: readonly ProbeResult[];
  readonly all: readonly ProbeResult[];
}

function evaluate(view: NodeView): readonly Violation[] {
  const { probes } = view.parts;
  if (probes.state !== 'ok') return [];
  const byPeer = Map.groupBy(probes.value.results.filter(isOfWay), ({ node }) => node);
  const decided = [...byPeer].flatMap(([peer, all]): readonly Failing[] => {
    const parts = view.peers.parts(peer);
    if (parts === null || !isExpected(view, peer)) return [];
    const heeded = all.filter((one) => isHeardThere(view, one, parts));
    return heeded.length === 0 ? [] : [{ peer, parts, all: heeded, results: failuresOf(heeded) }];
  });
  const failing = decided.filter(({ results }) => results.length > 0);
  const isEach = failing.length > 0 && failing.length === decided.length;
  if (isEach && isSilence(view, decided)) return [undecided(view, failing)];
  return isEach && failing.length > 1 ? [ofAll(view, failing)] : failing.map((one) => ofOne(view, one));
}

function isExpected({ objects }: NodeView, peer: string): boolean {
  const node = objects.node(peer);
  return node !== null && node.ready !== false && !node.leaving;
}

/** Whether somebody listens there: the peer's agent says so, of a pod that takes part by its owner's wish the API does. */
function isHeardThere({ objects }: NodeView, { by, address, node }: ProbeResult, { probes }: NodeParts): boolean {
  if (by !== 'pod') return probes.state === 'ok' && probes.value.listening.includes(address);
  return objects
    .podsWithAddress(address)
    .some((pod) => pod.nodeName === node && pod.ready && pod.runs && !pod.terminating);
}

/** Where the way among pods' addresses works, a node address without an answer is a filter's work, and no pod's loss. */
function failuresOf(all: readonly ProbeResult[]): readonly ProbeResult[] {
  const failures = all.filter(isUnanswered);
  const ofPods = (one: ProbeResult) => one.by !== 'node';
  return all.some(ofPods) && !failures.some(ofPods) ? [] : failures;
}

/**
 * Whether no probe of this node or of those that it asks was ever answered, not even between node addresses: agents whose
 * reports come in all the same tell of a closed port rather than of a network without any packet.
 */
function isSilence({ parts: { probes } }: NodeView, decided: readonly Failing[]): boolean {
  const all = [probes, ...decided.map(({ parts }) => parts.probes)];
  const results = all.flatMap((part) => (part.state === 'ok' ? part.value.results.filter(isOfWay) : []));
  return results.every(({ answered }) => answered === 0) && results.some(({ by }) => by === 'node');
}

/** What of it fails, in words and as topics of the sentence. */
interface Account {
  readonly what: string;
  readonly direction: 'there' | 'back' | 'unknown';
  readonly below: boolean;
  readonly onlyLarge: boolean;
}

function accountOf(view: NodeView, { results, all, parts }: Failing): Account {
  const small = results.filter(({ size }) => size === 'small');
  const onlyLarge = small.length === 0;
  const worst = onlyLarge ? results : small;
  const below = worst.some(({ by }) => by === 'node');
  const answering = all.some((one) => one.by === 'node' && one.answered > 0);
  // What is lost below is told there. A pod that takes part tells nobody what it heard.
  const telling = worst.filter(({ by }) => (below ? by === 'node' : by !== 'pod'));
  const isTelling = telling.length > 0;
  const heard = telling.some((one) => wasHeard(view, one, parts));
  const bytes = Math.max(...results.map(({ packetBytes }) => packetBytes));
  const size = onlyLarge ? `packets of ${bytes} bytes are lost, small ones pass` : 'no packet is answered';
  const where = below
    ? 'already at its node address'
    : answering
      ? 'at its address among the pods; its node address answers'
      : 'at its address among the pods';
  return {
    what: `${size} (${where})`,
    direction: heard ? 'back' : isTelling && knowsHeard(parts) ? 'there' : 'unknown',
    below,
    onlyLarge,
  };
}

function knowsHeard({ probes }: NodeParts): boolean {
  return probes.state === 'ok' && probes.value.heard.total === probes.value.heard.first.length;
}

/** Whether the peer's agent says that this very probe came. */
function wasHeard({ parts: { addresses } }: NodeView, { address, size }: ProbeResult, peer: NodeParts): boolean {
  if (peer.probes.state !== 'ok' || addresses.state !== 'ok') return false;
  const own = new Set<Address>(addresses.value.addresses.map((one) => one.address));
  return peer.probes.value.heard.first.some((heard) => own.has(heard.from) && heard.to === address && heard[size]);
}

const directions: Readonly<Record<Account['direction'], (from: string, to: string) => string>> = {
  there: (from, to) => `what ${from} sends does not arrive at ${to}`,
  back: (from, to) => `what ${from} sends arrives at ${to}, and the answers do not come back`,
  unknown: (from, to) => `between ${from} and ${to}`,
};

function ofOne(view: NodeView, failing: Failing): Violation {
  const { peer } = failing;
  const account = accountOf(view, failing);
  const hop = hopOf(view, failing, account);
  const way = directions[account.direction](view.name, peer);
  return {
    subject: { kind: 'Peer', name: peer },
    summary: `${view.name} gets no answer from ${peer}: ${account.what}; ${way}${hop === null ? '' : `, since ${hop}`}.`,
    evidence: [...evidenceOf(view, failing), ...(hop === null ? [] : [fact('first bad hop', hop)])],
    remediation: looks(view, failing, account),
    frontends: [],
    topics: [account.onlyLarge ? largeTopic(peer) : peerTopic(peer)],
  };
}

function ofAll(view: NodeView, failing: readonly Failing[]): Violation {
  const accounts = failing.map((one) => accountOf(view, one));
  const [first] = failing;
  const [account] = accounts;
  const isSame = new Set(accounts.map(({ direction }) => direction)).size === 1;
  const way = isSame && account !== undefined ? `; ${directions[account.direction](view.name, 'them')}` : '';
  const onlyLarge = accounts.every((one) => one.onlyLarge);
  const what = onlyLarge ? 'large packets get no answer' : 'no packet is answered';
  return {
    subject: nodeSubject(view),
    summary: `${view.name} reaches none of the ${counted(failing.length, 'node')} that it asks (${joined(failing.map(({ peer }) => peer))}): ${what}${way}.`,
    evidence: failing.slice(0, 5).flatMap((one) => evidenceOf(view, one)),
    remediation: first === undefined || account === undefined ? [] : looks(view, first, account),
    frontends: [],
    topics: onlyLarge
      ? failing.map(({ peer }) => largeTopic(peer))
      : [nodeTopic, ...failing.map(({ peer }) => peerTopic(peer))],
  };
}

/** That nothing at all is answered may mean that nobody has opened the port. */
function undecided(view: NodeView, failing: readonly Failing[]): Violation {
  const [first] = failing;
  return {
    subject: nodeSubject(view),
    state: 'unknown',
    summary: `It is not known whether ${view.name} reaches other nodes: no probe between it and ${joined(failing.map(({ peer }) => peer))} is answered, in either direction; UDP port ${portOf(view)} may be closed between nodes.`,
    evidence: failing.slice(0, 5).flatMap((one) => evidenceOf(view, one)),
    remediation: first === undefined ? [] : looks(view, first, accountOf(view, first)),
    frontends: [],
    topics: [nodeTopic, ...failing.map(({ peer }) => peerTopic(peer))],
  };
}

function portOf({ parts: { probes } }: NodeView): number {
  return probes.state === 'ok' ? probes.value.port : 9469;
}

/** What the facts of either node show on the way that fails. */
function hopOf(
  view: NodeView,
  { peer, parts, results }: Failing,
  { direction, below, onlyLarge }: Account,
): string | null {
  const first = results.find(({ by }) => (by === 'node') === below) ?? results[0];
  if (first === undefined) return null;
  const lost = { target: first.address, bytes: onlyLarge ? first.packetBytes : null };
  const end = { name: peer, parts };
  const there = direction === 'back' ? null : badHopThere(view, end, lost);
  const back = direction === 'there' ? null : badHopBack(view, end, lost);
  return there ?? back;
}

function evidenceOf(view: NodeView, { peer, parts, all }: Failing): readonly Evidence[] {
  return all.map((one) => {
    const { address, by, size, packetBytes, sent, answered, error } = one;
    const heard = by === 'pod' ? '' : wasHeard(view, one, parts) ? ', heard there' : ', not heard there';
    const said = error === null ? '' : `, ${error}`;
    return fact(
      `${peer} ${address} (${by}, ${size}, ${packetBytes} bytes)`,
      `${answered} of ${sent} answered${answered === 0 ? heard : ''}${said}`,
    );
  });
}

function looks(view: NodeView, { peer, results }: Failing, { onlyLarge }: Account): readonly Remedy[] {
  const { name } = view;
  const [target] = results;
  if (target === undefined) return [];
  const { address, packetBytes } = target;
  // ICMP's own header and that of IP.
  const payload = packetBytes - (address.includes(':') ? 48 : 28);
  const ping = onlyLarge ? `ping -c 3 -M do -s ${payload} ${address}` : `ping -c 3 ${address}`;
  return [
    {
      command: ping,
      effect: `Run on ${name}: sends ${onlyLarge ? 'packets of the size that is lost, which must not be cut' : 'packets'} to ${peer}.`,
    },
    { command: `ip route get ${address}`, effect: `Run on ${name}: shows the way that such packets take.` },
    {
      command: `timeout 30 tcpdump -ni any 'udp port ${portOf(view)} or icmp or udp port 8472 or udp port 4789'`,
      effect: `Run on ${peer}: shows what arrives, wrapped or not. What leaves ${name} and does not arrive is lost between the nodes.`,
    },
  ];
}
