/** One simulated agent: readings of a simulated node, and what the stream asks of it. */
import type { LoopFigures, NodeReading, ReadEvidence, ReadingSource } from '../../../agent/reading.ts';
import { parseAddress } from '../../../proto/address.ts';
import { entryDigest } from '../../../proto/canonical.ts';
import type { Leaf } from '../../../proto/bucket-tree.ts';
import type { BaseJump, Counter, NodeParts, RuleLine } from '../../../proto/parts.ts';
import { parsePrefix } from '../../../proto/prefixes.ts';
import type { NodeProfile } from '../../../proto/profile.ts';
import { address, known, profile } from '../../builders.ts';
import { excerpt, kubeProxy, noParts, reported, structure } from '../../view-builders.ts';
import { nodeAddressOf, nodeNameOf, podPrefixOf, podRange } from './api-objects.ts';
import type { SimulatedKubeProxy } from './kube-proxy.ts';

const jumps = ['PREROUTING', 'OUTPUT'].map((from): BaseJump => ({ table: 'nat', from, to: 'KUBE-SERVICES' }));

/** The profile of one node of the load's cluster, as its agent would find it. */
export function profileOf(nodeIndex: number): NodeProfile {
  const prefix = parsePrefix(podRange);
  const bridge = parseAddress(podPrefixOf(nodeIndex).replace(/0\/24$/, '1'));
  if (prefix === null || bridge === null) throw new Error(`node ${nodeIndex} has no pod range`);
  return profile({
    nodeName: known(nodeNameOf(nodeIndex)),
    localAddresses: known([address('127.0.0.1'), address(nodeAddressOf(nodeIndex)), bridge]),
    localDetector: { ipv4: known({ kind: 'prefix', prefix }), ipv6: known({ kind: 'none' }) },
  });
}

/** Reads when it is told to. */
export class SimulatedAgent implements ReadingSource {
  readonly #profile: NodeProfile;
  readonly #proxy: SimulatedKubeProxy;
  readonly #listeners = new Set<(reading: NodeReading) => void>();
  readonly #wanted = new Set<string>();
  readonly #steady: Pick<NodeParts, 'addresses' | 'proxyTraces' | 'routes' | 'links' | 'cni'>;
  readonly #startedAt = performance.now();
  #readings = 0;
  #unchanged = 0;
  #changes: { readonly total: number; readonly atMs: number } | null = null;
  #latest: NodeReading | null = null;

  constructor(profileOfNode: NodeProfile, proxy: SimulatedKubeProxy) {
    this.#profile = profileOfNode;
    this.#proxy = proxy;
    const { localAddresses } = profileOfNode;
    const addresses = localAddresses.source === 'unknown' ? [] : localAddresses.value;
    this.#steady = {
      addresses: reported({
        addresses: addresses.map((one, index) => ({ link: `eth${index}`, address: one, prefixLength: 24 })),
        links: addresses.map((_, index) => `eth${index}`),
      }),
      proxyTraces: reported({ iptables: true, nftables: false, ipvs: false }),
      routes: { state: 'absent' },
      links: { state: 'absent' },
      cni: { state: 'absent' },
    };
  }

  get readings(): number {
    return this.#readings;
  }

  latest(): NodeReading | null {
    return this.#latest;
  }

  subscribe(listener: (reading: NodeReading) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  wantEvidence(entries: readonly string[]): void {
    for (const entry of entries) this.#wanted.add(entry);
  }

  slowDown(): void {
    // The aggregator does not ask for it; readings come at the pace of the load.
  }

  figures(): LoopFigures {
    const uptimeSeconds = (performance.now() - this.#startedAt) / 1000;
    return {
      rssBytes: 90_000_000,
      childPeakBytes: 30_000_000,
      cpuSeconds: uptimeSeconds / 100,
      uptimeSeconds,
      readings: this.#readings,
      unchangedReadings: this.#unchanged,
      failedReadings: 0,
      lastReadingSeconds: 0.05,
      intervalSeconds: 5,
      hints: 0,
      hintSources: [],
    };
  }

  /** Reads the node as it is now, and hands the reading out. */
  read(): void {
    const { leaves } = this.#proxy;
    const number = ++this.#readings;
    if (this.#latest?.leaves === leaves) this.#unchanged++;
    const takenAt = new Date();
    const endedAtMs = performance.now();
    const ownerHint: NodeReading['ownerHint'] = (key) => this.#proxy.ownerOf(key);
    const evidence = this.#answers(leaves);
    const reading = { number, takenAt, endedAtMs, profile: this.#profile, parts: this.#parts(leaves), leaves };
    this.#latest = { ...reading, ownerHint, evidence };
    for (const listener of this.#listeners) listener(this.#latest);
  }

  #answers(leaves: readonly Leaf[]): readonly ReadEvidence[] {
    if (this.#wanted.size === 0) return [];
    const present = new Set(
      leaves.flatMap(({ entries }) => [...entries].map(([key, { forwarding }]) => entryDigest(key, forwarding))),
    );
    const answers = [...this.#wanted].map((entry): ReadEvidence => {
      const repaired = !present.has(entry);
      const lines = repaired ? [] : someRules;
      return { entry, repaired, lines, total: lines.length };
    });
    this.#wanted.clear();
    return answers;
  }

  #parts(leaves: readonly Leaf[]): NodeParts {
    const seconds = this.#proxy.lastSync / 1000;
    const frontends = leaves.reduce((sum, { entries }) => sum + entries.size, 0);
    const rules = frontends * 22;
    const sound = structure({ rules: rules + 30, kubeRules: { nat: rules, filter: 12 }, presentBaseJumps: jumps });
    return {
      ...noParts,
      ...this.#steady,
      forwarding: reported({ mode: 'iptables', table: new Map(), owners: new Map(), unlisted: null }),
      iptables: reported({
        structures: [{ ...sound, danglingJumps: excerpt() }],
        serviceBackends: ['nft'],
        proxyChains: [],
        hostPortTables: [],
      }),
      kubeProxy: kubeProxy({
        believedRules: [
          { family: 'ipv4', table: 'nat', rules },
          { family: 'ipv4', table: 'filter', rules: 12 },
        ],
        lastSync: [{ family: 'ipv4', seconds }],
        lastQueued: [{ family: 'ipv4', seconds: seconds - 0.25 }],
        endpointChanges: this.#counted(),
        programmingP99Seconds: 4.096,
      }),
    };
  }

  #counted(): Counter {
    const atMs = performance.now();
    const total = this.#proxy.changes;
    const before = this.#changes ?? { total, atMs };
    this.#changes = { total, atMs };
    return { total, increase: total - before.total, windowSeconds: (atMs - before.atMs) / 1000, reset: false };
  }
}

/** A Service's rules with ten endpoints, about as long as real ones. */
const someRules: readonly RuleLine[] = Array.from({ length: 10 }, (_, index) => ({
  table: 'nat',
  chain: 'KUBE-SVC-ABCDEFGHIJKLMNOP',
  rule: `-A KUBE-SVC-ABCDEFGHIJKLMNOP -m comment --comment "load/svc:http -> 10.128.0.${index + 2}:8080" -m statistic --mode random --probability 0.10000000009 -j KUBE-SEP-ABCDEFGHIJKLMNO${index}`,
}));
