/**
 * The cases of kube-proxy's own unit tests as data: Services and EndpointSlices, kube-proxy's configuration, and packets
 * with what must become of them. They are the work of others and lie beside the project, not in it.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Address, Family } from '../proto/address.ts';
import { familyOf } from '../proto/address.ts';
import type { Protocol } from '../proto/forwarding.ts';
import type { LocalDetector, NodeProfile } from '../proto/profile.ts';
import type { Flow, FlowAnswer, RefusedStrays } from './answer-flow.ts';
import { address, known, prefix, prefixDetector, profile } from './builders.ts';

const folder = join(import.meta.dirname, '../../shared/fixtures/kube-proxy-flows');

/** The modes that there are cases of. */
export type FlowMode = 'iptables' | 'nftables';

export interface FlowCase {
  readonly name: string;
  readonly nodeName: string;
  readonly profile: NodeProfile;
  /** Items of the API's lists; null where the case holds rules and flows only. */
  readonly services: readonly unknown[] | null;
  readonly endpointSlices: readonly unknown[];
  /** What kube-proxy made of them: as iptables-save prints it, or `nft list ruleset`. */
  readonly rules: string;
  /** Of nftables mode: what it refuses beside the Services' own frontends. */
  readonly strays: RefusedStrays;
  readonly flows: readonly { readonly name: string; readonly flow: Flow; readonly expected: FlowAnswer }[];
}

interface RecordedCase {
  readonly nodeName?: string;
  readonly nodeIPs: readonly string[];
  readonly services?: readonly unknown[];
  readonly endpointSlices?: readonly unknown[];
  readonly iptablesSave?: string;
  readonly nftList?: string;
  readonly config: {
    readonly ipFamily: 'IPv4' | 'IPv6';
    readonly localDetector: string | null;
    readonly masqueradeAll: boolean;
    readonly localhostNodePorts: boolean;
    readonly nodePortAddresses: readonly string[];
  };
  readonly flows: readonly {
    readonly name: string;
    readonly sourceIP: string;
    readonly destIP: string;
    readonly destPort: number;
    readonly protocol: Protocol;
    readonly output: string;
    readonly masq: boolean;
  }[];
}

/** Every case of a mode; null where they are not at hand. */
export function readFlowCases(mode: FlowMode = 'iptables'): readonly FlowCase[] | null {
  const ofMode = join(folder, mode);
  if (!existsSync(ofMode)) return null;
  return readdirSync(ofMode)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => flowCase(file.replace('.json', ''), JSON.parse(readFileSync(join(ofMode, file), 'utf8'))));
}

function flowCase(name: string, recorded: RecordedCase): FlowCase {
  return {
    name,
    nodeName: recorded.nodeName ?? 'test-node',
    profile: profileOf(recorded),
    services: recorded.services ?? null,
    endpointSlices: recorded.endpointSlices ?? [],
    rules: recorded.iptablesSave ?? recorded.nftList ?? '',
    strays: straysOf(recorded.nftList ?? ''),
    flows: recorded.flows.map(({ name: flowName, sourceIP, destIP, destPort, protocol, output, masq }) => ({
      name: flowName,
      flow: { from: address(sourceIP), to: address(destIP), port: destPort, protocol },
      expected: { output: outputOf(output), masquerade: masq },
    })),
  };
}

/** The addresses and ranges that chain cluster-ips-check asks for. */
function straysOf(nftList: string): RefusedStrays {
  const [, elements = ''] = /set cluster-ips \{[^}]*?elements = \{ ([^}]*) \}/.exec(nftList) ?? [];
  const ranges = [...nftList.matchAll(/ip6? daddr (\S+) drop comment/g)];
  return {
    rejected: elements.split(',').flatMap((text) => (text.trim() === '' ? [] : [address(text.trim())])),
    dropped: ranges.map(([, range = '']) => prefix(range)),
  };
}

/** `ACCEPT` and nothing both mean that no Service takes the packet. */
function outputOf(written: string): readonly string[] {
  return written === '' || written === 'ACCEPT' ? ['NONE'] : written.split(', ').sort();
}

function profileOf({ nodeName, nodeIPs, nftList, config }: RecordedCase): NodeProfile {
  const family: Family = config.ipFamily === 'IPv4' ? 'ipv4' : 'ipv6';
  const detector: LocalDetector =
    config.localDetector === null ? { kind: 'none' } : prefixDetector(config.localDetector);
  const loopback: readonly Address[] = [address('127.0.0.1'), address('::1')];
  const prefixes = config.nodePortAddresses.map(prefix);
  const ownOnly = nftList?.includes('set hairpin-connections') === true;
  return profile({
    mode: known(nftList === undefined ? 'iptables' : 'nftables'),
    hairpin: known(ownOnly ? 'own-endpoints' : 'every-endpoint'),
    nodeName: known(nodeName ?? 'test-node'),
    families: [family],
    localAddresses: known([...loopback, ...nodeIPs.map(address)].filter((one) => familyOf(one) === family)),
    localDetector: { ipv4: known(detector), ipv6: known(detector) },
    masqueradeAll: known(config.masqueradeAll),
    localhostNodePorts: known(config.localhostNodePorts),
    nodePortAddresses: known(prefixes.length === 0 ? ('all' as const) : prefixes),
  });
}
