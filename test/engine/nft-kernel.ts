/**
 * The nftables table of a node as kube-proxy v1.36 leaves it, one partial sync after the other: chains of Services that
 * changed are written anew, map elements come and go at once, and a chain that nobody wants any more is flushed, and
 * deleted by a sync more than a second later (pkg/proxy/nftables/proxier.go, staleChains).
 */
import { parseNftables, type TracedNft, traceNftables } from '../../agent/dataplane/nftables.ts';
import { servedPorts } from '../../aggregator/audit/service-ports.ts';
import type { ClusterState } from '../../aggregator/model/cluster.ts';
import type { Address } from '../../proto/address.ts';
import { type NodeProfile, valueOr } from '../../proto/profile.ts';
import { prefix, prefixDetector } from '../builders.ts';
import { type NftProxy, type WrittenPort, writePort } from '../property/nft-service.ts';
import { emptyTable } from '../property/nft-skeleton.ts';
import { withPorts } from '../property/nft-writer.ts';
import { printNft } from '../property/nft-written.ts';

const deletedAfterMilliseconds = 1000;

export class NftKernel {
  readonly #proxy: NftProxy;
  readonly #ports = new Map<string, readonly WrittenPort[]>();
  /** Flushed chains and sets without a user, by name, with the time since when. */
  readonly #stale = new Map<string, { readonly at: number; readonly port: WrittenPort }>();

  readonly #deleted = new Set<string>();

  /** Of a kube-proxy as the nodes' profile has it: pods in 10.244.0.0/16, all addresses for node ports. */
  constructor(nodeName: string, own: Address) {
    this.#proxy = {
      configuration: {
        shape: 'v1.36',
        family: 'ipv4',
        detector: prefixDetector('10.244.0.0/16'),
        masqueradeAll: false,
        markBit: 14,
        nodePorts: 'all',
        serviceRanges: [prefix('10.96.0.0/16')],
      },
      place: { nodeName, zone: null, nodeHints: true },
      primaryAddress: own,
    };
  }

  /**
   * One sync.
   * @param changed by Service, what kube-proxy knows of it: the Service and its slices, or nothing.
   */
  sync(now: number, changed: ReadonlyMap<string, ClusterState>): void {
    for (const [name, { at }] of this.#stale) if (now - at > deletedAfterMilliseconds) this.#stale.delete(name);
    for (const [key, state] of changed) {
      const { family } = this.#proxy.configuration;
      const ports = servedPorts(state, family).map((served) => writePort(this.#proxy, served));
      const wanted = new Set(ports.flatMap(({ chains, sets }) => [...chains.keys(), ...sets.keys()]));
      for (const port of this.#ports.get(key) ?? []) {
        for (const [name, chain] of port.chains) {
          if (!wanted.has(name)) this.#leave(name, now, { chains: new Map([[name, { ...chain, rules: [] }]]) });
        }
        for (const [name, set] of port.sets) {
          if (!wanted.has(name)) this.#leave(name, now, { sets: new Map([[name, set]]) });
        }
      }
      for (const name of wanted) this.#stale.delete(name);
      this.#ports.set(key, ports);
    }
  }

  /** Somebody deletes an element. kube-proxy compares with what it remembers, and writes it again after a restart only. */
  deleteElement(map: string, key: string): void {
    this.#deleted.add(`${map} ${key}`);
  }

  /** kube-proxy forgets what it wrote, and will write all of it. */
  restart(): void {
    this.#deleted.clear();
  }

  /** What `nft list table ip kube-proxy` prints. */
  text(): string {
    const left = [...this.#stale.values()].map(({ port }) => port);
    const { configuration } = this.#proxy;
    const written = withPorts(emptyTable(configuration), [...left, ...[...this.#ports.values()].flat()]);
    const sets = [...written.sets].map(([name, set]) => {
      const elements = set.elements.filter(({ text }) => !this.#deleted.has(`${name} ${text.split(' : ')[0]}`));
      return [name, { ...set, elements }] as const;
    });
    return printNft({ ...written, sets: new Map(sets) });
  }

  #leave(name: string, at: number, what: Partial<WrittenPort>): void {
    this.#stale.set(name, { at, port: { elements: new Map(), sets: new Map(), chains: new Map(), ...what } });
  }
}

/** What the agent makes of a node's table. */
export function traceText(text: string, { localAddresses, localDetector }: NodeProfile): TracedNft {
  const parsed = parseNftables(text);
  if (!parsed.ok) throw new Error(`line ${parsed.failure.line}: ${parsed.failure.message}`);
  const none = { kind: 'none' } as const;
  return traceNftables({
    tables: [{ family: 'ipv4', table: parsed.table }],
    localAddresses: valueOr(localAddresses, []),
    localDetector: { ipv4: valueOr(localDetector.ipv4, none), ipv6: none },
  });
}
