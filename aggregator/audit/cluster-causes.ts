/**
 * Which finding of a node is the cause of what is said of the whole cluster, or of another node. Who hears nothing from a
 * pod says so of the pod; where its own node shows that it is not wired, or where each of those who ask has lost the way to
 * it, that is why.
 *
 *     on the pod's node      pod-unwired and its like, of this very pod;
 *                            tunnel-down and its like, of all that comes from other nodes
 *     on each that asks      node-unreachable and its like, of the pod's node
 *
 * Where pods wait for a network, what is said of just that on their node is why.
 *
 * What a node forwards for its pods is none of its own way: its own lookups start in its own network.
 */
import type { Stranded, Violation } from '../model/finding.ts';
import { rootCauses } from './causes.ts';
import type { JudgedFinding } from './evaluate.ts';

const ofNetwork = ['pod-without-ip', 'sandbox-failing'];
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
    const { stranded = [] } = violation;
    if (finding.parent !== null) return judged;
    const [cause, ...others] = stranded.map((pods) => causeOf(pods, onNode));
    if (cause == null || others.includes(null)) return judged;
    return { ...judged, finding: { ...finding, parent: rootOf(cause) } };
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
  { node, topics, unheard }: Stranded,
  onNode: (name: string) => readonly JudgedFinding[],
): JudgedFinding | null {
  const there = firing(onNode(node));
  const checks = unheard === null ? ofNetwork : ofPod;
  const ofIt = there.find((one) => isOf(one, checks) && topics.some((topic) => one.violation.topics?.includes(topic)));
  if (ofIt !== undefined || unheard === null) return ofIt ?? null;
  const { by, peer } = unheard;
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
