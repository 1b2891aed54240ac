/**
 * Single facts of the node's profile, each from the best source at hand: the rules for what the node does now,
 * /configz for what kube-proxy was told, kube-proxy's defaults else.
 */
import type { Family, Prefix } from '../proto/address.ts';
import type { LocalDetector, Sourced } from '../proto/profile.ts';
import type { KubeProxyConfiguration } from './collectors/kube-proxy-configuration.ts';
import type { RuleFacts } from './collectors/rule-facts.ts';

const defaultMarkBit = 14;

/** kube-proxy's mark is what it was told; where it does not say, what the rules set. */
export function markBitOf(facts: RuleFacts, configuration: KubeProxyConfiguration | null): Sourced<number> {
  const configured = configuration?.masqueradeBit ?? null;
  if (configured !== null) return { value: configured, source: 'configz' };
  if (facts.markBit !== null) return { value: facts.markBit, source: 'rules' };
  return { value: defaultMarkBit, source: 'default' };
}

/** What kube-proxy was told; where it does not say, what most of its service chains do. */
export function masqueradeAllOf(facts: RuleFacts, configuration: KubeProxyConfiguration | null): Sourced<boolean> {
  const configured = configuration?.masqueradeAll ?? null;
  if (configured !== null) return { value: configured, source: 'configz' };
  if (facts.masqueradeAll !== null) return { value: facts.masqueradeAll, source: 'rules' };
  return { value: false, source: 'default' };
}

/** What the rules match is what the node does now; rules without any such match leave it to the configuration. */
export function localDetectorOf(
  family: Family,
  facts: RuleFacts,
  configuration: KubeProxyConfiguration | null,
): Sourced<LocalDetector> {
  const inRules = facts.localDetector[family];
  if (inRules !== null) return { value: inRules, source: 'rules' };
  const configured = configuration === null ? null : configuredDetector(family, configuration);
  if (configured !== null) return { value: configured, source: 'configz' };
  return { value: { kind: 'none' }, source: 'default' };
}

/** Null for NodeCIDR, whose prefix only the API knows, and where the mode's own setting is empty. */
function configuredDetector(family: Family, configuration: KubeProxyConfiguration): LocalDetector | null {
  const { detectLocalMode, clusterCidr, bridgeInterface, interfaceNamePrefix } = configuration;
  switch (detectLocalMode) {
    case 'BridgeInterface':
      return bridgeInterface ? { kind: 'interface', pattern: bridgeInterface } : null;
    case 'InterfaceNamePrefix':
      return interfaceNamePrefix ? { kind: 'interface', pattern: `${interfaceNamePrefix}+` } : null;
    case 'ClusterCIDR':
    case '':
    case null: {
      const prefix = clusterCidr[family];
      return prefix === null ? null : { kind: 'prefix', prefix };
    }
    default:
      return null;
  }
}

/** Unset, nodePorts answer on all addresses in iptables and ipvs mode and on the primary ones in nftables mode. */
export function nodePortAddressesOf(
  mode: string | null,
  facts: RuleFacts,
  configuration: KubeProxyConfiguration | null,
): Sourced<'all' | 'primary' | readonly Prefix[]> {
  const byDefault = mode === 'nftables' ? 'primary' : 'all';
  const configured = configuration?.nodePortAddresses ?? null;
  if (configured !== null) return { value: configured === 'default' ? byDefault : configured, source: 'configz' };
  const inRules = [facts.nodePorts.ipv4, facts.nodePorts.ipv6].filter((rules) => rules !== null);
  if (inRules.length === 0) return { value: byDefault, source: 'default' };
  const prefixes: Prefix[] = [];
  for (const { addresses } of inRules) {
    if (addresses === 'all') return { value: 'all', source: 'rules' };
    prefixes.push(...addresses);
  }
  return { value: prefixes, source: 'rules' };
}

/** Only the iptables mode of kube-proxy serves nodePorts on localhost, and only on IPv4; there it does by default. */
export function localhostNodePortsOf(
  mode: string | null,
  facts: RuleFacts,
  configuration: KubeProxyConfiguration | null,
): Sourced<boolean> {
  if (mode !== 'iptables') return { value: false, source: 'default' };
  const configured = configuration?.localhostNodePorts ?? null;
  if (configured !== null) return { value: configured, source: 'configz' };
  const inRules = facts.nodePorts.ipv4;
  return inRules === null ? { value: true, source: 'default' } : { value: inRules.localhost, source: 'rules' };
}

/** Where the rules do not say, kube-proxy is taken for a newer one. */
export function refusesOwnFirstOf(facts: RuleFacts): Sourced<boolean> {
  if (facts.refusesOwnFirst === null) return { value: false, source: 'default' };
  return { value: facts.refusesOwnFirst, source: 'rules' };
}

/** iptables mode marks every endpoint's own packets; IPVS lists the endpoints on the node, and nftables mode may. */
export function hairpinOf(mode: string | null, facts: RuleFacts): Sourced<'every-endpoint' | 'own-endpoints'> {
  if (facts.hairpin !== null) return { value: facts.hairpin, source: 'rules' };
  return { value: mode === 'ipvs' || mode === 'nftables' ? 'own-endpoints' : 'every-endpoint', source: 'default' };
}
