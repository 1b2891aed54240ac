/*
 * Calico without an overlay tells ranges of pods by BGP: BIRD on each node has a session with every other node, or with
 * a few route reflectors or routers. A session that is not Established has no routes, and after its hold time what it
 * had told is withdrawn (calico#2785, #4059, #6909): a firewall between nodes, the wrong address of several, a peer that
 * is gone.
 */
import type { BirdProtocol } from '../../proto/parts.ts';
import type { NodeCheck, NodeView } from '../model/check.ts';
import type { Evidence, Violation } from '../model/finding.ts';
import { fact } from './shared/evidence.ts';
import { nodeSubject } from './shared/findings.ts';
import { nodeWithAddress } from './shared/peers.ts';
import { shellWord } from './shared/remedies.ts';
import { nodeTopic, peerTopic } from './shared/topics.ts';
import { counted } from './shared/words.ts';

export const bgpDown: NodeCheck = {
  id: 'bgp-down',
  layer: 'L2',
  scope: 'node',
  severity: 'high',
  title: 'A BGP session is not established',
  explanation: `BIRD on this node has no session with a peer, so neither learns the ranges of the other's pods: packets between them take the default route, or none. Sessions fail when TCP port 179 is closed between nodes, when calico-node has picked the address of another interface (\`IP_AUTODETECTION_METHOD\`), or when the peer's BIRD does not run. An established session that flaps is told only while it is down.`,
  falsePositives: `A session takes some seconds to be established: it must be down for a minute. Peers that are Nodes which are not ready, are about to be removed, or are gone are not told, nor sessions that were switched off by hand (\`disable\`).`,
  remediation: `Open TCP port 179 between the nodes; look at which address each calico-node has taken (annotation \`projectcalico.org/IPv4Address\`) and set the autodetection method; restart calico-node where BIRD does not run.`,
  needs: ['bird'],
  holdForSeconds: 60,
  clearForSeconds: 60,
  evaluate,
};

function evaluate(view: NodeView): readonly Violation[] {
  const { bird } = view.parts;
  if (bird.state !== 'ok') return [];
  const sessions = bird.value.protocols.first.filter(({ kind }) => kind === 'BGP');
  const down = sessions.filter((session) => isDown(session) && isExpected(view, session));
  const [first] = down;
  if (first === undefined) return [];
  return down.length === sessions.length && down.length > 2
    ? [ofAll(view, down)]
    : down.map((session) => ofOne(view, session));
}

function isDown({ state, info }: BirdProtocol): boolean {
  // Switched off by hand: down, and no state of BGP.
  const isSwitchedOff = state === 'down' && info === '';
  return !isSwitchedOff && !info.startsWith('Established');
}

/** Whether its peer should be there. Calico calls sessions of its mesh Mesh_ADDRESS; routers are no Nodes, and stay. */
function isExpected(view: NodeView, { neighbour, name }: BirdProtocol): boolean {
  if (neighbour === null) return true;
  const node = nodeWithAddress(view, neighbour);
  return node === null ? !name.startsWith('Mesh_') : node.ready !== false && !node.leaving;
}

function ofOne(view: NodeView, session: BirdProtocol): Violation {
  const peer = peerOf(view, session);
  return {
    subject: { kind: 'Peer', name: peer },
    summary: `${view.name} has no BGP session with ${peer}: ${session.info === '' ? session.state : session.info}${session.lastError === null ? '' : ` (${session.lastError})`}.`,
    evidence: [evidenceOf(session)],
    remediation: remedies(view, session),
    frontends: [],
    topics: [peerTopic(peer)],
    explainsTopics: [peerTopic(peer)],
  };
}

function ofAll(view: NodeView, down: readonly BirdProtocol[]): Violation {
  const [first] = down;
  return {
    subject: nodeSubject(view),
    summary: `${view.name} has none of its ${counted(down.length, 'BGP session')}: no other node learns the ranges of its pods.`,
    evidence: down.slice(0, 10).map(evidenceOf),
    remediation: first === undefined ? [] : remedies(view, first),
    frontends: [],
    topics: [nodeTopic],
    explainsTopics: 'all',
  };
}

function peerOf(view: NodeView, { neighbour, name }: BirdProtocol): string {
  if (neighbour === null) return name;
  return nodeWithAddress(view, neighbour)?.name ?? neighbour;
}

function evidenceOf({ name, state, info, since, lastError }: BirdProtocol): Evidence {
  const error = lastError === null ? '' : `, last error: ${lastError}`;
  return fact(name, `${state} ${info}`.trim() + ` since ${since}${error}`);
}

function remedies({ name }: NodeView, { neighbour, daemon }: BirdProtocol) {
  const six = daemon === 'bird6' ? '6' : '';
  return [
    ...(neighbour === null
      ? []
      : [
          {
            command: `timeout 3 bash -c ${shellWord(`</dev/tcp/${neighbour}/179`)} && echo open`,
            effect: `Run on ${name}: says whether the peer's port of BGP can be reached. If not, a firewall is in the way, or its BIRD does not run.`,
          },
        ]),
    {
      command: `kubectl -n calico-system exec -c calico-node "$(kubectl -n calico-system get pods --field-selector spec.nodeName=${shellWord(name)} -l k8s-app=calico-node -o name)" -- birdcl${six} -s /var/run/calico/bird${six}.ctl show protocols all`,
      effect: `Shows what BIRD on ${name} says of its sessions. Without Calico's operator the namespace is kube-system; a BIRD of the node itself answers birdc.`,
    },
  ];
}
