/** The way of one packet through kube-proxy's tables: its verdict, and every rule it meets and matches on the way. */
import { type Address, familyOf, parseHostPort } from '../../../proto/address.ts';
import type { Protocol } from '../../../proto/forwarding.ts';
import { addressSet, contains } from '../../../proto/prefixes.ts';
import { isLocal } from '../node-facts.ts';
import type { PacketAnswer } from '../packet-path.ts';
import { NftFamilyTracer, type Question } from './family-tracer.ts';
import type { FamilyTable } from './trace.ts';
import type { NftWalk } from './rule-walk.ts';

export interface NftPacketQuestion {
  readonly tables: readonly FamilyTable[];
  readonly from: Address;
  readonly to: Address;
  readonly port: number;
  readonly protocol: Protocol;
  readonly localAddresses: readonly Address[];
}

/**
 * Walks the rules for one packet of a new connection. A packet from one of the node's own addresses, or from the address
 * it is sent to, is made by the node; every other one is forwarded.
 */
export function traceNftPacket(question: NftPacketQuestion): PacketAnswer {
  const { from, to, port, protocol, localAddresses } = question;
  const family = familyOf(to);
  const table = question.tables.find((one) => one.family === family)?.table;
  if (table === undefined) return { verdict: 'none', backends: [], masquerade: false, path: [] };
  const tracer = new NftFamilyTracer(table, { family, localAddresses, localDetector: { kind: 'none' } });
  const origin = isLocal(from, new Set(localAddresses)) || from === to ? 'node' : 'outside';
  const asked: Question = {
    frontend: { family, protocol, address: to, port },
    destination: to,
    origin,
    sources: addressSet([from]),
  };
  const walks = [...tracer.walks(asked)];
  const told = agreed(walks, tracer, asked);
  if (origin === 'node' || !walks.some(({ askedInterface }) => askedInterface)) return told;
  // Nobody said where the packet comes in.
  const others = tracer.interfaces(origin).map((name) => agreed([...tracer.walks(asked, name)], tracer, asked));
  return others.every((other) => isSame(other, told)) ? told : unknown('interface-dependent', told.path);
}

/** Known only where both answers to what could not be decided come to the same. */
function agreed(walks: readonly NftWalk[], tracer: NftFamilyTracer, asked: Question): PacketAnswer {
  const reason = walks.find(({ doubts }) => doubts.reason !== null)?.doubts.reason ?? 'undecided-match';
  return walks
    .map((walk) => answerOf(walk, tracer, asked))
    .reduce((a, b) => (isSame(a, b) ? a : unknown(reason, a.path)));
}

function unknown(reason: string, path: PacketAnswer['path']): PacketAnswer {
  return { verdict: 'unknown', backends: [], masquerade: false, path, reason };
}

function isSame({ path: _a, ...a }: PacketAnswer, { path: _b, ...b }: PacketAnswer): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function answerOf(walk: NftWalk, tracer: NftFamilyTracer, asked: Question): PacketAnswer {
  const path = walk.path ?? [];
  if (walk.unknown !== null) return unknown(walk.unknown, path);
  const sent = walk.leaves.flatMap((leaf) => (leaf.kind === 'sent' && leaf.piece.seen === null ? [leaf] : []));
  if (sent.length > 0) {
    const { protocol } = asked.frontend;
    const masquerade = sent.some(({ piece, backend }) => {
      const own = parseHostPort(backend);
      const isHairpin = own !== null && contains(asked.sources, own.address);
      return tracer.postrouting.masquerades(piece.mark, isHairpin ? { ...own, protocol } : undefined);
    });
    const backends = [...new Set(sent.map(({ backend }) => backend))].sort().map((backend) => {
      const parsed = parseHostPort(backend);
      return { ip: parsed?.address ?? backend, port: parsed?.port ?? 0 };
    });
    return { verdict: 'forward', backends, masquerade, path };
  }
  const ends = new Set(walk.leaves.map(({ kind }) => kind));
  if (ends.has('untracked')) return unknown('untracked', path);
  const verdict = ends.has('rejected') ? 'reject' : ends.has('dropped') ? 'drop' : 'none';
  return { verdict, backends: [], masquerade: false, path };
}
