/** What the walk must know of the node beside its rules. */
import { type Address, type Family, familyOf } from '../../proto/address.ts';
import type { Origin } from '../../proto/forwarding.ts';
import type { SourcePlace } from '../../proto/origin-sources.ts';
import { contains, emptySet, type PrefixSet, parsePrefix, prefixSet } from '../../proto/prefixes.ts';
import { matchesInterface } from './matching.ts';

/** One family of a node. */
export interface NodeFacts extends SourcePlace {
  /** The node's links; absent = not known. */
  readonly links?: readonly string[] | undefined;
}

const loopback: { readonly [family in Family]: PrefixSet } = { ipv4: setOf('127.0.0.0/8'), ipv6: setOf('::1/128') };

function setOf(text: string): PrefixSet {
  const prefix = parsePrefix(text);
  return prefix === null ? emptySet : prefixSet([prefix]);
}

/** Whether an address is the node's own; its whole loopback range is. */
export function isLocal(address: Address, localAddresses: ReadonlySet<Address>): boolean {
  return localAddresses.has(address) || contains(loopback[familyOf(address)], address);
}

/** Bridges of container runtimes and hypervisors beside Kubernetes: no packet of a pod or of another host uses them. */
function isStrangersBridge(link: string): boolean {
  return link === 'docker0' || link.startsWith('br-') || link.startsWith('virbr') || link.startsWith('lxcbr');
}

function carries(link: string): boolean {
  return link !== 'lo' && !isStrangersBridge(link);
}

/** The links that packets of pods and of other hosts come in and leave by; null = not known. */
export function carryingLinks({ links }: NodeFacts): readonly string[] | null {
  return links?.filter(carries) ?? null;
}

/**
 * All that a walk can tell of the node's links, as one text: which of the rules' patterns fit the same link. A further
 * link like one that is there changes nothing, and pods bring and take such links all the time.
 * @param links null = not known.
 * @param patterns every pattern that a rule or kube-proxy's local detector asks for.
 */
export function linksAsSeen(links: readonly string[] | null, patterns: readonly string[]): string {
  if (links === null) return 'not known';
  const fitting = (link: string) => patterns.filter((pattern) => matchesInterface(pattern, link)).join(' ');
  return JSON.stringify([...new Set(links.filter(carries).map(fitting))].sort());
}

/** The node's own addresses of a family that other hosts can use. */
export function reachableAddresses({ family, localAddresses }: NodeFacts): readonly Address[] {
  return localAddresses.filter((address) => familyOf(address) === family && !contains(loopback[family], address));
}

/**
 * The interfaces that packets of an origin come in by, one for each way that patterns of rules tell them apart;
 * '' stands for one that no pattern names.
 */
export function interfacesOf(facts: NodeFacts, origin: Origin, patterns: ReadonlySet<string>): readonly string[] {
  const { localDetector: detector } = facts;
  // Until the first pod there is no link that the detector fits; pods will come in by one all the same.
  const pods = detector.kind === 'interface' ? [exampleOf(detector.pattern)] : [];
  const named = [...(carryingLinks(facts) ?? ['', ...[...patterns].map(exampleOf).filter(carries)]), ...pods];
  const bySignature = new Map<string, string>();
  for (const link of named) {
    if (detector.kind === 'interface' && matchesInterface(detector.pattern, link) !== (origin === 'pod')) continue;
    const signature = [...patterns].filter((pattern) => matchesInterface(pattern, link)).join(' ');
    if (!bySignature.has(signature)) bySignature.set(signature, link);
  }
  return bySignature.size === 0 ? [''] : [...bySignature.values()];
}

/** A link that fits a pattern, and no longer pattern: `?` stands in no link's name. */
function exampleOf(pattern: string): string {
  return pattern.replace('+', '?');
}
