/**
 * Which finding of a node is the cause of what is said of the whole cluster, or of another node. Who hears nothing from a
 * pod says so of the pod; where its own node shows that it is not wired, or where each of those who ask has lost the way to
 * it, that is why.
 *
 *     on the pod's node      pod-unwired and its like, of this very pod;
 *                            tunnel-down and its like, of all that comes from other nodes
 *     on each that asks      node-unreachable and its like, of the pod's node
 *
 * What a node forwards for its pods is none of its own way: its own lookups start in its own network.
 */
import type { Violation } from '../model/finding.ts';
import { rootCauses } from './causes.ts';
import type { JudgedFinding } from './evaluate.ts';

const ofPod = ['pod-unwired', 'pod-address-mismatch', 'pod-route-misdirected', 'pod-default-route'];
const ofComing = ['tunnel-down', 'vtep-mac-drift', 'ip-forward-off', 'bgp-down'];
const ofGoing = ['peer-route-missing', 'peer-fdb-missing', 'blackhole-route', 'node-unreachable'];

/**
 * Findings of the cluster or of a node, with their causes where these are findings of other nodes.
 * @param onNode what is said of a node now; empty where nothing is known of it.
 */
export function withNodeCauses(
  findings: readonly JudgedFinding[],
  onNode: (name: string) => readonly JudgedFinding[],
): readonly JudgedFinding[] {
  return findings.map((judged) => {
    const { finding, violation } = judged;
    if (finding.parent !== null || violation.unheard === undefined) return judged;
    const cause = causeOf(violation, violation.unheard, onNode);
    return cause === null ? judged : { ...judged, finding: { ...finding, parent: rootOf(cause) } };
  });
}

/**
 * Findings of the cluster, with their causes among others of it that were judged at another moment.
 * @param others what was said then; what of it is a cause is left as it is.
 */
export function withClusterCauses(
  findings: readonly JudgedFinding[],
  others: readonly JudgedFinding[],
): readonly JudgedFinding[] {
  if (findings.length === 0 || others.length === 0) return findings;
  const found = [...others, ...findings].map((judged) => ({
    ...{ check: judged.finding.check, violation: judged.violation, judged },
  }));
  const roots = new Map([...rootCauses(found)].map(([effect, cause]) => [effect.judged, cause.judged]));
  return findings.map((judged) => {
    const cause = roots.get(judged);
    if (cause === undefined || judged.finding.parent !== null) return judged;
    return { ...judged, finding: { ...judged.finding, parent: rootOf(cause) } };
  });
}

function rootOf({ finding }: JudgedFinding): string {
  return finding.parent ?? finding.fingerprint;
}

function causeOf(
  { topics = [] }: Violation,
  { by, node, peer }: NonNullable<Violation['unheard']>,
  onNode: (name: string) => readonly JudgedFinding[],
): JudgedFinding | null {
  const there = firing(onNode(node));
  const ofIt = there.find((one) => isOf(one, ofPod) && topics.some((topic) => one.violation.topics?.includes(topic)));
  if (ofIt !== undefined) return ofIt;
  // Its own node needs no way to it.
  if (by.includes(node)) return null;
  const ofAll = there.find((one) => isOf(one, ofComing) && one.violation.explainsTopics === 'all');
  if (ofAll !== undefined) return ofAll;
  const each = by.map((name) => firing(onNode(name)).find((one) => isOf(one, ofGoing) && isAbout(one.violation, peer)));
  return each.every((one) => one !== undefined) ? (each[0] ?? null) : null;
}

function firing(said: readonly JudgedFinding[]): readonly JudgedFinding[] {
  return said.filter(({ finding }) => finding.state === 'firing');
}

function isOf({ finding }: JudgedFinding, checks: readonly string[]): boolean {
  return checks.includes(finding.check);
}

function isAbout({ topics = [], explainsTopics = [] }: Violation, peer: string): boolean {
  return topics.includes(peer) || explainsTopics === 'all' || explainsTopics.includes(peer);
}
