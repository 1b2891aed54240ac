/** The node's profile: what makes this node differ lawfully from others, each fact with where it was read. */
import type { Address, Family } from '../proto/address.ts';
import type { AddressesReport, Part } from '../proto/parts.ts';
import type { DataplaneMode, NodeProfile, Sourced } from '../proto/profile.ts';
import { valueOr } from '../proto/profile.ts';
import { ownAddresses } from './collectors/addresses.ts';
import type { Gathered } from './collectors/index.ts';
import type { RuleFacts } from './collectors/rule-facts.ts';
import {
  hairpinOf,
  localDetectorOf,
  localhostNodePortsOf,
  markBitOf,
  masqueradeAllOf,
  nodePortAddressesOf,
  refusesOwnFirstOf,
} from './profile-facts.ts';

const families: readonly Family[] = ['ipv4', 'ipv6'];

/** Puts the profile together from what the collectors gathered. */
export function profileOf(gathered: Gathered): NodeProfile {
  const { kubeProxy, addresses } = gathered;
  const { configuration } = kubeProxy;
  const { mode } = gathered;
  const { facts } = factsSourceOf(gathered);
  const modeName = valueOr<DataplaneMode | null>(mode, null);
  return {
    mode,
    kubeProxyVersion: versionOf(gathered),
    nodeName: nodeNameOf(gathered),
    families: familiesOf(gathered),
    localAddresses: localAddressesOf(addresses),
    nodePortAddresses: nodePortAddressesOf(modeName, facts, configuration),
    localDetector: {
      ipv4: localDetectorOf('ipv4', facts, configuration),
      ipv6: localDetectorOf('ipv6', facts, configuration),
    },
    masqueradeAll: masqueradeAllOf(facts, configuration),
    localhostNodePorts: localhostNodePortsOf(modeName, facts, configuration),
    markBit: markBitOf(facts, configuration),
    hairpin: hairpinOf(modeName, facts),
    refusesOwnFirst: refusesOwnFirstOf(facts),
  };
}

/** The rules of the mode that the node works with say how kube-proxy is set up. */
function factsSourceOf({ mode, iptables, nftables, ipvs }: Gathered): { readonly facts: RuleFacts } {
  switch (valueOr<DataplaneMode | null>(mode, null)) {
    case 'ipvs':
      return ipvs;
    case 'nftables':
      return nftables;
    default:
      return iptables;
  }
}

function versionOf({ kubeProxy: { part } }: Gathered): Sourced<string> {
  const version = part.state === 'ok' ? part.value.version : null;
  if (version !== null) return { value: version, source: 'metrics' };
  return { source: 'unknown', reason: part.state === 'failed' ? part.reason : 'kube-proxy showed no version' };
}

/** kube-proxy trims the name and makes its letters small (k8s.io/component-helpers/node/util, GetHostname). */
function nodeNameOf({ kubeProxy: { configuration } }: Gathered): Sourced<string> {
  const name = (configuration?.hostnameOverride ?? '').trim().toLowerCase();
  if (name !== '') return { value: name, source: 'configz' };
  const reason =
    configuration === null ? 'kube-proxy showed no configuration' : 'kube-proxy takes the name of its host';
  return { source: 'unknown', reason };
}

/** The families that kube-proxy serves: those of its syncs, else those of its rules, else those of the addresses. */
function familiesOf({ kubeProxy, iptables, nftables, addresses }: Gathered): readonly Family[] {
  const synced = kubeProxy.part.state === 'ok' ? kubeProxy.part.value.lastSync.map(({ family }) => family) : [];
  if (synced.length > 0) return families.filter((family) => synced.includes(family));
  const structures = iptables.part.state === 'ok' ? iptables.part.value.structures : [];
  const native = nftables.part.state === 'ok' ? nftables.part.value.structures : [];
  const ruled = [...structures.filter(({ hasServiceRules }) => hasServiceRules), ...native].map(({ family }) => family);
  if (ruled.length > 0) return families.filter((family) => ruled.includes(family));
  const own = addresses.state === 'ok' ? addresses.value.addresses.filter(isRoutable) : [];
  const addressed = families.filter((family) =>
    own.some(({ address }) => address.includes(':') === (family === 'ipv6')),
  );
  return addressed.length > 0 ? addressed : families;
}

function isRoutable({ address }: AddressesReport['addresses'][number]): boolean {
  return !address.startsWith('127.') && address !== '::1' && !address.startsWith('fe80:');
}

function localAddressesOf(addresses: Part<AddressesReport>): Sourced<readonly Address[]> {
  switch (addresses.state) {
    case 'ok':
      return {
        value: ownAddresses(addresses.value),
        source: 'addresses',
      };
    case 'failed':
      return { source: 'unknown', reason: addresses.reason };
    case 'absent':
      return { source: 'unknown', reason: 'the addresses were not recorded' };
  }
}
