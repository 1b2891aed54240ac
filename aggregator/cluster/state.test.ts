import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { recordingFolder } from '../../test/recordings.ts';
import { readClusterState } from './state.ts';

const api = join(recordingFolder('s1-healthy'), 'api');

function recorded(file: string): unknown {
  return JSON.parse(readFileSync(join(api, file), 'utf8'));
}

const none = { items: [] };

function readServices(...items: readonly unknown[]) {
  return readClusterState({ services: { kind: 'ServiceList', items }, endpointSlices: none, nodes: none });
}

function readSlices(...items: readonly unknown[]) {
  return readClusterState({ services: none, endpointSlices: { kind: 'EndpointSliceList', items }, nodes: none });
}

function problemsOf(reading: ReturnType<typeof readClusterState>): readonly string[] {
  return reading.ok ? [] : reading.problems;
}

describe('a recorded cluster', () => {
  const fromServer = readClusterState({
    services: recorded('services.json'),
    endpointSlices: recorded('endpointslices.json'),
    nodes: recorded('nodes.json'),
  });

  it('reads the same from the API server and from kubectl', () => {
    const fromKubectl = readClusterState({
      services: recorded('kubectl-services.json'),
      endpointSlices: recorded('kubectl-endpointslices.json'),
      nodes: recorded('nodes.json'),
    });
    expect(fromServer.ok).toBe(true);
    expect(fromKubectl).toEqual(fromServer);
  });

  it('holds each Service as it was asked for', () => {
    if (!fromServer.ok) throw new Error(fromServer.problems.join('\n'));
    const { services } = fromServer.value;
    expect(services).toHaveLength(36);
    expect(services.find(({ name }) => name === 'public-lb')).toEqual({
      namespace: 'edge',
      name: 'public-lb',
      uid: expect.stringMatching(/^[0-9a-f-]{36}$/),
      type: 'LoadBalancer',
      ports: [{ name: 'http', protocol: 'tcp', port: 80, nodePort: 31150 }],
      clusterIPs: { ipv4: '10.96.157.146' },
      externalIPs: [],
      loadBalancerIngress: [
        { address: '203.0.113.11', ipMode: 'VIP' },
        { address: '203.0.113.13', ipMode: 'VIP' },
      ],
      loadBalancerSourceRanges: ['198.51.100.0/24', '10.0.0.0/8'],
      internalTrafficPolicy: 'Cluster',
      externalTrafficPolicy: 'Cluster',
      affinitySeconds: 0,
      healthCheckNodePort: 0,
      otherProxy: false,
      selector: { app: 'ingress' },
      annotations: {},
    });
  });

  it('holds each slice with conditions and hints', () => {
    if (!fromServer.ok) throw new Error(fromServer.problems.join('\n'));
    const slices = fromServer.value.endpointSlices;
    expect(slices.find(({ serviceName }) => serviceName === 'draining')?.endpoints).toEqual([
      {
        address: '10.244.1.12',
        nodeName: 'node-a',
        ready: false,
        serving: true,
        terminating: true,
        zoneHints: [],
        nodeHints: [],
      },
    ]);
    const hinted = slices.find(({ serviceName }) => serviceName === 'web-node');
    expect(hinted?.endpoints[0]).toMatchObject({ zoneHints: ['zone-1'], nodeHints: ['node-c'] });
  });

  it('holds each Node with zone, pod ranges and addresses', () => {
    if (!fromServer.ok) throw new Error(fromServer.problems.join('\n'));
    expect(fromServer.value.nodes[0]).toEqual({
      name: 'node-a',
      uid: expect.stringMatching(/^[0-9a-f-]{36}$/),
      zone: 'zone-1',
      podCIDRs: ['10.244.1.0/24', 'fd00:10:244:1::/64'],
      addresses: ['192.168.100.11', 'fd00:100::11'],
      createdAt: expect.stringMatching(/^2026-11-22T/),
      ready: true,
      leaving: false,
      notReadyBecause: null,
      networkUnavailable: null,
      cni: { flannel: null, calico: null, cilium: null },
      annotations: {},
    });
  });
});

describe('a Service', () => {
  const metadata = { namespace: 'shop', name: 'web' };

  it('that leaves everything out has the defaults of the API', () => {
    const spec = { clusterIP: '10.96.0.1', ports: [{ port: 80 }], sessionAffinity: 'ClientIP' };
    const reading = readServices({ metadata, spec });
    expect(reading.ok && reading.value.services).toEqual([
      {
        ...metadata,
        uid: '',
        type: 'ClusterIP',
        ports: [{ name: '', protocol: 'tcp', port: 80, nodePort: 0 }],
        clusterIPs: { ipv4: '10.96.0.1' },
        externalIPs: [],
        loadBalancerIngress: [],
        loadBalancerSourceRanges: [],
        internalTrafficPolicy: 'Cluster',
        externalTrafficPolicy: 'Cluster',
        affinitySeconds: 10_800,
        healthCheckNodePort: 0,
        otherProxy: false,
        selector: null,
        annotations: {},
      },
    ]);
  });

  it('has no cluster IP when it is headless', () => {
    const reading = readServices({ metadata, spec: { clusterIP: 'None', clusterIPs: ['None'] } });
    expect(reading.ok && reading.value.services[0]?.clusterIPs).toEqual({});
  });

  it('keeps of its annotations those that speak to us', () => {
    const annotations = {
      'plumbline.dev/accept': 'stale-endpoint',
      'kubectl.kubernetes.io/last-applied-configuration': '{}',
    };
    const reading = readServices({ metadata: { ...metadata, annotations }, spec: { clusterIP: 'None' } });
    expect(reading.ok && reading.value.services[0]?.annotations).toEqual({ 'plumbline.dev/accept': 'stale-endpoint' });
  });

  it('keeps of its outer addresses those that are addresses, trimmed and without leading zeros', () => {
    const reading = readServices({
      metadata: { ...metadata, labels: { 'service.kubernetes.io/service-proxy-name': '' } },
      spec: {
        clusterIP: '10.96.0.1',
        externalIPs: ['198.051.100.050', 'web.example'],
        loadBalancerSourceRanges: [' 203.0.113.0/25', '10.0.0.1', 'anywhere'],
      },
      status: { loadBalancer: { ingress: [{ hostname: 'lb.example' }, { ip: '203.0.113.12', ipMode: 'Proxy' }] } },
    });
    expect(reading.ok && reading.value.services[0]).toMatchObject({
      externalIPs: ['198.51.100.50'],
      loadBalancerIngress: [{ address: '203.0.113.12', ipMode: 'Proxy' }],
      loadBalancerSourceRanges: ['203.0.113.0/25'],
      otherProxy: true,
    });
  });
});

describe('a slice', () => {
  const labels = { 'kubernetes.io/service-name': 'web' };
  const metadata = { namespace: 'shop', name: 'web-1', labels };
  const written = { metadata, addressType: 'IPv4', ports: [{ name: '', port: 8080 }] };

  it('takes conditions that are not said for ready and serving, and only the first address', () => {
    const endpoints = [{ addresses: ['10.244.1.2', '10.244.1.3'] }, { addresses: [] }];
    const reading = readSlices({ ...written, endpoints });
    expect(reading.ok && reading.value.endpointSlices).toEqual([
      {
        namespace: 'shop',
        name: 'web-1',
        serviceName: 'web',
        family: 'ipv4',
        ports: [{ name: '', protocol: 'tcp', port: 8080 }],
        endpoints: [
          {
            address: '10.244.1.2',
            nodeName: null,
            ready: true,
            serving: true,
            terminating: false,
            zoneHints: [],
            nodeHints: [],
          },
        ],
      },
    ]);
  });

  it('passes over ports without a name or a number', () => {
    const ports = [
      { port: 8080 },
      { name: 'a', port: null },
      { name: 'b', port: 0 },
      { name: 'c', port: 9, protocol: 'UDP' },
    ];
    const reading = readSlices({ ...written, ports });
    expect(reading.ok && reading.value.endpointSlices[0]?.ports).toEqual([{ name: 'c', protocol: 'udp', port: 9 }]);
  });

  it('is of no interest when it names hosts, no Service, or is headless', () => {
    const reading = readSlices(
      { ...written, addressType: 'FQDN' },
      { ...written, metadata: { ...metadata, labels: {} } },
      { ...written, metadata: { ...metadata, labels: { ...labels, 'service.kubernetes.io/headless': '' } } },
    );
    expect(reading).toEqual({
      ok: true,
      value: {
        ...{ services: [], endpointSlices: [], nodes: [], pods: null, namespaces: null, podEvents: null },
        ...{ networkPolicies: null, foreignPolicies: null, dnsConfigurations: null },
      },
    });
  });
});

describe('a Node', () => {
  it('has its internal addresses first', () => {
    const addresses = [
      { type: 'ExternalIP', address: '203.0.113.1' },
      { type: 'Hostname', address: '192.0.2.1' },
      { type: 'InternalIP', address: '192.168.100.11' },
    ];
    const item = { metadata: { name: 'node-a' }, spec: { podCIDR: '10.244.1.0/24' }, status: { addresses } };
    const reading = readClusterState({
      services: none,
      endpointSlices: none,
      nodes: { kind: 'NodeList', items: [item] },
    });
    expect(reading.ok && reading.value.nodes).toEqual([
      {
        name: 'node-a',
        uid: '',
        zone: null,
        podCIDRs: ['10.244.1.0/24'],
        addresses: ['192.168.100.11', '203.0.113.1'],
        createdAt: null,
        ready: null,
        leaving: false,
        notReadyBecause: null,
        networkUnavailable: null,
        cni: { flannel: null, calico: null, cilium: null },
        annotations: {},
      },
    ]);
  });

  it.each([
    ['True', 'kubelet is posting ready status', { ready: true, notReadyBecause: null }],
    [
      'False',
      'container runtime network not ready: cni plugin not initialized',
      { ready: false, notReadyBecause: 'container runtime network not ready: cni plugin not initialized' },
    ],
    [
      'Unknown',
      'Kubelet stopped posting node status.',
      { ready: false, notReadyBecause: 'Kubelet stopped posting node status.' },
    ],
    ['False', 'x'.repeat(1000), { ready: false, notReadyBecause: 'x'.repeat(500) }],
  ])('that is ready: %s says why it is not', (status, message, told) => {
    const conditions = [
      { type: 'NetworkUnavailable', status: 'False', message: 'Calico is running on this node' },
      { type: 'Ready', status, message },
    ];
    const items = [{ metadata: { name: 'node-a' }, spec: {}, status: { conditions } }];
    const reading = readClusterState({ services: none, endpointSlices: none, nodes: { kind: 'NodeList', items } });
    const [node] = reading.ok ? reading.value.nodes : [];
    expect(node).toMatchObject({ ...told, networkUnavailable: false });
  });
});

describe('what does not fit', () => {
  const metadata = { namespace: 'shop', name: 'web' };

  it('is named by object and field, all of it at once', () => {
    const spec = {
      type: 'Loadbalancer',
      clusterIP: '10.96.0.256',
      ports: [{ port: 80 }, { port: '80' }, { port: 70_000, protocol: 'ICMP' }, {}],
      selector: 'app',
    };
    expect(problemsOf(readServices({ metadata, spec }, { metadata: {} }))).toEqual([
      'Service shop/web: spec.type is "Loadbalancer", expected one of ClusterIP, NodePort, LoadBalancer, ExternalName',
      'Service shop/web: spec.ports[1].port is "80", expected a whole number up to 65535',
      'Service shop/web: spec.ports[2].protocol is "ICMP", expected one of TCP, UDP, SCTP',
      'Service shop/web: spec.ports[2].port is 70000, expected a whole number up to 65535',
      'Service shop/web: spec.ports[3].port is absent, expected a whole number up to 65535',
      'Service shop/web: spec.clusterIP is "10.96.0.256", expected an IP address or None',
      'Service shop/web: spec.selector is "app", expected an object',
      'Service (without a name): metadata.name is absent, expected a string',
    ]);
  });

  it('in a slice is named likewise', () => {
    const item = {
      metadata: { namespace: 'shop', name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      endpoints: [
        { addresses: ['web'], conditions: { ready: 'yes' } },
        { addresses: ['10.0.0.1'], conditions: { ready: 1 } },
      ],
    };
    expect(problemsOf(readSlices(item))).toEqual([
      'EndpointSlice shop/web-1: endpoints[0].addresses[0] is "web", expected an IP address',
      'EndpointSlice shop/web-1: endpoints[1].conditions.ready is 1, expected true or false',
    ]);
  });

  it('may be the list itself: another kind, no items, or no object', () => {
    const wrong = { services: { kind: 'PodList', items: [] }, endpointSlices: {}, nodes: 'nodes' };
    expect(problemsOf(readClusterState(wrong))).toEqual([
      'list of Services: kind is "PodList", expected one of ServiceList, List',
      'list of EndpointSlices: items is absent, expected a list',
      'list of Nodes: it is "nodes", expected an object',
    ]);
  });

  it('may be an item of another kind', () => {
    const services = { kind: 'List', items: [{ kind: 'Pod', metadata }] };
    expect(problemsOf(readClusterState({ services, endpointSlices: none, nodes: none }))).toEqual([
      'Service shop/web: kind is "Pod", expected one of Service',
    ]);
  });
});
