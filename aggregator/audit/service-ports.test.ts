import { describe, expect, it } from 'vitest';
import { address, cluster, service, slice } from '../../test/builders.ts';
import { countEndpoints, isLargeCluster, servedPorts } from './service-ports.ts';

function served(state: Parameters<typeof servedPorts>[0], family: 'ipv4' | 'ipv6' = 'ipv4') {
  return servedPorts(state, family).map(({ service: { name }, port, clusterIP, endpoints }) => ({
    name,
    port: port.name,
    clusterIP,
    endpoints: endpoints.map(({ backend, endpoint }) => `${backend}${endpoint.terminating ? ' terminating' : ''}`),
  }));
}

describe('the Services that kube-proxy serves', () => {
  it('are not headless, not ExternalName, not of another proxy', () => {
    const web = service('shop/web').port(80);
    const state = cluster([
      web,
      service('shop/headless').port(80).having({ clusterIPs: {} }),
      service('shop/ext').port(80).having({ type: 'ExternalName' }),
      service('shop/mesh').port(80).having({ otherProxy: true }),
    ]);
    expect(served(state)).toEqual([{ name: 'web', port: '', clusterIP: '10.96.0.1', endpoints: [] }]);
  });

  it('are served in the families of their cluster IPs only', () => {
    const state = cluster([service('shop/web').port(80).nodePort(30080)]);
    expect(served(state, 'ipv6')).toEqual([]);
  });
});

describe('the endpoints of a service port', () => {
  const web = service('shop/web').port(80, 'http').port(9100, 'metrics').port(53, 'http', 'udp');

  it('come from slices of the Service and ports of the same name and protocol', () => {
    const state = cluster(
      [web],
      [
        slice('shop/web').port(8080, 'http').port(9100, 'metrics').ready('10.244.1.2'),
        slice('shop/web').named('web-2').port(8081, 'http').ready('10.244.1.3'),
        slice('other/web').port(8080, 'http').ready('10.244.1.4'),
        slice('shop/web').named('web-6').port(8080, 'http').ready('fd00::2'),
      ],
    );
    expect(served(state).map(({ endpoints }) => endpoints)).toEqual([
      ['10.244.1.2:8080', '10.244.1.3:8081'],
      ['10.244.1.2:9100'],
      [],
    ]);
  });

  it('leave out an address of the other family inside a slice', () => {
    const mixed = slice('shop/web').port(8080, 'http').ready('10.244.1.2').ready('fd00::2');
    expect(served(cluster([web], [mixed]))[0]?.endpoints).toEqual(['10.244.1.2:8080']);
  });

  const ready = slice('shop/web').named('web-1').port(8080, 'http').ready('10.244.1.2');
  const terminating = slice('shop/web').named('web-2').port(8080, 'http').terminating('10.244.1.2');

  it('are each there once: a terminating duplicate does not replace', () => {
    expect(served(cluster([web], [ready, terminating]))[0]?.endpoints).toEqual(['10.244.1.2:8080']);
  });

  it('are each there once: the later duplicate replaces a terminating one', () => {
    const first = terminating.named('web-0');
    expect(served(cluster([web], [ready, first]))[0]?.endpoints).toEqual(['10.244.1.2:8080']);
  });

  it('are IPv6 in brackets', () => {
    const six = service('shop/six')
      .port(80)
      .having({ clusterIPs: { ipv6: address('fd00:10:96::1') } });
    expect(served(cluster([six], [slice('shop/six').port(8080).ready('fd00::2')]), 'ipv6')).toEqual([
      { name: 'six', port: '', clusterIP: 'fd00:10:96::1', endpoints: ['[fd00::2]:8080'] },
    ]);
  });
});

describe('a cluster counts as large', () => {
  const web = service('shop/web').port(80, 'a').port(81, 'b').port(82, 'c');
  const pods = (count: number) =>
    Array.from({ length: count }).reduce<ReturnType<typeof slice>>(
      (built, _, index) => built.ready(`10.244.${index >> 8}.${index & 255}`),
      slice('shop/web').port(80, 'a').port(81, 'b').port(82, 'c'),
    );

  it('by endpoints over all service ports: one pod behind three ports is three', () => {
    expect(countEndpoints(cluster([web], [pods(2)]))).toEqual({ ipv4: 6, ipv6: 0 });
  });

  it('above 1,000 of them, per family', () => {
    const thousand = slice('shop/web').port(80, 'a').ready('10.245.0.1').named('web-2');
    expect(isLargeCluster(cluster([web], [pods(333), thousand]))).toEqual({ ipv4: false, ipv6: false });
    expect(isLargeCluster(cluster([web], [pods(334)]))).toEqual({ ipv4: true, ipv6: false });
  });
});
