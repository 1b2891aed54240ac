import { describe, expect, it } from 'vitest';
import { parsePrefix } from '../proto/prefixes.ts';
import { recordingFolder } from '../test/recordings.ts';
import { nothingGathered } from './collectors/index.ts';
import type { KubeProxyConfiguration } from './collectors/kube-proxy-configuration.ts';
import { readConfiguration } from './collectors/kube-proxy-configuration.ts';
import { noRuleFacts } from './collectors/rule-facts.ts';
import { observe } from './observe.ts';
import { profileOf } from './profile.ts';
import { localDetectorOf, markBitOf, nodePortAddressesOf } from './profile-facts.ts';
import { recordedHost } from './recorded-host.ts';

async function profileIn(recording: string, node: string) {
  return (await observe(recordedHost(`${recordingFolder(recording)}/${node}`))).profile;
}

/** The profile without its many link-local addresses. */
async function profileWithoutLinkLocal(recording: string, node: string) {
  const { localAddresses, ...profile } = await profileIn(recording, node);
  if (localAddresses.source === 'unknown') throw new Error(localAddresses.reason);
  const value = localAddresses.value.filter((address) => !address.startsWith('fe80:'));
  return { ...profile, localAddresses: { ...localAddresses, value } };
}

function detector(ipv4: string, ipv6: string, source: string) {
  const of = (prefix: string) => ({ value: { kind: 'prefix', prefix }, source });
  return { ipv4: of(ipv4), ipv6: of(ipv6) };
}

describe("a node's profile", () => {
  const common = {
    kubeProxyVersion: { value: 'v1.36.2', source: 'metrics' },
    families: ['ipv4', 'ipv6'],
    masqueradeAll: { value: false, source: 'configz' },
    markBit: { value: 14, source: 'configz' },
    hairpin: { value: 'every-endpoint', source: 'default' },
    refusesOwnFirst: { value: false, source: 'default' },
  };

  it('in iptables mode is told by kube-proxy, the "not local" match by the rules', async () => {
    expect(await profileWithoutLinkLocal('s1-healthy', 'node-a')).toEqual({
      ...common,
      mode: { value: 'iptables', source: 'proxyMode' },
      nodeName: { value: 'node-a', source: 'configz' },
      localAddresses: {
        value: ['10.244.1.1', '127.0.0.1', '192.168.100.11', '::1', 'fd00:100::11', 'fd00:10:244:1::1'],
        source: 'addresses',
      },
      nodePortAddresses: { value: 'all', source: 'configz' },
      localDetector: detector('10.244.0.0/16', 'fd00:10:244::/56', 'rules'),
      localhostNodePorts: { value: true, source: 'configz' },
    });
  });

  it('with NodeCIDR has the prefix that only its rules show', async () => {
    expect(await profileWithoutLinkLocal('s1-healthy', 'node-b')).toEqual({
      ...common,
      mode: { value: 'iptables', source: 'proxyMode' },
      nodeName: { value: 'node-b', source: 'configz' },
      localAddresses: {
        value: ['10.244.2.1', '127.0.0.1', '192.168.100.12', '::1', 'fd00:100::12', 'fd00:10:244:2::1'],
        source: 'addresses',
      },
      nodePortAddresses: { value: 'all', source: 'configz' },
      localDetector: detector('10.244.2.0/24', 'fd00:10:244:2::/64', 'rules'),
      localhostNodePorts: { value: true, source: 'configz' },
    });
  });

  it('in nftables mode has node ports on primary addresses, and none on localhost', async () => {
    expect(await profileWithoutLinkLocal('s1-healthy', 'node-c')).toEqual({
      ...common,
      mode: { value: 'nftables', source: 'proxyMode' },
      nodeName: { value: 'node-c', source: 'configz' },
      localAddresses: {
        value: ['10.244.3.1', '127.0.0.1', '192.168.100.13', '::1', 'fd00:100::13', 'fd00:10:244:3::1'],
        source: 'addresses',
      },
      nodePortAddresses: { value: 'primary', source: 'configz' },
      localDetector: detector('10.244.0.0/16', 'fd00:10:244::/56', 'rules'),
      localhostNodePorts: { value: false, source: 'default' },
      hairpin: { value: 'own-endpoints', source: 'rules' },
      refusesOwnFirst: { value: false, source: 'rules' },
    });
  });

  it('where kube-proxy is silent is read from rules and addresses', async () => {
    expect(await profileWithoutLinkLocal('s2-stale-stopped', 'node-b')).toEqual({
      mode: { value: 'iptables', source: 'rules' },
      kubeProxyVersion: { source: 'unknown', reason: 'kube-proxy showed no version' },
      nodeName: { source: 'unknown', reason: 'kube-proxy showed no configuration' },
      families: ['ipv4', 'ipv6'],
      localAddresses: {
        value: ['10.244.2.1', '127.0.0.1', '192.168.100.12', '::1', 'fd00:100::12', 'fd00:10:244:2::1'],
        source: 'addresses',
      },
      nodePortAddresses: { value: 'all', source: 'rules' },
      localDetector: detector('10.244.2.0/24', 'fd00:10:244:2::/64', 'rules'),
      masqueradeAll: { value: false, source: 'rules' },
      localhostNodePorts: { value: true, source: 'rules' },
      markBit: { value: 14, source: 'rules' },
      hairpin: { value: 'every-endpoint', source: 'default' },
      refusesOwnFirst: { value: false, source: 'default' },
    });
  });

  it('of which nothing was gathered is unknown, or the default', () => {
    expect(profileOf(nothingGathered)).toEqual({
      mode: { source: 'unknown', reason: 'neither kube-proxy nor rules were read' },
      kubeProxyVersion: { source: 'unknown', reason: 'kube-proxy showed no version' },
      nodeName: { source: 'unknown', reason: 'kube-proxy showed no configuration' },
      families: ['ipv4', 'ipv6'],
      localAddresses: { source: 'unknown', reason: 'the addresses were not recorded' },
      nodePortAddresses: { value: 'all', source: 'default' },
      localDetector: {
        ipv4: { value: { kind: 'none' }, source: 'default' },
        ipv6: { value: { kind: 'none' }, source: 'default' },
      },
      masqueradeAll: { value: false, source: 'default' },
      localhostNodePorts: { value: false, source: 'default' },
      markBit: { value: 14, source: 'default' },
      hairpin: { value: 'every-endpoint', source: 'default' },
      refusesOwnFirst: { value: false, source: 'default' },
    });
  });
});

/** What /configz would show with these fields. */
function configured(fields: object): KubeProxyConfiguration {
  const configuration = readConfiguration(JSON.stringify({ 'kubeproxy.config.k8s.io': fields }));
  if (configuration === null) throw new Error('no configuration');
  return configuration;
}

describe('the "not local" match that only the configuration tells', () => {
  it.each([
    [
      { detectLocalMode: 'ClusterCIDR', clusterCIDR: '10.0.0.0/8,fd00::/8' },
      { kind: 'prefix', prefix: '10.0.0.0/8' },
    ],
    [
      { detectLocalMode: '', clusterCIDR: '10.0.0.0/8' },
      { kind: 'prefix', prefix: '10.0.0.0/8' },
    ],
    [
      { detectLocalMode: 'BridgeInterface', detectLocal: { bridgeInterface: 'cni0' } },
      { kind: 'interface', pattern: 'cni0' },
    ],
    [
      { detectLocalMode: 'InterfaceNamePrefix', detectLocal: { interfaceNamePrefix: 'veth' } },
      { kind: 'interface', pattern: 'veth+' },
    ],
  ])('%j', (fields, value) => {
    expect(localDetectorOf('ipv4', noRuleFacts, configured(fields))).toEqual({ value, source: 'configz' });
  });

  it.each([
    { detectLocalMode: 'NodeCIDR', clusterCIDR: '10.0.0.0/8' },
    { detectLocalMode: 'ClusterCIDR', clusterCIDR: 'fd00::/8' },
    { detectLocalMode: 'BridgeInterface', detectLocal: { bridgeInterface: '' } },
  ])('is none for %j', (fields) => {
    expect(localDetectorOf('ipv4', noRuleFacts, configured(fields))).toEqual({
      value: { kind: 'none' },
      source: 'default',
    });
  });
});

describe('node port addresses', () => {
  it.each([
    ['iptables', { nodePortAddresses: null }, 'all'],
    ['ipvs', { nodePortAddresses: [] }, 'all'],
    ['nftables', { nodePortAddresses: [] }, 'primary'],
    ['iptables', { nodePortAddresses: ['primary'] }, 'primary'],
    ['iptables', { nodePortAddresses: ['192.168.0.0/16', 'fd00::1/64'] }, ['192.168.0.0/16', 'fd00::/64']],
  ])('in %s mode configured as %j are %j', (mode, fields, value) => {
    expect(nodePortAddressesOf(mode, noRuleFacts, configured(fields))).toEqual({ value, source: 'configz' });
  });

  it('are those that the rules name, where kube-proxy does not say', () => {
    const prefix = parsePrefix('192.168.100.11/32');
    if (prefix === null) throw new Error('no prefix');
    const rules = { ...noRuleFacts, nodePorts: { ipv4: { addresses: [prefix], localhost: false }, ipv6: null } };
    expect(nodePortAddressesOf('iptables', rules, null)).toEqual({ value: ['192.168.100.11/32'], source: 'rules' });
  });
});

describe('the mark bit', () => {
  it('in nftables mode is that of its own section', () => {
    const fields = { mode: 'nftables', iptables: { masqueradeBit: 14 }, nftables: { masqueradeBit: 20 } };
    expect(markBitOf(noRuleFacts, configured(fields))).toEqual({ value: 20, source: 'configz' });
  });
});
