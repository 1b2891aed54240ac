/** The node's profile: what makes this node differ lawfully from others, each fact with where it was read. */
import type { Address, Family } from '../proto/address.ts';
import type { AddressesReport, Part } from '../proto/parts.ts';
import type { DataplaneMode, NodeProfile, Sourced } from '../proto/profile.ts';
import { valueOr } from '../proto/profile.ts';
import { ownAddresses } from './collectors/addresses.ts';
import type { Gathered } from './collectors/index.ts';
import {
  localDetectorOf,
  localhostNodePortsOf,
  markBitOf,
  masqueradeAllOf,
  nodePortAddressesOf,
} from './profile-facts.ts';

const families: readonly Family[] = ['ipv4', 'ipv6'];

/** Puts the profile together from what the collectors gathered. */
export function profileOf(gathered: Gathered): NodeProfile {
  const { kubeProxy, addresses } = gathered;
  const { configuration } = kubeProxy;
  const { facts } = gathered.iptables;
  const mode = modeOf(gathered);
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
  };
}

/** kube-proxy's word first; where it is silent, the traces on the node if they are those of one proxy. */
function modeOf({ kubeProxy, proxyTraces }: Gathered): Sourced<DataplaneMode> {
  const answered = kubeProxy.part.state === 'ok' ? modeNamed(kubeProxy.part.value.mode) : null;
  if (answered !== null) return { value: answered, source: 'proxyMode' };
  const configured = modeNamed(kubeProxy.configuration?.mode ?? null);
  if (configured !== null) return { value: configured, source: 'configz' };
  if (proxyTraces.state === 'failed') return { source: 'unknown', reason: proxyTraces.reason };
  if (proxyTraces.state === 'absent') return { source: 'unknown', reason: 'neither kube-proxy nor rules were read' };
  const { iptables, nftables, ipvs } = proxyTraces.value;
  const traced: DataplaneMode[] = [];
  if (iptables) traced.push('iptables');
  if (nftables) traced.push('nftables');
  if (ipvs) traced.push('ipvs');
  if (traced.length > 1)
    return { source: 'unknown', reason: `kube-proxy is silent, traces of ${traced.join(' and ')}` };
  return { value: traced[0] ?? 'none', source: 'rules' };
}

function modeNamed(name: string | null): DataplaneMode | null {
  switch (name) {
    case 'iptables':
    case 'nftables':
    case 'ipvs':
      return name;
    case '':
      // Unset means the platform's default.
      return 'iptables';
    default:
      return null;
  }
}

function versionOf({ kubeProxy: { part } }: Gathered): Sourced<string> {
  const version = part.state === 'ok' ? part.value.version : null;
  if (version !== null) return { value: version, source: 'metrics' };
  return { source: 'unknown', reason: part.state === 'failed' ? part.reason : 'kube-proxy showed no version' };
}

function nodeNameOf({ kubeProxy: { configuration } }: Gathered): Sourced<string> {
  const name = configuration?.hostnameOverride ?? '';
  if (name !== '') return { value: name, source: 'configz' };
  const reason =
    configuration === null ? 'kube-proxy showed no configuration' : 'kube-proxy takes the name of its host';
  return { source: 'unknown', reason };
}

/** The families that kube-proxy serves: those of its syncs, else those of its rules, else those of the addresses. */
function familiesOf({ kubeProxy, iptables, addresses }: Gathered): readonly Family[] {
  const synced = kubeProxy.part.state === 'ok' ? kubeProxy.part.value.lastSync.map(({ family }) => family) : [];
  if (synced.length > 0) return families.filter((family) => synced.includes(family));
  const structures = iptables.part.state === 'ok' ? iptables.part.value.structures : [];
  const ruled = structures.filter(({ hasServiceRules }) => hasServiceRules).map(({ family }) => family);
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
