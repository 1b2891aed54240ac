/** Readings of a node, and a loop that hands them out, for tests of what becomes of them. */
import type { LoopFigures, NodeReading, ReadingSource } from '../agent/reading.ts';
import type { ToldWays } from '../agent/stream/session.ts';
import { leavesOf } from '../proto/bucket-tree.ts';
import type { AddressesReport, ForwardingReport, IptablesStructure, NodeParts } from '../proto/parts.ts';
import { address, profile } from './builders.ts';
import { kubeProxy, noParts, reported, structure, type Row, table } from './view-builders.ts';

export interface ReadingSketch extends Partial<Omit<NodeReading, 'parts' | 'leaves'>> {
  readonly parts?: Partial<NodeParts>;
  /** Null = it could not be read. */
  readonly rows?: readonly Row[] | null;
}

/** The iptables part of a sound node. */
export function iptables(other: Partial<IptablesStructure> = {}): NodeParts['iptables'] {
  return reported({ structures: [structure(other)], serviceBackends: ['nft'], proxyChains: [], hostPortTables: [] });
}

/** The forwarding part of a node in iptables mode, its table apart. */
function forwarding(other: Partial<ForwardingReport> = {}): NodeParts['forwarding'] {
  return reported({ mode: 'iptables', table: new Map(), owners: new Map(), unlisted: null, ...other });
}

const addresses: AddressesReport = {
  addresses: [
    { link: 'lo', address: address('127.0.0.1'), prefixLength: 8 },
    { link: 'eth0', address: address('192.168.100.11'), prefixLength: 24 },
  ],
  links: ['lo', 'eth0'],
};

/** The parts of a sound node. */
function parts(other: Partial<NodeParts> = {}): NodeParts {
  return {
    ...noParts,
    forwarding: forwarding(),
    iptables: iptables(),
    kubeProxy: kubeProxy(),
    addresses: reported(addresses),
    proxyTraces: reported({ iptables: true, nftables: false, ipvs: false }),
    ...other,
  };
}

/** A reading with this number, of a sound node without Services unless said. */
export function reading(number: number, sketch: ReadingSketch = {}): NodeReading {
  const { rows, parts: otherParts, ...other } = sketch;
  return {
    number,
    takenAt: new Date('2026-11-22T10:00:00.000Z'),
    endedAtMs: 0,
    profile: profile(),
    parts: parts(otherParts),
    leaves: rows === null ? null : leavesOf(table(rows ?? [])),
    ownerHint: () => null,
    evidence: [],
    ...other,
  };
}

export const loopFigures: LoopFigures = {
  rssBytes: 80_000_000,
  childPeakBytes: 30_000_000,
  cpuSeconds: 1.5,
  uptimeSeconds: 600,
  readings: 60,
  unchangedReadings: 50,
  failedReadings: 0,
  lastReadingSeconds: 0.05,
  intervalSeconds: 10,
  hints: 3,
  hintSources: ['kube-proxy-sync'],
};

/** An agent that has tried no way to its aggregator. */
export const noWays: ToldWays = { known: [], badAddressLines: 0 };

/** A loop that reads what it is told, and remembers what it was asked for. */
export class FakeLoop implements ReadingSource {
  readonly asked: string[] = [];
  readonly #listeners = new Set<(reading: NodeReading) => void>();
  #latest: NodeReading | null = null;

  latest(): NodeReading | null {
    return this.#latest;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  subscribe(listener: (reading: NodeReading) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  wantEvidence(entries: readonly string[]): void {
    this.asked.push(`evidence of ${entries.join(' ')}`);
  }

  slowDown(intervalSeconds: number | null): void {
    this.asked.push(`slow down to ${intervalSeconds}`);
  }

  figures(): LoopFigures {
    return loopFigures;
  }

  read(next: NodeReading): void {
    this.#latest = next;
    for (const listener of this.#listeners) listener(next);
  }
}
