/**
 * Three nodes with flannel's overlay that probe each other through it: what the probes find and what the nodes' own facts
 * say lead to the same culprit, and where no node is to blame, the finding says so.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Finding } from '../../aggregator/model/finding.ts';
import { outline } from './fault-findings.ts';
import type { PodLab } from './lab-nodes.ts';
import { endsOf } from './lab-passages.ts';
import { removeAbandoned } from './namespaces.ts';
import * as ofNode from './node-faults.ts';
import * as overlay from './overlay-faults.ts';
import { openOverlayLab } from './overlay-lab.ts';
import { ProbedNodes } from './probed-nodes.ts';
import { droppedBetween, pathNarrowed } from './wire-faults.ts';

describe('three nodes that probe each other', () => {
  let lab: PodLab;
  let probed: ProbedNodes;
  beforeAll(async () => {
    removeAbandoned();
    lab = await openOverlayLab('probed');
    probed = new ProbedNodes(lab);
  });
  afterAll(async () => {
    await probed?.end();
    await lab?.close();
  });

  /** What is found with the fault, and after it. */
  async function foundWith(fault: () => () => void): Promise<readonly Finding[]> {
    const undo = fault();
    const found = await probed.findings();
    undo();
    expect(outline(await probed.findings())).toEqual([]);
    return found;
  }

  it('are well at first', async () => {
    expect(outline(await probed.findings())).toEqual([]);
  });

  it('and one of which has lost the forwarding entry of another, blame that entry', async () => {
    const { one, two } = endsOf(lab);
    const found = await foundWith(() => overlay.forwardingEntryWrong(one, two));
    expect(outline(found)).toEqual([
      'node-unreachable node-1 node-2 <- peer-fdb-missing',
      'node-unreachable node-2 node-1',
      'peer-fdb-missing node-1 node-2',
    ]);
    expect(told(found)).toEqual([
      'node-1 gets no answer from node-2: no packet is answered (at its address among the pods; its node address answers); what node-1 sends does not arrive at node-2, since flannel.1 of node-1 sends packets for MAC to 192.168.100.99, which is not node-2.',
      'node-2 gets no answer from node-1: no packet is answered (at its address among the pods; its node address answers); what node-2 sends arrives at node-1, and the answers do not come back, since flannel.1 of node-1 sends packets for MAC to 192.168.100.99, which is not node-2, on the way back to node-2.',
    ]);
  });

  it('and the network loses all that one sends another, blame that direction, and no node', async () => {
    const { one, two } = endsOf(lab);
    const found = await foundWith(() => droppedBetween(lab.switch, { from: one, to: two }, 'vxlan'));
    expect(outline(found)).toEqual(['node-unreachable node-1 node-2', 'node-unreachable node-2 node-1']);
    expect(told(found)).toEqual([
      'node-1 gets no answer from node-2: no packet is answered (at its address among the pods; its node address answers); what node-1 sends does not arrive at node-2.',
      'node-2 gets no answer from node-1: no packet is answered (at its address among the pods; its node address answers); what node-2 sends arrives at node-1, and the answers do not come back.',
    ]);
  });

  // Before the next: nodes that were told of a smaller MTU cut what they send for a while.
  it('and the network loses only what is large, say so, and blame no node', async () => {
    const { one } = endsOf(lab);
    const found = await foundWith(() => pathNarrowed(lab.switch, one, 1400));
    expect(outline(found)).toEqual([
      'node-unreachable node-1 node-1',
      'node-unreachable node-2 node-1',
      'node-unreachable node-3 node-1',
    ]);
    expect(told(found)).toEqual([
      'node-1 reaches none of the 2 nodes that it asks (node-2 and node-3): large packets get no answer; what node-1 sends does not arrive at them.',
      'node-2 gets no answer from node-1: packets of 1500 bytes are lost, small ones pass (already at its node address); what node-2 sends does not arrive at node-1.',
      'node-3 gets no answer from node-1: packets of 1500 bytes are lost, small ones pass (already at its node address); what node-3 sends does not arrive at node-1.',
    ]);
  });

  it('and one of which has an uplink too narrow for the overlay, blame its MTU', async () => {
    const { one } = endsOf(lab);
    const found = await foundWith(() => ofNode.linkMtu(one, 'eth0', 1400));
    expect(outline(found)).toEqual([
      'mtu-ladder node-1 flannel.1',
      'node-unreachable node-1 node-1 <- mtu-ladder',
      'node-unreachable node-2 node-1',
      'node-unreachable node-3 node-1',
    ]);
    expect(told(found)).toEqual([
      'node-1 reaches none of the 2 nodes that it asks (node-2 and node-3): large packets get no answer; what node-1 sends arrives at them, and the answers do not come back.',
      'node-2 gets no answer from node-1: packets of 1500 bytes are lost, small ones pass (already at its node address); what node-2 sends does not arrive at node-1, since eth0 of node-1 takes packets of 1400 bytes at most, and these have 1500.',
      'node-3 gets no answer from node-1: packets of 1500 bytes are lost, small ones pass (already at its node address); what node-3 sends does not arrive at node-1, since eth0 of node-1 takes packets of 1400 bytes at most, and these have 1500.',
    ]);
  });
});

/** What probes say, with any MAC address for those of this lab. */
function told(found: readonly Finding[]): readonly string[] {
  const summaries = found.filter(({ check }) => check === 'node-unreachable').map(({ summary }) => summary);
  return summaries.map((summary) => summary.replaceAll(/(?:[0-9a-f]{2}:){5}[0-9a-f]{2}/g, 'MAC')).sort();
}
