import { describe, expect, it } from 'vitest';
import { address, node, service, slice } from '../../test/builders.ts';
import { api, apiFrontend, ask, inSync, told, type World } from '../../test/diagnosis-world.ts';
import { finding } from '../../test/report-builders.ts';
import {
  dropped,
  everyone,
  forwardTo,
  forwardWith,
  prefix,
  rejected,
  type Row,
  unreadable,
  untaken,
} from '../../test/view-builders.ts';

const label = `shop/api:http (${apiFrontend})`;
const real = (forwarding: Row[1]): World => ({ onA: { observed: [[apiFrontend, forwarding]] } });
const ofService = (world: World, asked: Parameters<typeof ask>[1] = {}) => told(ask(world, asked), 'L3')[0];

describe('what the node of the source does with packets to a Service', () => {
  it('passes where it is what the endpoints ask for, and where the replies go is told', () => {
    expect(told(ask(), 'L3')).toEqual([
      `there pass: node-a sends packets to ${label} to 10.244.2.3:8080, as it should.`,
      'back not-looked-at: The connection table of node-a translates the replies of what it has let through.',
    ]);
  });

  it.each<[string, World, string]>([
    [
      'has no rule',
      { onA: { observed: [] } },
      `fail: node-a has no rule for ${label}: packets leave untranslated, and nobody answers.`,
    ],
    [
      'refuses',
      real(everyone(rejected)),
      `fail: node-a's kube-proxy refuses packets to ${label}, though it has endpoints.`,
    ],
    ['drops', real(everyone(dropped)), `fail: node-a's kube-proxy drops packets to ${label}, though it has endpoints.`],
    [
      'leaves out pods alone',
      real({ ...everyone(forwardTo('10.244.2.3:8080')), pod: untaken }),
      `fail: node-a's kube-proxy has no rule for packets of this source to ${label}: they leave untranslated.`,
    ],
    [
      'fails others alone',
      real({ ...everyone(forwardTo('10.244.2.3:8080')), outside: untaken }),
      `pass: node-a does with packets to ${label} what it should for this source; for others it does not.`,
    ],
    [
      'sends to a pod that is gone',
      real(everyone(forwardTo('10.244.2.9:8080'))),
      `fail: node-a's kube-proxy still sends every connection to ${label} to 10.244.2.9:8080, a pod that is gone.`,
    ],
    [
      'sends to a pod of somebody else as well',
      real(everyone(forwardTo('10.244.1.2:8080', '10.244.2.3:8080'))),
      `fail: node-a's kube-proxy still sends 1 of 2 connections to ${label} to 10.244.1.2:8080, a port that shop/web-0 does not name.`,
    ],
    [
      'loses a part',
      real(everyone(forwardWith(['10.244.2.3:8080'], { dress: { shares: { parts: [2 ** 30], lost: 2 ** 30 } } }))),
      `fail: 50 % of the connections to ${label} leave node-a untranslated, and nobody answers them.`,
    ],
    [
      'lets others in only',
      real(everyone(forwardWith(['10.244.2.3:8080'], { route: { sources: [prefix('192.0.2.0/24')] } }))),
      `fail: node-a does not let this source in to ${label} (drop), by source ranges that are not the Service's.`,
    ],
    [
      'cannot be told',
      real(everyone(unreadable('set-not-read'))),
      `unknown: What node-a does with packets to ${label} could not be told from its rules (set-not-read).`,
    ],
    [
      'was not read',
      { onA: { observed: null } },
      `unknown: What node-a does with packets to ${label} is not known: iptables-nft-save: exit code 1.`,
    ],
    [
      'is unknown as a whole',
      { unknown: { 'node-a': 'its agent is silent' } },
      `unknown: What node-a does with packets to ${label} is not known: nothing is known of node-a (its agent is silent).`,
    ],
  ])('where it %s', (_, world, sentence) => {
    expect(ofService(world)).toBe(`there ${sentence}`);
  });

  it('leaves out a backend of several: connections get on', () => {
    const both = everyone(forwardTo('10.244.2.3:8080', '10.244.2.4:8080'));
    const endpointSlices = [slice('shop/api').port(8080, 'http').ready('10.244.2.3').ready('10.244.2.4').built];
    expect(ofService({ onA: { desired: [[apiFrontend, both]] }, snapshot: { endpointSlices } })).toBe(
      `there pass: node-a leaves out 10.244.2.4:8080 when it sends packets to ${label}; connections go to the other backends.`,
    );
  });

  it('shows since when, where the node shows a past state', () => {
    const staleness = {
      [apiFrontend]: { shows: 'past-state', from: '2026-11-22T07:00:00Z', until: '2026-11-22T07:30:00Z' },
    } as const;
    const onA = { observed: [[apiFrontend, everyone(forwardTo('10.244.2.9:8080'))]] as const, history: { staleness } };
    expect(ofService({ onA })).toBe(
      `there fail: node-a's kube-proxy still sends every connection to ${label} to 10.244.2.9:8080, a pod that is gone; it shows what was wanted until 07:30:00 UTC.`,
    );
  });

  it('names the finding that says the same, with what mends its cause first', () => {
    const cause = finding('proxy-down', { node: 'node-a', remediation: [{ command: 'restart it', effect: '' }] });
    const stale = finding('stale-endpoint', {
      node: 'node-a',
      subject: { kind: 'Service', namespace: 'shop', name: 'api', port: 'http', protocol: 'tcp' },
      parent: cause.fingerprint,
      remediation: [{ command: 'look at it', effect: '' }],
    });
    const { steps, firstBroken, remediation } = ask({
      ...real(everyone(forwardTo('10.244.2.9:8080'))),
      findings: [cause, stale, { ...stale, node: 'node-b', fingerprint: 'another' }],
    });
    expect(steps[firstBroken?.step ?? 0]?.finding).toEqual({
      fingerprint: 'of-stale-endpoint',
      check: 'stale-endpoint',
    });
    expect(remediation.map(({ command }) => command)).toEqual(['restart it', 'look at it']);
  });
});

describe('a Service', () => {
  it('without an endpoint that is ready fails wherever it is asked', () => {
    const endpointSlices = [slice('shop/api').port(8080, 'http').unready('10.244.2.3').built];
    const refusing = {
      desired: [[apiFrontend, everyone(rejected)]],
      observed: [[apiFrontend, everyone(rejected)]],
    } as const;
    expect(told(ask({ onA: refusing, snapshot: { endpointSlices } }), 'L3').slice(0, -1)).toEqual([
      'there fail: shop/api:http has no endpoint that is ready: every node refuses or drops its packets.',
    ]);
  });

  it('that is headless is translated by nobody', () => {
    const services = [api.having({ clusterIPs: {}, selector: { app: 'api' } }).built];
    expect(ofService({ snapshot: { services }, api: { labels: { app: 'api' } } })).toBe(
      'there not-looked-at: No node translates packets to shop/api: it is headless, and clients get the addresses of its pods.',
    );
  });

  it('is asked by its address, and by its node port for a client outside', () => {
    const services = [api.nodePort(30_080).built];
    const nodePort: Row = ['tcp node4:30080', everyone(forwardTo('10.244.2.3:8080'))];
    const onA = { desired: [inSync, nodePort], observed: [inSync] };
    const world = { onA, snapshot: { services } };
    expect(ofService(world, { to: '10.96.0.7:80' })).toMatch(/^there pass: node-a sends packets to shop\/api:http/);
    expect(ofService(world, { from: '192.0.2.9', to: '192.168.100.11:30080' })).toBe(
      'there fail: node-a has no rule for shop/api:http (tcp node port 30080): packets leave untranslated, and nobody answers.',
    );
  });

  it('that is headless leads to its pods at whatever port is asked', () => {
    const services = [api.having({ clusterIPs: {}, selector: { app: 'api' } }).built];
    const world: World = { api: { labels: { app: 'api' } }, snapshot: { services } };
    expect(told(ask(world, { to: 'svc/shop/api:9090' }), 'L5')[0]).toBe(
      'there pass: Policies let shop/web-0 reach shop/api-0 on tcp 9090: no policy isolates either end.',
    );
  });

  it('answers a client outside by way of the node that translated', () => {
    const services = [api.nodePort(30_080).built];
    expect(told(ask({ snapshot: { services } }, { from: '192.0.2.9', to: '192.168.100.11:30080' }), 'L2')[1]).toBe(
      'back fail: Packets from node-b to 192.168.100.11 do not get to node-a: node-b has no route to 192.168.100.11.',
    );
  });

  it('asked by an address of the other family is not this one', () => {
    const ipv6 = service('shop/api')
      .having({ clusterIPs: { ipv6: address('fd00::7') } })
      .port(80, 'http').built;
    expect(told(ask({ snapshot: { services: [ipv6] } }), 'L3')).toEqual([
      'there fail: pod/shop/web-0 has IPv4 addresses alone and svc/shop/api:http has IPv6 addresses alone: no packet can go from one to the other.',
    ]);
  });

  it('that stands for a name outside is translated by nobody', () => {
    const services = [api.having({ type: 'ExternalName', clusterIPs: {} }).built];
    expect(ofService({ snapshot: { services } })).toBe(
      'there not-looked-at: No node translates packets to shop/api: it stands for a name outside of the cluster.',
    );
  });
});

describe("an address that is nobody's", () => {
  it("is told to have been a Service's where rules for it are left, and where it lies among them", () => {
    const onA = { observed: [inSync, ['tcp 10.96.0.9:80', everyone(forwardTo('10.244.2.3:8080'))]] as const };
    expect([ofService({ onA }, { to: '10.96.0.9:80' }), ofService({}, { to: '10.96.0.9:80' })]).toEqual([
      'there fail: node-a still has rules for tcp 10.96.0.9:80, which no Service asks for any more.',
      "there unknown: 10.96.0.9 is no Service's address now, and lies among those of Services: one that had it may be gone, and nobody answers there.",
    ]);
    expect(ofService({}, { to: '192.0.2.7:80' })).toBe(
      'there not-looked-at: No Service is asked: packets go to the address itself.',
    );
  });

  it("is told to have been a pod's where a node gives such addresses away", () => {
    const nodes = [{ ...node('node-a', '192.168.100.11'), podCIDRs: [prefix('10.244.1.0/24')] }];
    expect(told(ask({ snapshot: { nodes } }, { to: '10.244.1.77:80' }), 'L1')[1]).toBe(
      'there fail: No pod has 10.244.1.77 now: it is of the pod range of node-a, and whoever had it is gone.',
    );
  });
});
