import { describe, expect, it } from 'vitest';
import { networkOf, sandboxEvent, webPod, type WiredSketch, wiredNode } from '../../test/wired-node.ts';
import type { PodEvent } from '../model/cluster.ts';
import { sandboxFailing } from './sandbox-failing.ts';

const waits = (number: number) =>
  webPod(number, { phase: 'Pending', addresses: [], waitingReason: 'ContainerCreating' });
const used =
  'plugin type="bridge" failed (add): failed to allocate for range 0: no IP addresses available in range set: 10.244.1.1-10.244.1.254';
const event = (number: number, changes: Partial<PodEvent> = {}) => sandboxEvent(number, { message: used, ...changes });
const evaluate = (sketch: WiredSketch) =>
  sandboxFailing.evaluate(wiredNode({ pods: [waits(0), waits(1)], networks: [], ...sketch }));

describe('sandbox-failing', () => {
  it('pods that fail for one reason are one finding, and it accounts for each of them', () => {
    const [told, ...more] = evaluate({ events: [event(0), event(1)] });
    expect([told?.summary, told?.explainsTopics, more]).toEqual([
      '2 pods of node-a cannot be started (shop/web-0 and shop/web-1), because no address is left in 10.244.1.1-10.244.1.254.',
      ['pod shop/web-0', 'pod shop/web-1'],
      [],
    ]);
  });

  it('the reason of most attempts comes first', () => {
    const events = [event(0), event(1, { count: 9, message: 'cni plugin not initialized' })];
    expect(evaluate({ events })[0]?.summary).toBe(
      '2 pods of node-a cannot be started (shop/web-0 and shop/web-1), because the runtime has loaded no CNI configuration, and for 1 other reason.',
    );
  });

  it('pods of before a boot, whose sandboxes cannot be made anew, while the API shows them as they were', () => {
    expect(evaluate({ pods: [webPod(0), webPod(1)], networks: [networkOf(1)], events: [event(0)] })).toHaveLength(1);
  });

  it.each<readonly [string, WiredSketch]>([
    ['no event', {}],
    ['one attempt', { events: [event(0, { count: 1 })] }],
    ['an event of long ago', { events: [event(0, { lastAt: '2026-11-22T07:20:00Z' })] }],
    ['a pod that runs by now', { pods: [webPod(0)], networks: [networkOf(0)], events: [event(0)] }],
    ['a pod that pulls its image by now', { networks: [networkOf(0)], events: [event(0)] }],
    ['a pod that was deleted', { pods: [waits(0)], events: [event(1)] }],
    ['another node', { events: [event(0, { nodeName: 'node-b' })] }],
    ['what fails before any network', { events: [event(0, { message: 'RuntimeHandler "runsc" not supported' })] }],
  ])('nothing of %s', (_, sketch) => {
    expect(evaluate(sketch)).toEqual([]);
  });
});
