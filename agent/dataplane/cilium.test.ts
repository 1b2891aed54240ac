import { describe, expect, it } from 'vitest';
import { origins } from '../../proto/forwarding.ts';
import { fateInShort } from '../../test/fate-in-short.ts';
import { readCiliumServices, readReplacement } from './cilium.ts';

interface Sketch {
  readonly type?: string;
  readonly scope?: string;
  readonly backends?: readonly object[];
}

/** One row of the list, as Cilium prints it. */
function row(frontend: string, { type = 'ClusterIP', scope = 'external', backends = [] }: Sketch = {}): object {
  const [protocol, ip, port] = frontend.split(' ');
  const address = { ip, port: Number(port), protocol, scope };
  const flags = { type, name: 'web', namespace: 'shop', intTrafficPolicy: 'Cluster' };
  return { spec: { id: 7, flags, 'frontend-address': address, 'backend-addresses': backends } };
}

function backend(ip: string, other: object = {}): object {
  return { ip, port: 8080, protocol: 'TCP', preferred: true, state: 'active', weight: 100, ...other };
}

function tableOf(...rows: readonly object[]): Readonly<Record<string, readonly string[]>> {
  const read = readCiliumServices(JSON.stringify(rows));
  if (!read.ok) throw new Error(read.message);
  return Object.fromEntries(
    [...read.table].map(([key, { forwarding }]) => [key, origins.map((origin) => fateInShort(forwarding[origin]))]),
  );
}

const untold = 'unknown cilium';

describe("Cilium's services", () => {
  it('forward packets of pods and of the node to the active backends; of outside clients nothing is said', () => {
    const backends = [backend('10.0.1.4'), backend('10.0.0.9')];
    const forward = '10.0.0.9:8080,10.0.1.4:8080 masquerade=never';
    expect(tableOf(row('TCP 10.96.0.10 80', { backends }), row('UDP fd00:10:96::a 53'))).toEqual({
      'tcp 10.96.0.10:80': [forward, forward, untold],
      'udp [fd00:10:96::a]:53': [untold, untold, untold],
    });
  });

  it.each([
    [
      'a terminating one is left out beside an active one',
      [backend('10.0.0.2'), backend('10.0.0.3', { state: 'terminating' })],
    ],
    ['so is one that is quarantined', [backend('10.0.0.2'), backend('10.0.0.3', { state: 'quarantined' })]],
    ['so is one in maintenance', [backend('10.0.0.2'), backend('10.0.0.3', { state: 'maintenance', weight: 0 })]],
    ['terminating ones alone serve on', [backend('10.0.0.2', { state: 'terminating' })]],
    ['an older Cilium tells neither state nor weight', [{ ip: '10.0.0.2', port: 8080, nodeName: 'node-b' }]],
    ['one that several names of a port lead to counts once', [backend('10.0.0.2'), backend('10.0.0.2')]],
  ])('of backends: %s', (_, backends) => {
    const forward = '10.0.0.2:8080 masquerade=never';
    expect(tableOf(row('TCP 10.96.0.10 80', { backends }))).toEqual({
      'tcp 10.96.0.10:80': [forward, forward, untold],
    });
  });

  it.each([
    ['none is left', [backend('10.0.0.2', { state: 'quarantined' })]],
    ['its state is not known here', [backend('10.0.0.2', { state: 'resting' })]],
    [
      'weights differ, whose effect depends on the algorithm',
      [backend('10.0.0.2'), backend('10.0.0.3', { weight: 50 })],
    ],
    ['it is of another cluster with the same addresses', [backend('10.0.0.2@3')]],
    ['it is of the other family', [backend('fd00:10:244::2')]],
    ['it has no port', [backend('10.0.0.2', { port: 0 })]],
  ])('are unknown where of the backends %s', (_, backends) => {
    expect(tableOf(row('TCP 10.96.0.10 80', { backends }))).toEqual({
      'tcp 10.96.0.10:80': [untold, untold, untold],
    });
  });

  it('on node ports are one frontend, whatever addresses it is listed with', () => {
    const backends = [backend('10.0.0.2')];
    const of = (ip: string) => row(`TCP ${ip} 30080`, { type: 'NodePort', backends });
    const forward = '10.0.0.2:8080 masquerade=never';
    expect(tableOf(of('0.0.0.0'), of('192.168.100.11'))).toEqual({ 'tcp node4:30080': [forward, forward, untold] });
    const other = row('TCP 192.168.100.12 30080', { type: 'NodePort', backends: [backend('10.0.0.3')] });
    const differs = 'unknown address-dependent';
    expect(tableOf(of('0.0.0.0'), other)).toEqual({ 'tcp node4:30080': [differs, differs, untold] });
  });

  it('with a row per scope are for pods and the node those of scope internal', () => {
    const rows = [
      row('TCP 198.51.100.7 80', { type: 'ExternalIPs', backends: [backend('10.0.0.2')] }),
      row('TCP 198.51.100.7 80', { type: 'ExternalIPs', scope: 'internal', backends: [backend('10.0.1.5')] }),
    ];
    const forward = '10.0.1.5:8080 masquerade=never';
    expect(tableOf(...rows)).toEqual({ 'tcp 198.51.100.7:80': [forward, forward, untold] });
  });

  it("at a load balancer's address are unknown: it may have source ranges, which are not listed", () => {
    const backends = [backend('10.0.0.2')];
    expect(tableOf(row('TCP 203.0.113.9 80', { type: 'LoadBalancer', backends }))).toEqual({
      'tcp 203.0.113.9:80': [untold, untold, untold],
    });
  });

  it('leave out host ports, other clusters, and what has no protocol', () => {
    const backends = [backend('10.0.0.2')];
    expect(
      tableOf(
        row('TCP 0.0.0.0 8443', { type: 'HostPort', backends }),
        row('TCP 10.96.0.10@2 80', { backends }),
        row('ANY 10.96.0.11 80', { backends }),
      ),
    ).toEqual({});
  });

  it('tell which types there are', () => {
    const list = JSON.stringify([row('TCP 10.96.0.10 80'), row('TCP 0.0.0.0 30080', { type: 'NodePort' })]);
    expect(readCiliumServices(list)).toMatchObject({ types: new Set(['ClusterIP', 'NodePort']) });
  });

  it.each([
    ['', 'it is no JSON list of services'],
    ['{"message":"not found"}', 'it is no JSON list of services'],
    ['[{"spec":{"id":1}}]', 'service 1 of the list has no frontend address'],
    ['[{"spec":{"frontend-address":{"ip":"10.96.0.1","port":443', 'it is no JSON list of services'],
    ['[null]', 'service 1 of the list has no frontend address'],
  ])('that are none (%s) are refused', (text, message) => {
    expect(readCiliumServices(text)).toEqual({ ok: false, message });
  });
});

describe("Cilium's word on whether it replaces kube-proxy", () => {
  it.each([
    ['True', true],
    ['Strict', true],
    ['False', false],
    ['Disabled', false],
    ['Partial', null],
    ['', null],
  ])('%s', (mode, replaces) => {
    expect(readReplacement(JSON.stringify({ 'kube-proxy-replacement': { mode, devices: ['eth0'] } }))).toBe(replaces);
  });

  it('is lacking where it does not speak of it', () => {
    expect([readReplacement('{}'), readReplacement('cilium: not running')]).toEqual([null, null]);
  });
});
