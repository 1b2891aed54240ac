/** Nodes of flannel and of Calico: they reach each other's pods, and each fault of the labs breaks what it says. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../e2e/until.ts';
import { type BgpLab, openBgpLab } from './bgp-lab.ts';
import { sendTo } from './datagram.ts';
import type { PodLab } from './lab-nodes.ts';
import { both, type Case, endsOf, lookTwice, none, onlySmall, passages } from './lab-passages.ts';
import { removeAbandoned } from './namespaces.ts';
import * as ofNode from './node-faults.ts';
import * as overlay from './overlay-faults.ts';
import { macOf, openOverlayLab } from './overlay-lab.ts';
import * as ofPod from './pod-faults.ts';
import { bgpCut, droppedBetween, pathNarrowed } from './wire-faults.ts';

describe('three nodes of flannel', () => {
  let lab: PodLab;
  beforeAll(async () => {
    removeAbandoned();
    lab = await openOverlayLab('smoke-vxlan');
  });
  afterAll(() => lab?.close());

  it('reach each other, in all directions', () => {
    const pods = lab.nodes.flatMap((node) => node.pods.slice(0, 1));
    const seen = pods.flatMap((from) =>
      pods
        .filter((to) => to !== from)
        .map((to) => sendTo(from.networkNamespace, ofPod.wiredAs(to).address, [64, 1450])),
    );
    expect(seen).toEqual([both, both, both, both, both, both]);
  });

  it.each<Case>([
    ['a forwarding entry wrong', ({ one, two }) => overlay.forwardingEntryWrong(one, two), none],
    ['a forwarding entry gone', ({ one, two }) => overlay.forwardingEntryDeleted(one, two), none],
    ['a neighbour wrong', ({ one, two }) => overlay.neighbourWrong(one, two), none],
    ['a neighbour gone', ({ one, two }) => overlay.neighbourDeleted(one, two), none],
    ['a route gone', ({ one, two }) => overlay.peerRouteDeleted(one, two), none],
    ['a route elsewhere', ({ one, two }) => overlay.peerRouteChanged(one, two, 'dev cni0'), none],
    [
      'a route by nobody',
      ({ one, two }) => overlay.peerRouteChanged(one, two, `via ${overlay.nobodysAddress} dev eth0`),
      none,
    ],
    ["the other's MAC address changed", ({ two }, { nodes }) => overlay.tunnelMacChanged(two, nodes), none],
    ['the tunnel down', ({ two }, { nodes }) => overlay.tunnelDown(two, nodes), none],
    ['one direction lost', ({ one, two }, at) => droppedBetween(at.switch, { from: one, to: two }, 'udp'), none],
    ['the way back lost', ({ one, two }, at) => droppedBetween(at.switch, { from: two, to: one }, 'vxlan'), none],
    ['a narrow way between', ({ one }, at) => pathNarrowed(at.switch, one, 1400), onlySmall],
    // The kernel does not forbid that the outer packet is cut.
    ['a small uplink', ({ one }) => ofNode.linkMtu(one, 'eth0', 1400), both],
    ['large packets lost', ({ one, two }, at) => droppedBetween(at.switch, { from: one, to: two }, 'large'), onlySmall],
  ])('%s', async (_, fault, through) => {
    expect(await lookTwice(lab, fault, 1450)).toEqual({ through, after: both });
  });

  it('a strict filter drops what would be answered by another way, and only that', () => {
    const { one, two } = endsOf(lab);
    const strict = ofNode.strictReversePath(two);
    const symmetric = passages(lab, 1450);
    const elsewhere = ofNode.answersByUplink(two, one.range, one.address);
    const asymmetric = passages(lab, 1450);
    strict();
    const loose = passages(lab, 1450);
    elsewhere();
    const after = passages(lab, 1450);
    expect({ symmetric, asymmetric, loose, after }).toEqual({
      symmetric: both,
      asymmetric: none,
      loose: both,
      after: both,
    });
  });

  it('a tunnel that is gone is made anew', () => {
    const { two } = endsOf(lab);
    const mac = macOf(two);
    ofNode.linkDeleted(two, 'flannel.1');
    const through = passages(lab, 1450);
    overlay.remakeTunnel(two, lab.nodes, mac);
    expect([through, passages(lab, 1450), macOf(two)]).toEqual([none, both, mac]);
  });

  // Last, as the sender remembers it.
  it('a tunnel that takes less than its pods do says so', () => {
    const { one } = endsOf(lab);
    const undo = ofNode.linkMtu(one, 'flannel.1', 1400);
    const through = passages(lab, 1450);
    undo();
    expect(through).toEqual(['arrived', 'failed: EMSGSIZE']);
  });

  it('without a tunnel reach each other by the addresses of the nodes', async () => {
    const direct = await openOverlayLab('smoke-hostgw', 'host-gw');
    const through = passages(direct, 1500);
    await direct.close();
    expect(through).toEqual(both);
  });
});

describe('two nodes of Calico', () => {
  let lab: BgpLab;
  beforeAll(async () => {
    lab = await openBgpLab('smoke-bgp');
  });
  afterAll(() => lab?.close());

  /** The states of both sessions, as soon as they are these. */
  function sessionsBecome(state: RegExp): Promise<unknown> {
    return until({
      what: `both sessions to be ${state}`,
      seconds: 15,
      look: () => lab.birds.map(({ ask }) => /Mesh_.*/.exec(ask('show protocols'))?.[0] ?? ''),
      met: (lines) => lines.every((line) => state.test(line)),
    });
  }

  it.each<Case>([
    ["a pod's veth down", ({ two, to }) => ofPod.vethDown(two, to), none],
    ["a pod's route gone", ({ two, to }) => ofPod.podRouteDeleted(two, to), none],
    ["a pod's route elsewhere", ({ two, to }) => ofPod.podRouteMisdirected(two, to, 'eth0'), none],
  ])('%s', async (_, fault, through) => {
    expect(await lookTwice(lab, fault, 1500)).toEqual({ through, after: both });
  });

  it('a cut session ends when its hold time is over, its routes with it, and all comes back', async () => {
    const { one, two } = endsOf(lab);
    const undo = bgpCut(lab.switch, one, two);
    await sessionsBecome(/Hold timer expired|Connect|Active/);
    const through = passages(lab, 1500);
    undo();
    await lab.converged();
    expect([through, passages(lab, 1500)]).toEqual([none, both]);
  });

  it('a BIRD that has ended is missed by the other one, and its routes stay', async () => {
    const [, second] = lab.birds;
    await second?.stop();
    expect(() => second?.ask('show protocols')).toThrow('birdc');
    await until({
      what: 'the session to be closed',
      seconds: 10,
      look: () => lab.birds[0]?.ask('show protocols') ?? '',
      met: (text) => /Mesh_192_168_100_12 BGP .* Connection (closed|refused)/.test(text),
    });
    expect(passages(lab, 1500)).toEqual(both);
    await second?.start();
    await lab.converged();
    expect(passages(lab, 1500)).toEqual(both);
  });

  it('new pods get addresses of their own', async () => {
    const { two, from } = endsOf(lab);
    const pod = await two.addPod('new');
    expect(ofPod.wiredAs(pod).address).toBe('10.244.2.4');
    expect(sendTo(from.networkNamespace, '10.244.2.4', [64, 1500])).toEqual(both);
    await two.removePod(pod);
    // The block's blackhole takes it.
    expect(sendTo(from.networkNamespace, '10.244.2.4', [64, 1500])).toEqual(none);
  });
});
