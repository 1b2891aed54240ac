/**
 * What CNI plugins write on a Node for their peers on other nodes. What does not fit is left out: nobody but the plugin
 * itself must be able to keep a Node from being read.
 *
 *     flannel.alpha.coreos.com/backend-type: vxlan
 *     flannel.alpha.coreos.com/backend-data: {"VNI":1,"VtepMAC":"82:d1:e7:8e:35:66"}
 *     flannel.alpha.coreos.com/public-ip: 192.168.100.11
 *     projectcalico.org/IPv4Address: 192.168.100.11/24
 *     projectcalico.org/IPv4VXLANTunnelAddr: 10.244.1.64
 */
import { type Address, parseAddress } from '../../proto/address.ts';
import type { NodeCni } from '../model/cluster.ts';

type Annotations = Readonly<Record<string, string>>;

const flannelPrefix = 'flannel.alpha.coreos.com/';
const calicoPrefix = 'projectcalico.org/';
const tunnelNames = ['IPIPTunnelAddr', 'VXLANTunnelAddr', 'WireguardInterfaceAddr'];
const ciliumNames = [
  'network.cilium.io/ipv4-cilium-host',
  'network.cilium.io/ipv6-cilium-host',
  'io.cilium.network.ipv4-cilium-host',
  'io.cilium.network.ipv6-cilium-host',
];
const longestBackend = 64;
const macForm = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/;

/** All that is known, by plugin. */
export function readNodeCni(annotations: Annotations): NodeCni {
  return { flannel: readFlannel(annotations), calico: readCalico(annotations), cilium: readCilium(annotations) };
}

/** The same as annotations again. */
export function nodeCniAnnotations({ flannel, calico, cilium }: NodeCni): Annotations {
  const told: (readonly [string, string | null])[] = [];
  if (flannel !== null) {
    const data = (mac: string | null) => (mac === null ? null : JSON.stringify({ VtepMAC: mac }));
    told.push(
      [`${flannelPrefix}backend-type`, flannel.backend],
      [`${flannelPrefix}backend-data`, data(flannel.vtepMac)],
      [`${flannelPrefix}backend-v6-data`, data(flannel.vtepMacIpv6)],
      [`${flannelPrefix}public-ip`, flannel.publicAddress],
      [`${flannelPrefix}public-ipv6`, flannel.publicAddressIpv6],
    );
  }
  for (const address of calico?.addresses ?? []) told.push([`${calicoPrefix}${familyWord(address)}Address`, address]);
  calico?.tunnelAddresses.forEach((address, at) => {
    told.push([`${calicoPrefix}${familyWord(address)}${tunnelNames[at % tunnelNames.length]}`, address]);
  });
  for (const address of cilium?.hostAddresses ?? []) {
    told.push([`network.cilium.io/${familyWord(address).toLowerCase()}-cilium-host`, address]);
  }
  return Object.fromEntries(told.flatMap(([name, value]) => (value === null ? [] : [[name, value]])));
}

function readFlannel(annotations: Annotations): NodeCni['flannel'] {
  const of = (name: string) => annotations[`${flannelPrefix}${name}`];
  const backend = of('backend-type');
  if (backend === undefined) return null;
  return {
    backend: backend.slice(0, longestBackend),
    vtepMac: vtepMacIn(of('backend-data')),
    vtepMacIpv6: vtepMacIn(of('backend-v6-data')),
    publicAddress: addressIn(of('public-ip')),
    publicAddressIpv6: addressIn(of('public-ipv6')),
  };
}

function vtepMacIn(text: string | undefined): string | null {
  try {
    const data: unknown = JSON.parse(text ?? 'null');
    const mac: unknown = typeof data === 'object' && data !== null ? Reflect.get(data, 'VtepMAC') : null;
    const small = typeof mac === 'string' ? mac.toLowerCase() : '';
    return macForm.test(small) ? small : null;
  } catch {
    return null;
  }
}

function readCalico(annotations: Annotations): NodeCni['calico'] {
  const told = (names: readonly string[]) =>
    ['IPv4', 'IPv6'].flatMap((family) =>
      names.flatMap((name) => addressIn(annotations[`${calicoPrefix}${family}${name}`]) ?? []),
    );
  const calico = { addresses: told(['Address']), tunnelAddresses: told(tunnelNames) };
  return calico.addresses.length + calico.tunnelAddresses.length === 0 ? null : calico;
}

function readCilium(annotations: Annotations): NodeCni['cilium'] {
  const hostAddresses = [...new Set(ciliumNames.flatMap((name) => addressIn(annotations[name]) ?? []))];
  return hostAddresses.length === 0 ? null : { hostAddresses };
}

/** With or without a length. */
function addressIn(text: string | undefined): Address | null {
  return text === undefined ? null : parseAddress(text.split('/')[0] ?? '');
}

function familyWord(address: Address): 'IPv4' | 'IPv6' {
  return address.includes(':') ? 'IPv6' : 'IPv4';
}
