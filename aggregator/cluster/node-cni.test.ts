/** Annotations of Nodes, some as they were published, and what nobody may write there. */
import { describe, expect, it } from 'vitest';
import { nodeCniAnnotations, readNodeCni } from './node-cni.ts';

const nothing = { flannel: null, calico: null, cilium: null };

describe('the annotations of', () => {
  it('flannel with VXLAN, as flannel itself has them in dist/fake-node.yaml', () => {
    const annotations = {
      'flannel.alpha.coreos.com/backend-data': '{"VtepMAC":"96:59:b2:3f:04:ee"}',
      'flannel.alpha.coreos.com/backend-type': 'vxlan',
      'flannel.alpha.coreos.com/kube-subnet-manager': 'true',
      'flannel.alpha.coreos.com/public-ip': '192.168.77.17',
    };
    expect(readNodeCni(annotations)).toEqual({
      ...nothing,
      flannel: {
        backend: 'vxlan',
        vtepMac: '96:59:b2:3f:04:ee',
        vtepMacIpv6: null,
        publicAddress: '192.168.77.17',
        publicAddressIpv6: null,
      },
    });
  });

  it('flannel with both families and a MAC address in capitals', () => {
    const annotations = {
      'flannel.alpha.coreos.com/backend-type': 'vxlan',
      'flannel.alpha.coreos.com/backend-data': '{"VNI":1,"VtepMAC":"B2:C9:E2:D4:50:3B"}',
      'flannel.alpha.coreos.com/backend-v6-data': '{"VNI":1,"VtepMAC":"ae:05:c3:9e:9e:65"}',
      'flannel.alpha.coreos.com/public-ip': '192.168.1.107',
      'flannel.alpha.coreos.com/public-ipv6': 'FD00:100::0011',
    };
    expect(readNodeCni(annotations).flannel).toEqual({
      backend: 'vxlan',
      vtepMac: 'b2:c9:e2:d4:50:3b',
      vtepMacIpv6: 'ae:05:c3:9e:9e:65',
      publicAddress: '192.168.1.107',
      publicAddressIpv6: 'fd00:100::11',
    });
  });

  it('flannel without tunnels, whose data is null', () => {
    const annotations = {
      'flannel.alpha.coreos.com/backend-type': 'host-gw',
      'flannel.alpha.coreos.com/backend-data': 'null',
      'flannel.alpha.coreos.com/public-ip': '192.168.1.107',
    };
    expect(readNodeCni(annotations).flannel).toMatchObject({ backend: 'host-gw', vtepMac: null });
  });

  it('Calico with IPIP, as a published `kubectl get node -o yaml` has them', () => {
    const annotations = {
      'kubeadm.alpha.kubernetes.io/cri-socket': '/var/run/dockershim.sock',
      'projectcalico.org/IPv4Address': '172.16.102.32/24',
      'projectcalico.org/IPv4IPIPTunnelAddr': '192.168.246.192',
    };
    expect(readNodeCni(annotations)).toEqual({
      ...nothing,
      calico: { addresses: ['172.16.102.32'], tunnelAddresses: ['192.168.246.192'] },
    });
  });

  it('Calico with VXLAN and WireGuard in both families', () => {
    const annotations = {
      'projectcalico.org/IPv6Address': 'fd00:100::11/64',
      'projectcalico.org/IPv4Address': '192.168.100.11/24',
      'projectcalico.org/IPv6VXLANTunnelAddr': 'fd00:10:244::40',
      'projectcalico.org/IPv4VXLANTunnelAddr': '10.244.1.64',
      'projectcalico.org/IPv4WireguardInterfaceAddr': '10.244.1.65',
    };
    expect(readNodeCni(annotations).calico).toEqual({
      addresses: ['192.168.100.11', 'fd00:100::11'],
      tunnelAddresses: ['10.244.1.64', '10.244.1.65', 'fd00:10:244::40'],
    });
  });

  it.each(['network.cilium.io', 'io.cilium.network'])('Cilium under %s', (prefix) => {
    const separator = prefix === 'network.cilium.io' ? '/' : '.';
    const annotations = {
      [`${prefix}${separator}ipv4-cilium-host`]: '10.0.1.212',
      [`${prefix}${separator}ipv6-cilium-host`]: 'fd00:10:244:1::9d',
      [`${prefix}${separator}ipv4-health-ip`]: '10.0.1.7',
    };
    expect(readNodeCni(annotations)).toEqual({
      ...nothing,
      cilium: { hostAddresses: ['10.0.1.212', 'fd00:10:244:1::9d'] },
    });
  });

  it('nobody else', () => {
    expect(readNodeCni({ 'node.alpha.kubernetes.io/ttl': '0', 'plumbline.dev/accept': 'proxy-down' })).toEqual(nothing);
  });
});

describe('what no plugin writes', () => {
  it.each(['{"VtepMAC":', '[]', '"82:d1:e7:8e:35:66"', '{"VtepMAC":7}', '{"VtepMAC":"82:d1:e7:8e:35"}', ''])(
    'as the data of flannel is no MAC address: %s',
    (data) => {
      const annotations = {
        'flannel.alpha.coreos.com/backend-type': 'vxlan',
        'flannel.alpha.coreos.com/backend-data': data,
        'flannel.alpha.coreos.com/public-ip': 'node-a',
      };
      expect(readNodeCni(annotations).flannel).toEqual({
        backend: 'vxlan',
        vtepMac: null,
        vtepMacIpv6: null,
        publicAddress: null,
        publicAddressIpv6: null,
      });
    },
  );

  it('as an address is none', () => {
    const annotations = {
      'projectcalico.org/IPv4Address': '192.168.100.256/24',
      'projectcalico.org/IPv4VXLANTunnelAddr': '/',
      'network.cilium.io/ipv4-cilium-host': 'x'.repeat(100_000),
    };
    expect(readNodeCni(annotations)).toEqual(nothing);
  });

  it('as a backend is kept to the length of a name', () => {
    const annotations = { 'flannel.alpha.coreos.com/backend-type': 'v'.repeat(100_000) };
    expect(readNodeCni(annotations).flannel?.backend).toHaveLength(64);
  });
});

describe('what is known', () => {
  it('makes annotations that say the same', () => {
    const cni = readNodeCni({
      'flannel.alpha.coreos.com/backend-type': 'vxlan',
      'flannel.alpha.coreos.com/backend-data': '{"VNI":1,"VtepMAC":"82:d1:e7:8e:35:66"}',
      'projectcalico.org/IPv4Address': '192.168.100.11/24',
      'projectcalico.org/IPv4VXLANTunnelAddr': '10.244.1.64',
      'io.cilium.network.ipv4-cilium-host': '10.0.1.212',
    });
    expect(readNodeCni(nodeCniAnnotations(cni))).toEqual(cni);
  });
});
