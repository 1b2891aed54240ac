/** The way of one packet through iptables rules: its verdict, and every rule it meets and matches on the way. */
import { type Address, familyOf, parseHostPort } from '../../proto/address.ts';
import type { Protocol } from '../../proto/forwarding.ts';
import type { RuleLine } from '../../proto/parts.ts';
import { addressSet } from '../../proto/prefixes.ts';
import { FamilyTracer, lineOf, type Question } from './family-tracer.ts';
import type { BackendRules } from './iptables.ts';
import { isLocal } from './node-facts.ts';
import type { Walk } from './pieces.ts';

export interface PacketQuestion {
  readonly rulesets: readonly BackendRules[];
  readonly from: Address;
  readonly to: Address;
  readonly port: number;
  readonly protocol: Protocol;
  readonly localAddresses: readonly Address[];
}

export interface PacketAnswer {
  /** `accept`: a filter rule lets it through un-NATed. `none`: no rule takes it. */
  readonly verdict: 'forward' | 'accept' | 'reject' | 'drop' | 'none' | 'unknown';
  readonly backends: readonly { readonly ip: string; readonly port: number }[];
  readonly masquerade: boolean;
  readonly path: readonly RuleLine[];
  /** Why the verdict is unknown. */
  readonly reason?: string;
}

/**
 * Walks the rules for one packet of a new connection. A packet from one of the node's own addresses, or from the address
 * it is sent to, is made by the node; every other one is forwarded.
 */
export function tracePacket(question: PacketQuestion): PacketAnswer {
  const { from, to, port, protocol, localAddresses } = question;
  const family = familyOf(to);
  const origin = isLocal(from, new Set(localAddresses)) || from === to ? 'node' : 'outside';
  const frontend = { family, protocol, address: to, port };
  const asked: Question = { frontend, destination: to, origin, sources: addressSet([from]) };
  const backends = question.rulesets
    .filter((rules) => rules.family === family)
    .map(({ ruleset }): OfBackend => {
      const tracer = new FamilyTracer(ruleset, { family, localAddresses, localDetector: { kind: 'none' } });
      return { translated: ask(tracer, { ...asked, until: 'nat' }), whole: ask(tracer, asked) };
    });
  const [first, second] = backends;
  if (first === undefined) return { verdict: 'none', backends: [], masquerade: false, path: [] };
  return second === undefined ? first.whole : inBoth(first, second);
}

/** What one backend does with the packet: until nat has seen it, and to the end as if the other backend held nothing. */
interface OfBackend {
  readonly translated: PacketAnswer;
  readonly whole: PacketAnswer;
}

function ask(tracer: FamilyTracer, asked: Question): PacketAnswer {
  const walks = [...tracer.walks(asked)];
  const told = agreed(walks, tracer);
  if (asked.origin === 'node' || !walks.some(({ askedInterface }) => askedInterface)) return told;
  // Nobody said where the packet comes in.
  const others = tracer.interfaces(asked.origin).map((name) => agreed([...tracer.walks(asked, name)], tracer));
  return others.every((other) => isSame(other, told)) ? told : unknown('interface-dependent', told.path);
}

function agreed(walks: readonly Walk[], tracer: FamilyTracer): PacketAnswer {
  const reason = walks.find(({ doubts }) => doubts.reason !== null)?.doubts.reason ?? 'undecided-match';
  // Known only where both answers to what could not be decided come to the same.
  return walks.map((walk) => answerOf(walk, tracer)).reduce((a, b) => (isSame(a, b) ? a : unknown(reason, a.path)));
}

function unknown(reason: string, path: readonly RuleLine[]): PacketAnswer {
  return { verdict: 'unknown', backends: [], masquerade: false, path, reason };
}

/** What only one of two backends acts on happens; what both act on differently depends on an order unseen. */
function inBoth(a: OfBackend, b: OfBackend): PacketAnswer {
  const path = [...a.whole.path, ...b.whole.path];
  if (isSame(a.whole, b.whole)) return { ...a.whole, path };
  const early = [a.translated, b.translated];
  const dropped = early.find(({ verdict }) => verdict === 'drop');
  if (dropped !== undefined) return { ...dropped, path };
  const translating = [a, b].filter(({ translated }) => !letsGoOn(translated));
  // What is sent to a backend is no longer addressed as before when the other one's filter sees it.
  const acting = translating.length > 0 ? translating : [a, b].filter(({ whole }) => !letsGoOn(whole));
  const [only = a, other] = acting;
  return other === undefined ? { ...only.whole, path } : unknown('order-not-visible', path);
}

function letsGoOn({ verdict }: PacketAnswer): boolean {
  return verdict === 'none' || verdict === 'accept';
}

function isSame({ path: _a, ...a }: PacketAnswer, { path: _b, ...b }: PacketAnswer): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function answerOf(walk: Walk, tracer: FamilyTracer): PacketAnswer {
  const path = (walk.path ?? []).map(({ table, rule }) => lineOf(table, rule));
  if (walk.unknown !== null) return unknown(walk.unknown, path);
  const sent = walk.leaves.flatMap((leaf) => (leaf.kind === 'sent' && leaf.piece.seen === null ? [leaf] : []));
  if (sent.length > 0) {
    const backends = [...new Set(sent.map(({ backend }) => backend))].sort().map((backend) => {
      const parsed = parseHostPort(backend);
      return { ip: parsed?.address ?? backend, port: parsed?.port ?? 0 };
    });
    return { verdict: 'forward', backends, masquerade: sent.some(({ piece }) => tracer.masquerades(piece.mark)), path };
  }
  const ends = new Set(walk.leaves.map(({ kind }) => kind));
  if (ends.has('untracked')) return unknown('untracked', path);
  const verdict = ends.has('rejected')
    ? 'reject'
    : ends.has('dropped')
      ? 'drop'
      : walk.acceptedByFilter
        ? 'accept'
        : 'none';
  return { verdict, backends: [], masquerade: false, path };
}
