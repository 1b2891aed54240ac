/** The way of one packet through iptables rules: its verdict, and every rule it meets and matches on the way. */
import { type Address, familyOf, parseHostPort } from '../../proto/address.ts';
import type { Protocol } from '../../proto/forwarding.ts';
import type { RuleLine } from '../../proto/parts.ts';
import { addressSet } from '../../proto/prefixes.ts';
import { FamilyTracer, lineOf } from './family-tracer.ts';
import type { BackendRules } from './iptables.ts';
import type { Walk } from './walk.ts';

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
  const origin = localAddresses.includes(from) || from === to ? 'node' : 'outside';
  const answers = question.rulesets
    .filter((rules) => rules.family === family)
    .map(({ ruleset }) => {
      const tracer = new FamilyTracer(ruleset, { family, localAddresses, localDetector: { kind: 'none' } });
      const frontend = { family, protocol, address: to, port };
      const asked = { frontend, destination: to, origin, sources: addressSet([from]) } as const;
      const walks = [...tracer.walks(asked)].map((walk) => answerOf(walk, tracer));
      return walks.reduce(ofDoubts);
    });
  const [first, ...rest] = answers;
  if (first === undefined) return { verdict: 'none', backends: [], masquerade: false, path: [] };
  return rest.reduce(ofBoth, first);
}

function unknown(reason: string, path: readonly RuleLine[]): PacketAnswer {
  return { verdict: 'unknown', backends: [], masquerade: false, path, reason };
}

/** Two backends: what only one of them acts on happens; what both act on differently depends on an order unseen. */
function ofBoth(a: PacketAnswer, b: PacketAnswer): PacketAnswer {
  const path = [...a.path, ...b.path];
  if (b.verdict === 'none' || b.verdict === 'accept') return { ...a, path };
  if (a.verdict === 'none' || a.verdict === 'accept') return { ...b, path };
  return isSame(a, b) ? { ...a, path } : unknown('order-not-visible', path);
}

/** Two answers to what could not be decided: known only where both come to the same. */
function ofDoubts(a: PacketAnswer, b: PacketAnswer): PacketAnswer {
  return isSame(a, b) ? a : unknown('unreadable-match', a.path);
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
  const verdict = ends.has('rejected')
    ? 'reject'
    : ends.has('dropped')
      ? 'drop'
      : walk.acceptedByFilter
        ? 'accept'
        : 'none';
  return { verdict, backends: [], masquerade: false, path };
}
