/**
 * What one pod's policies say of a flow, in one direction. "The two sorts of pod isolation" (Kubernetes documentation,
 * Network Policies): without a policy that selects the pod everything is let through; else what any rule of any of them
 * lets through is, and nothing more.
 */
import type { Address } from '../../../proto/address.ts';
import type { Pod } from '../../model/cluster.ts';
import type { DecidingRule, Flow, PolicyDirection, SideVerdict } from '../../model/policy.ts';
import type { PodClass, PodClasses } from './classes.ts';
import type { CompiledPolicy, CompiledRule } from './compiled.ts';
import type { SeenEnd } from './flow-ends.ts';
import { type PeerAnswer, type PeerDoubt, type PeerQuestion, peerAnswer } from './peers.ts';
import { fittingPort, type PortQuestion } from './ports.ts';
import * as say from './sentences.ts';

/** As many rules that nearly fit are told. */
const mostNearly = 5;

/** Rules, peers and ports of the policies of one pod: with more, each question would take milliseconds. */
const largest = 50_000;

export interface SideQuestion {
  readonly direction: PolicyDirection;
  readonly flow: Flow;
  /** The end whose policies are asked, and its peer. */
  readonly own: SeenEnd;
  readonly peer: SeenEnd;
}

/** Asks one end's policies. */
export function judgeSide(question: SideQuestion, classes: PodClasses): SideVerdict {
  const { direction, own, peer } = question;
  const podClass = own.podClass;
  if (podClass === null) return plain(direction, 'not-judged', say.noPod(direction));
  if (podClass.kind === 'host') return plain(direction, 'not-judged', say.hostNetwork(direction));
  if (podClass.kind === 'finished') return plain(direction, 'not-judged', say.finished(direction));
  const isolating = podClass.isolating[direction];
  if (isolating.length === 0) return plain(direction, 'not-isolated', say.notIsolated(direction, podClass.namespace));
  const keys = podClass.isolatingNames[direction];
  const always = alwaysLet(own, peer);
  if (always !== null) return { ...plain(direction, 'allowed', always), isolating: keys };
  if (podClass.size[direction] > largest)
    return { ...plain(direction, 'unknown', say.tooLarge(keys)), isolating: keys };
  return { ...judged(question, { podClass, isolating, classes }), isolating: keys };
}

function plain(direction: PolicyDirection, state: SideVerdict['state'], because: string): SideVerdict {
  return { direction, state, because, isolating: [], by: null, nearly: [] };
}

/** What no policy can forbid: a pod's traffic with itself, and with its own node. */
function alwaysLet(own: SeenEnd, peer: SeenEnd): string | null {
  if (own.pod !== null && peer.pod !== null && isSame(own.pod, peer.pod)) return say.itself;
  const node = own.pod?.nodeName ?? null;
  return node !== null && peer.hostOf === node ? say.ownNode : null;
}

function isSame(one: Pod, other: Pod): boolean {
  return one.uid === other.uid && one.name === other.name && one.namespace === other.namespace;
}

interface Sides {
  readonly podClass: PodClass;
  readonly isolating: readonly CompiledPolicy[];
  readonly classes: PodClasses;
}

/** One rule held against the flow. */
interface RuleAnswer {
  readonly rule: CompiledRule;
  readonly peer: PeerAnswer;
  /** As `fittingPort` says it. */
  readonly port: number | null;
}

function judged(question: SideQuestion, { podClass, isolating, classes }: Sides): SideVerdict {
  const { direction, flow } = question;
  const named = namedPorts(question, podClass);
  const ports: PortQuestion = { protocol: flow.protocol, port: flow.port, named: named.certain };
  const peers = peerQuestion(question);
  const misses: Misses = { port: [], peer: [] };
  let doubtful: { readonly rule: CompiledRule; readonly doubt: PeerDoubt } | null = null;
  for (const policy of isolating) {
    for (const rule of policy.rules[direction] ?? []) {
      const port = fittingPort(rule.ports, ports);
      const peer = peerAnswer(rule, peers, classes);
      if (port === -1) {
        const mayFit = named.onHost.length > 0 && fittingPort(rule.ports, { ...ports, named: named.onHost }) !== -1;
        if (mayFit && peer.fit !== 'no') doubtful ??= { rule, doubt: 'host-port-name' };
        if (peer.fit === 'yes' && misses.port.length < mostNearly) misses.port.push({ rule, peer, port });
      } else if (peer.fit === 'yes') {
        return {
          ...plain(direction, 'allowed', say.allowed(rule, { peer, port })),
          by: deciding({ rule, peer, port }),
        };
      } else if (peer.fit === 'maybe') {
        doubtful ??= { rule, doubt: peer.doubt };
      } else if (misses.peer.length < mostNearly) {
        misses.peer.push({ rule, peer, port });
      }
    }
  }
  if (doubtful !== null) return plain(direction, 'unknown', say.doubt(doubtful.rule, doubtful.doubt));
  // A node that source addresses are rewritten to may be the pod's own, which is always let in.
  if (peers.sourceMayBeRewritten) return plain(direction, 'unknown', say.rewritten);
  return denied(direction, { podClass, misses, flow });
}

/** Rules that lack one thing alone, as many as are told. */
interface Misses {
  readonly port: RuleAnswer[];
  readonly peer: RuleAnswer[];
}

function denied(
  direction: PolicyDirection,
  { podClass, misses, flow }: { readonly podClass: PodClass; readonly misses: Misses; readonly flow: Flow },
): SideVerdict {
  const nearly = [
    ...misses.port.map((miss) => ({ rule: deciding(miss), lacks: 'port' as const })),
    ...misses.peer.map((miss) => ({ rule: deciding(miss), lacks: 'peer' as const })),
  ].slice(0, mostNearly);
  const [nearest] = misses.port;
  const because = podClass.denial[direction];
  return {
    ...plain(direction, 'denied', nearest === undefined ? because : `${because} ${say.otherPort(nearest.rule, flow)}`),
    nearly,
  };
}

/** Container ports that a name stands for: the destination's, whichever side asks. Of a pod in its node's network it may. */
function namedPorts({ direction, peer }: SideQuestion, own: PodClass) {
  const none: PortQuestion['named'] = [];
  const destination = direction === 'ingress' ? own : peer.podClass;
  const ports = destination?.ports ?? none;
  return destination?.kind === 'host' ? { certain: none, onHost: ports } : { certain: ports, onHost: none };
}

function peerQuestion({ direction, flow, peer }: SideQuestion): PeerQuestion {
  const through: Address | null = direction === 'egress' ? (flow.through?.address ?? null) : null;
  return { peer, through, sourceMayBeRewritten: direction === 'ingress' && flow.sourceMayBeRewritten === true };
}

function deciding({ rule, peer, port }: RuleAnswer): DecidingRule {
  const { policy, direction, index } = rule;
  return {
    namespace: policy.namespace,
    policy: policy.name,
    direction,
    rule: index,
    peer: peer.fit === 'no' ? null : peer.index,
    port: port === -1 ? null : port,
  };
}
