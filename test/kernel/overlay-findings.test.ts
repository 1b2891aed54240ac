/**
 * Three nodes with flannel's overlay, and two with BIRD: each fault made by hand is found by the check for it and by no
 * other, and is gone once the remedy that the finding prints was run.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../e2e/until.ts';
import { type BgpLab, openBgpLab } from './bgp-lab.ts';
import { outline, type Situation, toldOf } from './fault-findings.ts';
import { findingsBelowServices } from './judged-nodes.ts';
import type { PodLab } from './lab-nodes.ts';
import { endsOf } from './lab-passages.ts';
import { removeAbandoned } from './namespaces.ts';
import * as ofNode from './node-faults.ts';
import * as overlay from './overlay-faults.ts';
import { type Backend, openOverlayLab } from './overlay-lab.ts';
import { bgpCut } from './wire-faults.ts';

const ofVxlan: readonly Situation[] = [
  {
    what: 'a forwarding entry leads to nobody',
    fault: ({ one, two }) => overlay.forwardingEntryWrong(one, two),
    told: ['peer-fdb-missing node-1 node-2'],
  },
  {
    what: 'a forwarding entry is deleted',
    fault: ({ one, two }) => overlay.forwardingEntryDeleted(one, two),
    told: ['peer-fdb-missing node-1 node-2'],
  },
  {
    what: 'a neighbour has another MAC address',
    fault: ({ one, two }) => overlay.neighbourWrong(one, two),
    told: ['peer-fdb-missing node-1 node-2'],
  },
  {
    what: 'a neighbour is deleted',
    fault: ({ one, two }) => overlay.neighbourDeleted(one, two),
    told: ['peer-fdb-missing node-1 node-2'],
  },
  {
    what: 'flannel.1 is switched off',
    fault: ({ one }, { nodes }) => overlay.tunnelDown(one, nodes),
    told: [
      'peer-fdb-missing node-1 node-2 <- tunnel-down',
      'peer-fdb-missing node-1 node-3 <- tunnel-down',
      'peer-route-missing node-1 node-2 <- tunnel-down',
      'peer-route-missing node-1 node-3 <- tunnel-down',
      'tunnel-down node-1 flannel.1',
    ],
  },
  {
    what: 'flannel.1 has another MAC address than flannel has told',
    fault: ({ one }, { nodes }) => overlay.tunnelMacChanged(one, nodes),
    told: ['vtep-mac-drift node-1 flannel.1'],
  },
  {
    what: "flannel.1's MTU is lowered below that of pods",
    fault: ({ one }) => ofNode.linkMtu(one, 'flannel.1', 1400),
    told: ['mtu-ladder node-1 flannel.1'],
  },
  {
    what: "the uplink's MTU is lowered below what flannel.1 sends",
    fault: ({ one }) => ofNode.linkMtu(one, 'eth0', 1400),
    told: ['mtu-ladder node-1 flannel.1'],
    undone: 'the uplink itself is to be mended',
  },
  {
    what: 'a strict reverse path filter, and the way back is another one',
    fault: ({ one, two }) => {
      const undos = [ofNode.strictReversePath(two), ofNode.answersByUplink(two, one.range, one.address)];
      return () => {
        for (const undo of undos) undo();
      };
    },
    // The other way itself is one that flannel takes with DirectRouting; it stays, so this comes last.
    told: ['rp-filter-strict node-2 flannel.1'],
  },
];

const ofBoth: readonly Situation[] = [
  {
    what: 'the route to a peer is deleted',
    fault: ({ one, two }) => overlay.peerRouteDeleted(one, two),
    told: ['peer-route-missing node-1 node-2'],
  },
  {
    what: 'the route to a peer leads to nobody',
    fault: ({ one, two }) => overlay.peerRouteChanged(one, two, 'via 192.168.100.99 dev eth0'),
    told: ['peer-route-missing node-1 node-2'],
  },
  {
    what: "a blackhole takes half of a peer's range",
    fault: ({ one }) => ofNode.blackholed(one, '10.244.2.0/25'),
    told: ['blackhole-route node-1 blackhole 10.244.2.0/25'],
  },
  {
    what: 'the node does not forward',
    fault: ({ one }) => ofNode.forwardingOff(one),
    told: ['ip-forward-off node-1 node-1'],
  },
  {
    what: 'the node does not forward what comes by its uplink',
    fault: ({ one }) => ofNode.linkForwardingOff(one, 'eth0'),
    told: ['ip-forward-off node-1 node-1'],
  },
];

/** No fault at all, though it looks like one. */
const lawful: readonly Situation[] = [
  {
    what: 'a strict reverse path filter alone drops nothing, and is not told',
    fault: ({ one }) => ofNode.strictReversePath(one),
    told: [],
    undone: 'there is none',
  },
];

describe.each<readonly [Backend, readonly Situation[]]>([
  ['vxlan', [...lawful, ...ofBoth, ...ofVxlan]],
  ['host-gw', [...ofBoth, ...lawful]],
])('three nodes with flannel and %s', (backend, situations) => {
  let lab: PodLab;
  beforeAll(async () => {
    removeAbandoned();
    lab = await openOverlayLab(`found-${backend}`, backend);
  });
  afterAll(() => lab?.close());

  it('are well at first', async () => {
    expect(await findingsBelowServices(lab.nodes, lab.writeApi())).toEqual([]);
  });

  it.each(situations)('$what', async (situation) => {
    expect(await toldOf(lab, situation)).toEqual({ told: situation.told, after: [] });
  });
});

describe('two nodes with BIRD, as Calico runs it', () => {
  let lab: BgpLab;
  beforeAll(async () => {
    removeAbandoned();
    lab = await openBgpLab('found');
  });
  afterAll(() => lab?.close());
  const told = async () => outline(await findingsBelowServices(lab.nodes, lab.writeApi()));

  it('are well at first, blackholes of their own blocks and 169.254.1.1 included', async () => {
    expect(await told()).toEqual([]);
  });

  it('a cut session is found on both, and gone when it is established again', async () => {
    const { one, two } = endsOf(lab);
    const undo = bgpCut(lab.switch, one, two);
    const found = await until({
      what: 'both sessions to be told as down',
      seconds: 15,
      look: told,
      met: (lines) => lines.length >= 2,
    });
    undo();
    await lab.converged();
    expect([found, await told()]).toEqual([['bgp-down node-1 node-2', 'bgp-down node-2 node-1'], []]);
  });
});
