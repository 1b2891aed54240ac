/**
 * Pods' interfaces (L1) on recorded nodes with one change each, which the case names: a fault, and beside it what looks
 * alike and is right. The pods, their namespaces and CNI files are those of real plugins (bridge on node-a, ptp on
 * node-c); with faults made by hand in a kernel, see test/kernel/pod-findings.test.ts.
 */
import { describe, expect, it } from 'vitest';
import { toldBy } from './changed.ts';

const nodeA = 's1-healthy/node-a';
const nodeC = 's1-healthy/node-c';

type Json = Record<string, unknown>;
type Edit = (text: string) => string;

/** A change of a file of JSON. */
const json =
  (change: (content: never) => unknown): Edit =>
  (text) =>
    JSON.stringify(change(JSON.parse(text === '' ? 'null' : text) as never));

/** A change of the one pod of this name in the API. */
const apiPod = (name: string, change: (pod: { metadata: Json; spec: Json; status: Json }) => void): Edit =>
  json((list: { items: { metadata: Json & { name: string }; spec: Json; status: Json }[] }) => {
    for (const pod of list.items) if (pod.metadata.name === name) change(pod);
    return list;
  });

/** A change of what was recorded of one pod's namespace. */
const podOf = (key: string, change: (pod: Record<string, Json[]>) => void): Edit =>
  json((pods: Record<string, Record<string, Json[]>>) => {
    const pod = pods[key];
    if (pod !== undefined) change(pod);
    return pods;
  });

/** The pod of this name has no process any more. */
const ended = (key: string): Edit => json(({ [key]: _, ...pods }: Record<string, unknown>) => pods);

const linkOf = (name: string, change: (link: Json) => Json | null): Edit =>
  json((links: Json[]) => links.flatMap((link) => (link.ifname === name ? (change(link) ?? []) : [link])));

/** shop/api-0 of node-a and shop/api-3 of node-c, with their links on the node. */
const ofA = { pod: 'ingress-0', key: 'edge/ingress-0', veth: 'veth31bf186f', address: '10.244.1.9' };
const ofC = { pod: 'api-3', key: 'shop/api-3', veth: 'vethc26a1b17', address: '10.244.3.3' };
const down = (link: Json) => ({ ...link, flags: (link.flags as string[]).filter((flag) => flag !== 'UP') });

describe('pod-unwired', () => {
  const told = [`critical ${ofA.key}`];

  it("a pod's link is switched off", async () => {
    const files = { 'net/ip-link.json': linkOf(ofA.veth, down) };
    expect(await toldBy('pod-unwired', { of: nodeA, files })).toEqual(told);
  });

  it("the route of a pod's address is gone (ptp)", async () => {
    const gone = json((routes: Json[]) => routes.filter(({ dst }) => dst !== ofC.address));
    const files = { 'net/ip-route-all.json': gone };
    expect(await toldBy('pod-unwired', { of: nodeC, files })).toEqual([`critical ${ofC.key}`]);
  });

  it('the same of a pod that has ended is nothing', async () => {
    const files = { 'net/ip-link.json': linkOf(ofA.veth, down) };
    const api = {
      'pods.json': apiPod(ofA.pod, (pod) => {
        pod.status.phase = 'Succeeded';
      }),
    };
    expect(await toldBy('pod-unwired', { of: nodeA, files, api })).toEqual([]);
  });
});

describe('pod-address-mismatch', () => {
  const replaced = (local: string): Edit =>
    podOf(ofA.key, (pod) => {
      for (const link of pod['ip-addr'] ?? []) {
        for (const one of link.addr_info as Json[]) if (one.local === ofA.address) one.local = local;
      }
    });

  it("the pod's namespace has another address", async () => {
    const files = { 'pods.json': replaced('10.244.1.77') };
    expect(await toldBy('pod-address-mismatch', { of: nodeA, files })).toEqual([`critical ${ofA.key}`]);
  });

  it('a further address in the namespace is right', async () => {
    const files = {
      'pods.json': podOf(ofA.key, (pod) => {
        const eth0 = pod['ip-addr']?.find(({ ifname }) => ifname === 'eth0');
        if (!Array.isArray(eth0?.addr_info)) throw new Error('eth0 was recorded with its addresses');
        eth0.addr_info.push({ family: 'inet', local: '192.0.2.9', prefixlen: 32, scope: 'global' });
      }),
    };
    expect(await toldBy('pod-address-mismatch', { of: nodeA, files })).toEqual([]);
  });
});

describe('pod-default-route', () => {
  const without = podOf(ofA.key, (pod) => {
    pod['ip-route-all'] = (pod['ip-route-all'] ?? []).filter(({ dst }) => dst !== 'default');
  });

  it("the pod's namespace has no default route", async () => {
    expect(await toldBy('pod-default-route', { of: nodeA, files: { 'pods.json': without } })).toEqual([
      `critical ${ofA.key}`,
    ]);
  });

  it('a pod that asks for several networks may have it elsewhere', async () => {
    const api = {
      'pods.json': apiPod(ofA.pod, (pod) => {
        pod.metadata.annotations = { 'k8s.v1.cni.cncf.io/networks': 'storage' };
      }),
    };
    expect(await toldBy('pod-default-route', { of: nodeA, files: { 'pods.json': without }, api })).toEqual([]);
  });
});

describe('pod-route-misdirected', () => {
  const led = (dst: string): Edit => json((routes: Json[]) => [{ dst, dev: 'eth0', flags: [] }, ...routes]);

  it('a longer route leads past the bridge', async () => {
    const files = { 'net/ip-route-all.json': led(ofA.address) };
    expect(await toldBy('pod-route-misdirected', { of: nodeA, files })).toEqual([`high ${ofA.key}`]);
  });

  it('the same to an address of the range that no pod has is nothing', async () => {
    const files = { 'net/ip-route-all.json': led('10.244.1.200') };
    expect(await toldBy('pod-route-misdirected', { of: nodeA, files })).toEqual([]);
  });
});

describe('orphan-veth', () => {
  const deleted = json((list: { items: { metadata: Json }[] }) => ({
    ...list,
    items: list.items.filter(({ metadata }) => metadata.name !== ofC.pod),
  }));

  it('the link and route of a pod that was deleted', async () => {
    const files = { 'pods.json': ended(ofC.key) };
    expect(await toldBy('orphan-veth', { of: nodeC, files, api: { 'pods.json': deleted } })).toEqual([
      `medium ${ofC.veth}`,
    ]);
  });

  it('nothing while the pod that was deleted still runs', async () => {
    expect(await toldBy('orphan-veth', { of: nodeC, api: { 'pods.json': deleted } })).toEqual([]);
  });

  it("nothing where the pod's name is on another node now, and the record has no UID", async () => {
    const moved = apiPod(ofC.pod, (pod) => {
      pod.spec.nodeName = 'node-a';
    });
    expect(await toldBy('orphan-veth', { of: nodeC, api: { 'pods.json': moved } })).toEqual([]);
  });
});

describe('ipam-leak', () => {
  const reserved = (container: string): Edit =>
    json((files: Record<string, string>) => ({ ...files, 'networks/labnet/10.244.1.99': `${container}\r\neth0` }));

  it('a reservation of a sandbox that nothing else knows', async () => {
    const files = { 'var-lib-cni.json': reserved('f'.repeat(64)) };
    expect(await toldBy('ipam-leak', { of: nodeA, files })).toEqual(['high node-a']);
  });

  it('a second address of a sandbox that lives is right', async () => {
    const alive = '0845f2de48328afbeb0fde4f1b1f35965d28b22600b98ab09c382f1c307feb47';
    const files = { 'var-lib-cni.json': reserved(alive) };
    expect(await toldBy('ipam-leak', { of: nodeA, files })).toEqual([]);
  });
});

describe('duplicate-pod-ip', () => {
  const given = (change: (pod: { spec: Json; status: Json }) => void): Edit =>
    apiPod('api-0', (pod) => {
      pod.status.podIP = ofA.address;
      pod.status.podIPs = [{ ip: ofA.address }];
      change(pod);
    });

  it('two live pods say that they have one address', async () => {
    const api = { 'pods.json': given(() => undefined) };
    expect(await toldBy('duplicate-pod-ip', { of: nodeA, api })).toEqual([`critical ${ofA.address}`]);
  });

  it('one of them has failed', async () => {
    const failed = given((pod) => {
      pod.status.phase = 'Failed';
    });
    expect(await toldBy('duplicate-pod-ip', { of: nodeA, api: { 'pods.json': failed } })).toEqual([]);
  });
});

describe('hairpin-off', () => {
  const deaf = (link: Json) => {
    const info = link.linkinfo as { info_slave_data: Json };
    return { ...link, linkinfo: { ...info, info_slave_data: { ...info.info_slave_data, hairpin: false } } };
  };

  it("an endpoint's port is not in hairpin mode", async () => {
    const files = { 'net/ip-link.json': linkOf(ofA.veth, deaf) };
    expect(await toldBy('hairpin-off', { of: nodeA, files })).toEqual(['low node-a']);
  });

  it('the same with a promiscuous bridge', async () => {
    const both: Edit = (text) => linkOf('cni0', (link) => ({ ...link, promiscuity: 1 }))(linkOf(ofA.veth, deaf)(text));
    expect(await toldBy('hairpin-off', { of: nodeA, files: { 'net/ip-link.json': both } })).toEqual([]);
  });
});

const conflist = 'etc-cni-net.d/10-labnet.conflist';

describe('cni-config-missing', () => {
  it('the one configuration is cut short', async () => {
    const files = { [conflist]: (text: string) => text.slice(0, 40) };
    expect(await toldBy('cni-config-missing', { of: nodeA, files })).toEqual(['critical node-a']);
  });

  it('another beside it that can be used is enough', async () => {
    const bridge = '{"cniVersion":"1.0.0","name":"labnet","type":"bridge","bridge":"cni0"}';
    const files = { [conflist]: (text: string) => text.slice(0, 40), 'etc-cni-net.d/20-labnet.conf': () => bridge };
    expect(await toldBy('cni-config-missing', { of: nodeA, files })).toEqual([]);
  });
});

describe('cni-config-ambiguous', () => {
  const other = '{"cniVersion":"1.0.0","name":"containerd-net","type":"bridge","bridge":"cni-other"}';

  it("containerd's example comes first", async () => {
    const files = { 'etc-cni-net.d/10-containerd-net.conf': () => other };
    expect(await toldBy('cni-config-ambiguous', { of: nodeA, files })).toEqual(['critical node-a']);
  });

  it("podman's comes last", async () => {
    const files = { 'etc-cni-net.d/87-podman-bridge.conf': () => other };
    expect(await toldBy('cni-config-ambiguous', { of: nodeA, files })).toEqual([]);
  });
});

describe('cni-plugin-missing', () => {
  const plugins = (...names: readonly string[]) => ({
    'cni-plugins.json': () => JSON.stringify({ '/opt/cni/bin': names }),
  });

  it('portmap is not among the plugins', async () => {
    expect(await toldBy('cni-plugin-missing', { of: nodeA, files: plugins('bridge', 'host-local') })).toEqual([
      'critical node-a',
    ]);
  });

  it('all that are named are there', async () => {
    const files = plugins('bridge', 'host-local', 'portmap');
    expect(await toldBy('cni-plugin-missing', { of: nodeA, files })).toEqual([]);
  });
});

/** A message of containerd with the plugin host-local, as test/kernel/pod-findings.test.ts meets it. */
const message =
  'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "0845": plugin type="bridge" failed (add): failed to allocate for range 0: no IP addresses available in range set: 10.244.1.1-10.244.1.254';
const waits = (phase: string) =>
  apiPod(ofA.pod, (pod) => {
    const since = '2026-11-22T07:00:00Z';
    Object.assign(pod.status, { phase, podIP: undefined, podIPs: undefined, startTime: since, conditions: [] });
    pod.metadata.uid = 'a-pod-that-waits';
  });
const event = json((list: { items: unknown[] }) => {
  const about = { kind: 'Pod', namespace: 'edge', name: ofA.pod, uid: 'a-pod-that-waits' };
  const at = new Date().toISOString();
  const one = { reason: 'FailedCreatePodSandBox', message, count: 9, firstTimestamp: at, lastTimestamp: at };
  const metadata = { name: 'ingress-0.1', namespace: 'edge', uid: '1' };
  return { ...list, items: [{ metadata, involvedObject: about, source: { host: 'node-a' }, ...one }] };
});

const notMade = { 'pods.json': ended(ofA.key) };

describe('pod-without-ip', () => {
  it('a pod waits, and an Event says why', async () => {
    const api = { 'pods.json': waits('Pending'), 'events.json': event };
    expect(await toldBy('pod-without-ip', { of: nodeA, files: notMade, api })).toEqual([`high ${ofA.key}`]);
  });

  it('a pod that has ended without an address waits for nothing', async () => {
    const api = { 'pods.json': waits('Succeeded'), 'events.json': event };
    expect(await toldBy('pod-without-ip', { of: nodeA, api })).toEqual([]);
  });
});

describe('sandbox-failing', () => {
  it('nine attempts failed', async () => {
    const api = { 'pods.json': waits('Pending'), 'events.json': event };
    expect(await toldBy('sandbox-failing', { of: nodeA, files: notMade, api })).toEqual(['high node-a']);
  });

  it('they failed, and the pod has its address by now', async () => {
    expect(await toldBy('sandbox-failing', { of: nodeA, api: { 'events.json': event } })).toEqual([]);
  });
});
