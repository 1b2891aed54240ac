/** What is found of a fault in a lab, and whether the printed remedy mends it. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Finding, subjectText } from '../../aggregator/model/finding.ts';
import type { Undo } from './fault-undo.ts';
import { findingsBelowServices } from './judged-nodes.ts';
import type { LabApi } from './lab-api.ts';
import type { PodLab } from './lab-nodes.ts';
import { type Ends, endsOf } from './lab-passages.ts';
import { runOnNode } from './node-folders.ts';
import { macOf, remakeTunnel } from './overlay-remedies.ts';
import type { PodNode } from './pod-node.ts';

export interface Situation {
  readonly what: string;
  /** Makes the fault. What takes it back is used where the remedy only says where to look. */
  readonly fault: (ends: Ends, lab: PodLab) => Undo | undefined | Promise<Undo | undefined>;
  /** Every finding, as `outline` has it. */
  readonly told: readonly string[];
  /** Objects of the API that the lab has none of. */
  readonly api?: (lab: PodLab) => LabApi;
  /** Why the remedy that is printed cannot be run here; absent: it is. */
  readonly undone?: string;
}

/** Makes the fault, judges, mends it, and judges again. */
export async function toldOf(lab: PodLab, { fault, api, undone }: Situation) {
  const judged = () => findingsBelowServices(lab.nodes, lab.writeApi(api?.(lab)));
  // A remedy of flannel's puts this back.
  const macs = new Map(lab.nodes.map((node) => [node.name, macOf(node)]));
  const undo = await fault(endsOf(lab), lab);
  const found = await judged();
  if (undone !== undefined) undo?.();
  else for (const finding of found.filter(({ parent }) => parent === null)) await follow(lab, finding, macs);
  return { told: outline(found), after: outline(await judged()) };
}

/** `check node subject`, and after an arrow the check of its cause; sorted. */
export function outline(findings: readonly Finding[]): readonly string[] {
  const byFingerprint = new Map(findings.map((finding) => [finding.fingerprint, finding]));
  return findings
    .map(({ check, node, subject, parent }) => {
      const cause = parent === null ? '' : ` <- ${byFingerprint.get(parent)?.check}`;
      return `${check} ${node ?? 'cluster'} ${subjectText(subject)}${cause}`;
    })
    .sort();
}

/** What only shows something. */
const looks =
  /^(?:crictl|grep|ls|ping|timeout|ip route get|kubectl get|kubectl -n \S+ (?:describe|exec|logs|get)|kubectl drain) /;

/** Runs every command of the remedy on the finding's node, in the order in which they are printed. */
async function follow(lab: PodLab, { remediation, node: name }: Finding, macs: ReadonlyMap<string, string | null>) {
  const node = lab.nodes.find((one) => one.name === name) ?? lab.nodes[0];
  if (node === undefined) throw new Error('a lab has nodes');
  for (const { command } of remediation) {
    if (looks.test(command)) continue;
    const pod = /^kubectl -n shop delete pod (\S+)$/.exec(command)?.[1];
    if (pod !== undefined) await makeAnew(lab, pod);
    else if (command.startsWith('kubectl -n kube-flannel delete pod ')) {
      remakeTunnel(node, lab.nodes, macs.get(node.name) ?? null);
    } else runOnNode({ ...node, places: { ...node.places, '/root': rootOf(node) } }, command);
  }
}

/** Its controller makes another one of the same name, on whichever node it was. */
async function makeAnew({ nodes }: PodLab, name: string): Promise<void> {
  for (const node of nodes) {
    const pod = node.pods.find((one) => one.name === name);
    if (pod === undefined) continue;
    await node.removePod(pod);
    await node.addPod(name);
  }
}

function rootOf({ folders }: PodNode): string {
  const folder = join(folders.cniConfigurations, '../root');
  mkdirSync(folder, { recursive: true });
  return folder;
}
