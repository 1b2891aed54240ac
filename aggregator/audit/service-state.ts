/** One state of one Service and its slices, and what it asks of nodes of any standing. */
import type { Family } from '../../proto/address.ts';
import { entryDigest } from '../../proto/canonical.ts';
import type { Entry } from '../../proto/forwarding.ts';
import type { EndpointSlice, Service } from '../model/cluster.ts';
import type { Dependence } from './node-dependence.ts';
import { nodesOfChanges, reachOf } from './local-change.ts';
import { dependenceOf, traitOf } from './node-dependence.ts';
import type { ServedPort } from './service-ports.ts';
import { servedPortsOf } from './service-ports.ts';
import type { Standing } from './standing.ts';
import type { UnfoldedStates } from './unfolded-states.ts';
import type { AskedFrontend } from './wishes.ts';
import { askedOfPort, entriesOf } from './wishes.ts';

/** The entries of one standing, in the order of `asked`; null where a node of that standing serves none. */
type Entries = readonly (Entry | null)[];
type Digests = readonly (string | null)[];

/** The ports of one family, each with what it asks for. */
type FamilyPorts = readonly { readonly served: ServedPort; readonly asked: readonly AskedFrontend[] }[];
type ByFamily<T> = { readonly [family in Family]: T };

/** So many different standings are remembered at once; past that all are worked out anew. */
const mostStandings = 20_000;
const families: readonly Family[] = ['ipv4', 'ipv6'];

/**
 * While it is the present, it remembers its ports and what each standing comes to. Once it is past, it remembers digests
 * only, and works out the rest again when somebody asks: few ever do.
 */
export class ServiceState {
  readonly service: Service;
  readonly slices: readonly EndpointSlice[];
  /** Every frontend that it asks for, of both families. */
  readonly asked: readonly AskedFrontend[];
  /** As kube-proxy counts them. */
  readonly endpoints: ByFamily<number>;
  readonly #dependence: ByFamily<Dependence | null>;
  /** See reachOf. */
  readonly #reach: string | null;
  /** Counts the states of a Service. */
  readonly #number: number;
  /** The nodes that may notice what changed since the state before; null = all. */
  readonly #noticing: ReadonlySet<string> | null;
  #ports: ByFamily<FamilyPorts> | null;
  #endpointNodes: ReadonlySet<string> | null = null;
  #entries: Map<string, Entries> | null = new Map();
  readonly #digests = new Map<string, Digests>();
  /** Null while it is the present. */
  #unfoldedStates: UnfoldedStates | null = null;

  /** @param before the state that this one follows. */
  constructor(service: Service, slices: readonly EndpointSlice[], before: ServiceState | null = null) {
    this.service = service;
    this.slices = slices;
    const ports = portsOf(service, slices);
    const served: ByFamily<readonly ServedPort[]> = {
      ipv4: ports.ipv4.map((port) => port.served),
      ipv6: ports.ipv6.map((port) => port.served),
    };
    // Most changes are of endpoints: what stays the same is kept once for all those states.
    const alike = before?.service === service ? before : null;
    this.asked = alike?.asked ?? families.flatMap((family) => ports[family].flatMap(({ asked }) => asked));
    this.endpoints = { ipv4: countOf(served.ipv4), ipv6: countOf(served.ipv6) };
    const dependence = (family: Family) =>
      served[family].length === 0
        ? null
        : dependenceOf(service, served[family], alike === null ? null : alike.#dependence[family]);
    this.#dependence = { ipv4: dependence('ipv4'), ipv6: dependence('ipv6') };
    this.#reach = reachOf(service, [...served.ipv4, ...served.ipv6]);
    this.#number = before === null ? 1 : before.#number + 1;
    const isLocalChange = alike !== null && this.#reach !== null && this.#reach === alike.#reach;
    this.#noticing = isLocalChange ? nodesOfChanges(alike.slices, slices) : null;
    this.#ports = ports;
  }

  /** Whether nodes of one class may be asked different things, wherever its endpoints are. */
  get dependsOnNode(): boolean {
    return this.#dependence.ipv4 !== null || this.#dependence.ipv6 !== null;
  }

  /** Whether what it asks of a node of this standing may be another thing than what it asks of one that is nowhere. */
  mayDifferOn(standing: Standing): boolean {
    return this.dependsOnNode || this.#isHere(standing);
  }

  /** The nodes that kube-proxy finds an endpoint of it on. */
  endpointNodes(): ReadonlySet<string> {
    if (this.#endpointNodes === null) {
      const names = this.slices.flatMap(({ endpoints }) => endpoints.flatMap(({ nodeName }) => nodeName ?? []));
      this.#endpointNodes = new Set(names);
      this.#unfoldedStates?.add(this);
    }
    return this.#endpointNodes;
  }

  /** Whether the standing's node has an endpoint of it, where that matters by itself. */
  #isHere({ families: served }: Standing): boolean {
    return [...served.values()].some(
      ({ facts, place }) => facts.hairpinOwnOnly && this.endpointNodes().has(place.nodeName),
    );
  }

  /** How much room it takes while it is worked out. */
  get weight(): number {
    return 10 + this.endpoints.ipv4 + this.endpoints.ipv6;
  }

  /** What of this standing the Service heeds: equal texts within a class, equal entries. */
  traitOf(standing: Standing): string {
    const here = this.#isHere(standing) ? placesOf(standing) : '';
    if (!this.dependsOnNode) return here;
    const traits = families.map((family) => {
      const onNode = standing.families.get(family);
      const dependence = this.#dependence[family];
      return onNode === undefined || dependence === null ? '' : traitOf(dependence, onNode);
    });
    return traits.every((trait) => trait === '') ? here : [here, ...traits].join('\n');
  }

  /** Whether it surely asks of this standing what `older` did. It may do so where this says no. */
  isSameAs(older: ServiceState, { families: served }: Standing): boolean {
    const noticing = this.#noticing;
    if (noticing === null || older.#number !== this.#number - 1 || older.service !== this.service) return false;
    return ![...served.values()].some(({ place }) => noticing.has(place.nodeName));
  }

  /** What a node of this standing must do, in the order of `asked`. */
  entriesFor(standing: Standing): Entries {
    if (this.#entries === null) return computed(this.#unfolded(), standing);
    const key = cacheKey(standing, this.traitOf(standing));
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    const entries = computed(this.#unfolded(), standing);
    if (this.#entries.size >= mostStandings) this.#entries.clear();
    this.#entries.set(key, entries);
    return entries;
  }

  /** The digests of those entries. */
  digestsFor(standing: Standing): Digests {
    const key = cacheKey(standing, this.traitOf(standing));
    const known = this.#digests.get(key);
    if (known !== undefined) return known;
    const digests = this.#digestsOf(this.entriesFor(standing));
    if (this.#digests.size >= mostStandings) this.#digests.clear();
    this.#digests.set(key, digests);
    return digests;
  }

  /** It is past: keeps the digests of what it asked of the nodes of whole classes, which cost least now. */
  retire(unfolded: UnfoldedStates): void {
    for (const [key, entries] of this.#entries ?? []) {
      if (isOfClass(key)) this.#digests.set(key, this.#digestsOf(entries));
    }
    this.#entries = null;
    this.#unfoldedStates = unfolded;
    unfolded.add(this);
  }

  /** Forgets what can be worked out again. */
  fold(): void {
    this.#ports = null;
    this.#endpointNodes = null;
  }

  #unfolded(): ByFamily<FamilyPorts> {
    this.#ports ??= portsOf(this.service, this.slices);
    this.#unfoldedStates?.add(this);
    return this.#ports;
  }

  #digestsOf(entries: Entries): Digests {
    return this.asked.map(({ key }, index) => {
      const entry = entries[index] ?? null;
      return entry === null ? null : entryDigest(key, entry.forwarding);
    });
  }
}

function portsOf(service: Service, slices: readonly EndpointSlice[]): ByFamily<FamilyPorts> {
  const ports = (family: Family): FamilyPorts =>
    servedPortsOf(service, slices, family).map((served) => ({
      served,
      asked: askedOfPort(service, served.port, family),
    }));
  return { ipv4: ports('ipv4'), ipv6: ports('ipv6') };
}

function computed(ports: ByFamily<FamilyPorts>, standing: Standing): Entries {
  return families.flatMap((family) => {
    const onNode = standing.families.get(family);
    return ports[family].flatMap(({ served, asked }) =>
      onNode === undefined ? asked.map(() => null) : entriesOf(served, asked, onNode),
    );
  });
}

/** What kube-proxy calls the node, in each family. */
function placesOf({ families: served }: Standing): string {
  return JSON.stringify(['here', ...new Set([...served.values()].map(({ place }) => place.nodeName))]);
}

function countOf(served: readonly ServedPort[]): number {
  return served.reduce((sum, { endpoints }) => sum + endpoints.length, 0);
}

function cacheKey({ classText }: Standing, trait: string): string {
  return trait === '' ? classText : `${classText}\n${trait}`;
}

function isOfClass(key: string): boolean {
  return !key.includes('\n');
}
