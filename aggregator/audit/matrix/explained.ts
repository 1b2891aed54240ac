/** What explains that a connection came to something else than policies and endpoints predict. */
import type { ClusterObjects, Pod, Service } from '../../model/cluster.ts';
import { type Finding, layers, type Subject } from '../../model/finding.ts';
import type { MatrixObservation } from '../../model/matrix.ts';

/** From a node to a Service, or to a pod: then `service` is null. */
export interface ProbedWay {
  readonly from: string;
  /** `svc/shop/db`, `statefulset/shop/db`. */
  readonly ref: string;
  readonly service: Service | null;
  readonly ends: readonly { readonly pod: Pod | null }[];
  /** Of the newest connection that failed. */
  readonly error: string | null;
  readonly objects: ClusterObjects;
  /** All of the cluster. */
  readonly findings: readonly Finding[];
}

/** It says that there is a difference, and explains none. */
const mismatch = 'matrix-mismatch';
/**
 * Most of what is wrong with a node loses no connection to a pod that runs. What its rules lack is told for each Service;
 * that kube-proxy is down breaks none of those that are right.
 */
const losing: ReadonlySet<string> = new Set([
  'conntrack-full',
  'forward-dropped',
  'missing-base-jump',
  'base-jump-order',
]);

/**
 * The open one of the lowest layer that speaks of this way; null where none does. What gets through in spite of policies
 * only L5 explains.
 */
export function findingOf(way: ProbedWay, predicted: boolean): Finding | null {
  const fits = predicted ? ['L1', 'L2', 'L3'] : ['L5'];
  const about = way.findings.filter(
    ({ layer, check, state }) =>
      fits.includes(layer) && check !== mismatch && (state === 'firing' || state === 'pending'),
  );
  return about.filter((finding) => concerns(finding, way)).toSorted(lowestFirst)[0] ?? null;
}

/** @param finding as `findingOf` found it. */
export function explanation(
  { from, ref, service, ends, error, objects, findings }: ProbedWay,
  predicted: boolean,
  finding: Finding | null,
): NonNullable<MatrixObservation['explainedBy']> {
  if (finding !== null) return { layer: finding.layer, finding: finding.fingerprint, because: finding.summary };
  const same = findings.find(
    (one) => one.check === mismatch && one.node === from && isOf(one.subject, { service, ends }),
  );
  const [, namespace = ''] = ref.split('/');
  const foreign = [...objects.foreignPolicies()].find((one) => one.namespace === null || one.namespace === namespace);
  const dropper =
    foreign === undefined
      ? 'as a policy of another kind or a firewall would'
      : `as ${foreign.kind} ${foreign.name} may, which is not judged`;
  const because = predicted
    ? `policies allow it and no finding of a lower layer explains it${error === null ? '' : ` (${error})`}: something on the way drops it, ${dropper}`
    : 'policies deny it and it is let through: whatever should enforce them does not';
  return { layer: 'L5', finding: same?.fingerprint ?? null, because };
}

function concerns({ layer, check, node, subject }: Finding, way: ProbedWay): boolean {
  const { from, ends } = way;
  switch (subject.kind) {
    case 'Service':
      return (node === null || node === from) && isOf(subject, way);
    case 'Pod':
      return isOf(subject, way);
    case 'Peer':
      return node === from && ends.some(({ pod }) => pod?.nodeName === subject.name);
    case 'Node': {
      const isOnWay = node === from || ends.some(({ pod }) => pod !== null && pod.nodeName === node);
      return isOnWay && (layer === 'L2' || losing.has(check));
    }
    case 'Cluster':
      return layer === 'L5';
    default:
      return false;
  }
}

/** The Service that was asked, or a pod that answers. */
function isOf(subject: Subject, { service, ends }: Pick<ProbedWay, 'service' | 'ends'>): boolean {
  if (subject.kind === 'Service') return subject.name === service?.name && subject.namespace === service.namespace;
  if (subject.kind !== 'Pod') return false;
  return ends.some(({ pod }) => pod?.name === subject.name && pod.namespace === subject.namespace);
}

function lowestFirst(one: Finding, other: Finding): number {
  return layers.indexOf(one.layer) - layers.indexOf(other.layer);
}
