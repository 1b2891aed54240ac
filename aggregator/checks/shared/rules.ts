/**
 * Who a rule or chain of kube-proxy serves. The hash in a chain's name proves it; the frontend that a rule matches comes
 * next; a comment counts only when it names a service port that is known here, since anybody can write a comment.
 */
import { type Family, parseAddress } from '../../../proto/address.ts';
import { frontendKey } from '../../../proto/canonical.ts';
import { chainHash, parseHashedChain, sepHash, servicePortName } from '../../../proto/chain-names.ts';
import type { Forwarding, Frontend, FrontendKey, Protocol } from '../../../proto/forwarding.ts';
import { origins } from '../../../proto/forwarding.ts';
import type { IptablesStructure, RuleLine } from '../../../proto/parts.ts';
import type { NodeView } from '../../model/check.ts';
import type { Drift } from '../../model/drift.ts';
import { type Subject, subjectText } from '../../model/finding.ts';

/** One service port, with its frontends of both families. */
export interface ServedPort {
  readonly subject: Subject;
  readonly label: string;
  readonly name: string;
  readonly protocol: Protocol;
  readonly frontends: readonly FrontendKey[];
}

/** The known service ports of a node, to be found by chain, frontend or comment. */
export interface PortIndex {
  readonly byHash: ReadonlyMap<string, ServedPort>;
  readonly byFrontend: ReadonlyMap<FrontendKey, ServedPort>;
  /** By `ns/name:port` and protocol. */
  readonly byName: ReadonlyMap<string, ServedPort>;
}

/** The structures that were read; empty when the part is not there. */
export function structuresOf(view: NodeView): readonly IptablesStructure[] {
  return view.parts.iptables.state === 'ok' ? view.parts.iptables.value.structures : [];
}

/** Those in which kube-proxy's service chains live; a table with other software's rules only says nothing here. */
export function serviceStructures(view: NodeView): readonly IptablesStructure[] {
  return structuresOf(view).filter((structure) => structure.hasServiceRules);
}

/** Makes the index of a node; costs one hash per service port, so ask only when there is a rule to look up. */
export function indexPorts(view: NodeView): PortIndex {
  const byName = new Map<string, ServedPort & { readonly frontends: FrontendKey[] }>();
  const byHash = new Map<string, ServedPort>();
  const byFrontend = new Map<FrontendKey, ServedPort>();
  for (const [key, owner] of view.owners) {
    const name = servicePortName(owner.namespace, owner.name, owner.portName);
    let port = byName.get(`${name} ${owner.protocol}`);
    if (port === undefined) {
      const { namespace, name: service, portName, protocol } = owner;
      const subject: Subject = { kind: 'Service', namespace, name: service, port: portName, protocol };
      port = { subject, label: subjectText(subject), name, protocol, frontends: [] };
      byName.set(`${name} ${protocol}`, port);
      byHash.set(chainHash(name, protocol), port);
    }
    port.frontends.push(key);
    byFrontend.set(key, port);
  }
  addEndpointHashes(view, byFrontend, byHash);
  return { byHash, byFrontend, byName };
}

/** The service port that a chain belongs to. */
export function portOfChain(index: PortIndex, chain: string): ServedPort | null {
  const hashed = parseHashedChain(chain);
  return hashed === null ? null : (index.byHash.get(hashed.hash) ?? null);
}

/** The service port that a rule serves: by the chain it jumps to, the chain it is in, its match, its comment. */
export function portOfRule(index: PortIndex, { chain, rule }: RuleLine, family: Family): ServedPort | null {
  const target = / -[jg] (\S+)/.exec(rule)?.[1] ?? '';
  const key = frontendOfRule(rule, family);
  const matched = key === null ? undefined : index.byFrontend.get(key);
  return portOfChain(index, target) ?? portOfChain(index, chain) ?? matched ?? portOfComment(index, rule);
}

/** Endpoint chains hash address and port too: those that drifts speak of are enough, the others serve as they should. */
function addEndpointHashes(
  view: NodeView,
  byFrontend: ReadonlyMap<FrontendKey, ServedPort>,
  byHash: Map<string, ServedPort>,
): void {
  for (const drift of view.drift) {
    const port = byFrontend.get(drift.key);
    if (port === undefined) continue;
    for (const forwarding of forwardingsOf(drift)) {
      for (const origin of origins) {
        const { route } = forwarding[origin];
        if (route.action !== 'forward') continue;
        for (const backend of route.backends) byHash.set(sepHash(port.name, port.protocol, backend), port);
      }
    }
  }
}

function forwardingsOf(drift: Drift): readonly Forwarding[] {
  switch (drift.kind) {
    case 'missing':
      return [drift.wanted];
    case 'stale':
      return [drift.real];
    case 'different':
      return [drift.wanted, drift.real];
    case 'unknown':
      return [];
  }
}

/** The frontend that a rule of KUBE-SERVICES, KUBE-EXTERNAL-SERVICES or KUBE-NODEPORTS matches. */
function frontendOfRule(rule: string, family: Family): FrontendKey | null {
  const protocol = / -p (tcp|udp|sctp)(?: |$)/.exec(rule)?.[1];
  const port = / --dport (\d+)(?: |$)/.exec(rule)?.[1];
  if (port === undefined || (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'sctp')) return null;
  const destination = / -d ([0-9a-f.:]+)\/(?:32|128)(?: |$)/.exec(rule)?.[1];
  const address: Frontend['address'] | null = destination === undefined ? 'node' : parseAddress(destination);
  return address === null ? null : frontendKey({ family, protocol, address, port: Number(port) });
}

function portOfComment(index: PortIndex, rule: string): ServedPort | null {
  const name = / --comment "?(?:masquerade traffic for )?([a-z0-9.-]+\/[a-z0-9.:-]+)/.exec(rule)?.[1];
  if (name === undefined) return null;
  const protocol = / -p (tcp|udp|sctp)(?: |$)/.exec(rule)?.[1];
  const candidates = protocol === undefined ? ['tcp', 'udp', 'sctp'] : [protocol];
  const ports = candidates.map((candidate) => index.byName.get(`${name} ${candidate}`)).filter((p) => p !== undefined);
  return ports.length === 1 ? (ports[0] ?? null) : null;
}
