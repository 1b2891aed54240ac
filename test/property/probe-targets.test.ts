/**
 * Tenants write EndpointSlices and Pods: whatever they write, agents are never told to connect to anything but live pods
 * in a declared range, and Services that lead to nothing else; and an agent that is told all the same does not.
 */
import { describe, expect, it } from 'vitest';
import { randomFrom } from '../../agent/node-iptables-parse/random.ts';
import { checkedTarget } from '../../agent/stream/targets.ts';
import { MatrixTargets, openTargets, probeAnnotation } from '../../aggregator/audit/matrix-targets.ts';
import { objectsOf } from '../../aggregator/audit/objects.ts';
import type { ClusterSnapshot, EndpointSlice, Pod, Service } from '../../aggregator/model/cluster.ts';
import { type Address, familyOf } from '../../proto/address.ts';
import { contains, prefixSet } from '../../proto/prefixes.ts';
import { address, node, pod, prefix, service } from '../builders.ts';

const nodeAddresses = ['192.168.100.11', '192.168.100.12', 'fd00:100::11'];
const apiServers = ['192.168.100.1', '10.244.1.250'];
const ranges = ['10.244.1.0/24', '10.244.2.0/24', 'fd00:10:244:1::/64'];
/** What a slice must never bring an agent to, the API server's address among the pods' included. */
const hostile = [
  ...['169.254.169.254', '169.254.20.10', 'fe80::1', '127.0.0.1', '127.53.0.1', '::1', '0.0.0.0', '::', '224.0.0.1'],
  ...['255.255.255.255', 'ff02::1', '::ffff:10.244.1.7', '::ffff:127.0.0.1', '8.8.8.8', '10.96.0.1', '10.245.0.7'],
  ...['2001:db8::1', 'fd00:10:244:2::5', '10.244.3.1', '172.16.0.1', ...nodeAddresses, ...apiServers],
].map(address);
const neverDialed = prefixSet(
  ['127.0.0.0/8', '169.254.0.0/16', '0.0.0.0/8', '224.0.0.0/3', '::/127', 'fe80::/10', 'ff00::/8'].map(prefix),
);
const podRanges = prefixSet(ranges.map(prefix));
const slicesWanted = 100_000;
const namespaces = ['asks', 'asks-too', 'asks-not'];

type Random = () => number;
const pick = <T>(random: Random, from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;

/** A pod as a tenant may make one, or write its status. */
function anyPod(random: Random, number: number): Pod {
  const lawful = address(`10.244.${1 + (number % 2)}.${2 + (number % 240)}`);
  return {
    ...pod(
      `${pick(random, namespaces)}/pod-${number}`,
      pick(random, ['node-a', 'node-b']),
      random() < 0.2 ? pick(random, hostile) : lawful,
    ),
    ready: random() < 0.8,
    runs: random() < 0.9,
    terminating: random() < 0.1,
    hostNetwork: random() < 0.1,
    phase: pick(random, ['Running', 'Running', 'Running', 'Pending', 'Succeeded', 'Failed']),
  };
}

function anyService(random: Random, number: number): Service {
  const made = service(`${pick(random, namespaces)}/svc-${number}`).port(80).built;
  return {
    ...made,
    type: pick(random, ['ClusterIP', 'ClusterIP', 'NodePort', 'ExternalName']),
    clusterIPs: random() < 0.1 ? {} : { ipv4: address(`10.96.1.${1 + (number % 250)}`) },
    externalIPs: random() < 0.2 ? [pick(random, hostile)] : [],
    selector: random() < 0.5 ? null : { app: 'x' },
  };
}

function anySlice(random: Random, { namespace, name }: Service, pods: readonly Pod[]): EndpointSlice {
  const own = pods.filter((one) => one.namespace === namespace).flatMap(({ addresses }) => addresses);
  const count = 1 + Math.floor(random() * 3);
  const endpoints = Array.from({ length: count }, () => {
    const at =
      random() < 0.75 && own.length > 0
        ? pick(random, own)
        : pick(random, random() < 0.5 ? hostile : pods.flatMap(({ addresses }) => addresses));
    return {
      address: at ?? (hostile[0] as Address),
      nodeName: 'node-a',
      ready: random() < 0.9,
      serving: true,
      terminating: false,
      zoneHints: [],
      nodeHints: [],
    };
  });
  return {
    namespace,
    name: `${name}-${Math.floor(random() * 1e9)}`,
    serviceName: name,
    family: familyOf(endpoints[0]?.address ?? (hostile[0] as Address)),
    ports: [{ name: '', protocol: 'tcp', port: pick(random, [80, 6443, 10250, 22]) }],
    endpoints,
  };
}

function anyCluster(random: Random): ClusterSnapshot {
  const pods = Array.from({ length: 24 }, (_, number) => anyPod(random, number));
  const services = Array.from({ length: 40 }, (_, number) => anyService(random, number));
  const slices = Array.from({ length: 50 }, () => anySlice(random, pick(random, services), pods));
  const api = {
    ...anySlice(random, { ...service('default/kubernetes').built }, []),
    serviceName: 'kubernetes',
    namespace: 'default',
  };
  const apiEndpoints = apiServers.map((at) => ({
    ...(api.endpoints[0] as EndpointSlice['endpoints'][number]),
    address: address(at),
  }));
  return {
    services: [...services, service('default/kubernetes').port(443).built],
    endpointSlices: [...slices, { ...api, endpoints: apiEndpoints }],
    nodes: [
      { ...node('node-a', '192.168.100.11', 'fd00:100::11'), podCIDRs: ranges.slice(0, 1).map(prefix) },
      { ...node('node-b', '192.168.100.12'), podCIDRs: ranges.slice(1).map(prefix) },
    ],
    pods,
    namespaces: [...namespaces, 'default'].map((name) => ({
      name,
      labels: {},
      annotations: name === 'asks-not' ? {} : { [probeAnnotation]: 'true' },
    })),
    podEvents: null,
    networkPolicies: null,
    foreignPolicies: null,
    dnsConfigurations: null,
  };
}

/** By the words of the rule, without the code that is tested. */
function isLivePod(cluster: ClusterSnapshot, at: Address, namespace: string | null): boolean {
  const pods = (cluster.pods ?? []).filter(({ addresses, hostNetwork }) => !hostNetwork && addresses.includes(at));
  const [only] = pods;
  if (only === undefined || pods.length !== 1) return false;
  const lives = only.phase === 'Running' && only.ready && only.runs && !only.terminating;
  const isElse = nodeAddresses.includes(at) || apiServers.includes(at) || contains(neverDialed, at);
  return lives && !isElse && contains(podRanges, at) && (namespace === null || only.namespace === namespace);
}

describe('probe targets', () => {
  it(`of ${slicesWanted.toLocaleString('en')} slices that anybody wrote lead to live pods alone`, {
    timeout: 60_000,
  }, () => {
    const random = randomFrom(20_261_123);
    const counts = { slices: 0, endpoints: 0, services: 0 };
    while (counts.slices < slicesWanted) {
      const cluster = anyCluster(random);
      counts.slices += cluster.endpointSlices.length;
      for (const { by, address: at } of openTargets(objectsOf(cluster))) {
        if (by === 'endpoint') {
          counts.endpoints++;
          if (!isLivePod(cluster, at, null)) expect.fail(`an endpoint that is no live pod: ${at}`);
        } else {
          counts.services++;
          const own = cluster.services.find(
            ({ clusterIPs, ports }) => Object.values(clusterIPs).includes(at) && ports.length > 0,
          );
          const ends = cluster.endpointSlices.filter(
            (one) => one.serviceName === own?.name && one.namespace === own?.namespace,
          );
          const isSound = own !== undefined && own.namespace !== 'asks-not' && ends.length > 0;
          const leadsAstray = ends.some(({ endpoints }) =>
            endpoints.some((one) => !isLivePod(cluster, one.address, own?.namespace ?? '')),
          );
          if (!isSound || leadsAstray || own?.name === 'kubernetes')
            expect.fail(`a Service that leads elsewhere: ${at}`);
        }
      }
    }
    process.stdout.write(
      `${counts.slices} slices: ${counts.endpoints} pods and ${counts.services} Services may be connected to\n`,
    );
    // The rule lets through what is right.
    expect(Math.min(counts.endpoints, counts.services)).toBeGreaterThan(1_000);
  });

  it("are each one node's at a time, at most 32 of them", () => {
    const random = randomFrom(7);
    const names = ['node-a', 'node-b', 'node-c'];
    for (let rotation = 0; rotation < 50; rotation++) {
      const open = openTargets(objectsOf(anyCluster(random)));
      const shared = new MatrixTargets(open, names, rotation);
      const given = names.flatMap((name) => shared.of(name).map((target) => ({ name, target })));
      const keys = given.map(({ target }) => `${target.by} ${target.address} ${target.port}`);
      expect(new Set(keys).size).toBe(keys.length);
      for (const name of names) expect(shared.of(name).length).toBeLessThanOrEqual(32);
      // No pod is asked by its own node, whose word every policy lets in.
      expect(given.filter(({ name, target }) => target.node === name)).toEqual([]);
    }
  });

  it('that are wrong are refused by an agent, whatever its ranges are', () => {
    const careless = prefixSet([prefix('0.0.0.0/0'), prefix('::/0')]);
    const rules = { ranges: careless, serviceRanges: careless, ownAddresses: [address('192.168.100.11')], port: 9469 };
    const never = hostile.filter((at) => contains(neverDialed, at) || at === '192.168.100.11');
    for (const at of never) {
      for (const by of ['service', 'endpoint', 'pod']) {
        const asked = {
          address: at,
          port: 80,
          protocol: 'tcp',
          node: by === 'service' ? '' : 'node-b',
          packetBytes: 0,
          by,
        };
        expect([at, by, checkedTarget(asked, rules).ok]).toEqual([at, by, false]);
      }
    }
  });
});
