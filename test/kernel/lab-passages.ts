/** What gets through between the first two nodes of a lab while a fault is there, and after it was taken back. */
import { until } from '../e2e/until.ts';
import { type Passage, sendTo } from './datagram.ts';
import type { Undo } from './fault-undo.ts';
import type { PodLab } from './lab-nodes.ts';
import { wiredAs } from './pod-faults.ts';
import type { LabPod, PodNode } from './pod-node.ts';

/** The first two nodes, the pods of the first, and the first pod of the second. */
export interface Ends {
  readonly one: PodNode;
  readonly two: PodNode;
  readonly from: LabPod;
  readonly beside: LabPod;
  readonly to: LabPod;
}

export function endsOf({ nodes }: PodLab): Ends {
  const [one, two] = nodes;
  const [from, beside] = byName(one?.pods ?? []);
  const [to] = byName(two?.pods ?? []);
  if (one === undefined || two === undefined || from === undefined || beside === undefined || to === undefined) {
    throw new Error('a lab has two nodes at least, with two pods each');
  }
  return { one, two, from, beside, to };
}

/** A pod that is made anew comes last on its node. */
function byName(pods: readonly LabPod[]): readonly LabPod[] {
  return pods.toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

/** A small packet and a full one, from the first pod of the first node to the first pod of the second. */
export function passages(lab: PodLab, full: number): readonly Passage[] {
  const { from, to } = endsOf(lab);
  return sendTo(from.networkNamespace, wiredAs(to).address, [64, full]);
}

export const both: readonly Passage[] = ['arrived', 'arrived'];
export const none: readonly Passage[] = ['silent', 'silent'];
export const onlySmall: readonly Passage[] = ['arrived', 'silent'];

/** A fault, and what gets through meanwhile. */
export type Case = readonly [what: string, fault: (ends: Ends, lab: PodLab) => Undo, through: readonly Passage[]];

/** Makes the fault, looks, takes it back, and looks again. */
export async function lookTwice(lab: PodLab, fault: Case[1], full: number) {
  const undo = fault(endsOf(lab), lab);
  const through = passages(lab, full);
  undo();
  return { through, after: await passagesAtLast(lab, full) };
}

/** As `passages`, once everything gets through: the kernel takes up to a second until it uses a link that came up. */
function passagesAtLast(lab: PodLab, full: number): Promise<readonly Passage[]> {
  return until({
    what: 'everything to get through again',
    seconds: 5,
    look: () => passages(lab, full),
    met: (seen) => seen.every((passage) => passage === 'arrived'),
  });
}
