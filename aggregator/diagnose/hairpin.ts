/** L1 where a pod asks a Service that leads to itself: whether its own port on the bridge sends packets back. */
import { counted } from '../checks/shared/words.ts';
import type { DiagnosisStep } from '../model/diagnosis.ts';
import type { DiagnosisInput } from './input.ts';
import { openFindings, type Place, step, withCause } from './step.ts';
import type { Walk } from './walk.ts';
import { nameOf } from './wiring.ts';

/** A step where the node's finding says that this very pod cannot reach itself so; else none. */
export function hairpinSteps(
  input: DiagnosisInput,
  { source, goal, destinations, node }: Walk,
): readonly DiagnosisStep[] {
  if (source.kind !== 'pod' || goal.kind !== 'service' || node === null) return [];
  const { pod } = source;
  const own = destinations.filter(({ end }) => end.kind === 'pod' && end.pod.uid === pod.uid);
  if (own.length === 0 || pod.hostNetwork) return [];
  const [finding] = openFindings(
    input,
    (one) =>
      one.check === 'hairpin-off' &&
      one.node === node &&
      one.evidence.some((piece) => piece.kind === 'fact' && piece.name === nameOf(pod)),
  );
  if (finding === undefined) return [];
  const what = `the way of ${nameOf(pod)} back to itself`;
  const place: Place = { layer: 'L1', direction: 'there', what, node, ageSeconds: null };
  const share =
    own.length === destinations.length
      ? 'every connection'
      : `${own.length} of ${counted(destinations.length, 'endpoint')}`;
  const sentence = `${nameOf(pod)} cannot reach itself through ${goal.service.namespace}/${goal.service.name}, which leads there by ${share}: its port on the bridge of ${node} sends nothing back.`;
  return [step(place, { verdict: 'fail', sentence, ...withCause(input, finding), finding })];
}
