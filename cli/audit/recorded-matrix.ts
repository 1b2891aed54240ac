/** Who reaches whom in a bundle: by its objects alone, or with what its nodes' probes had seen where agents told of them. */
import { observedPairs } from '../../aggregator/audit/matrix/observations.ts';
import { wholeMatrix } from '../../aggregator/audit/matrix/matrix.ts';
import type { DiagnosisInput } from '../../aggregator/diagnose/input.ts';
import type { Matrix, MatrixPair, MatrixQuestion } from '../../aggregator/model/matrix.ts';
import { recordedInput } from '../diagnose/recorded-input.ts';
import { done, type Outcome } from '../refusal.ts';
import type { WhileOpen } from './audit-bundle.ts';
import { isTold, openBundle } from './bundle.ts';
import { readRecordedObjects } from './recorded-objects.ts';

/** @param whileOpen see WhileOpen; an archive is unpacked for as long. */
export async function recordedMatrix(
  bundle: string,
  question: MatrixQuestion,
  whileOpen: WhileOpen,
): Promise<Outcome<Matrix>> {
  if (await hasTold(bundle)) {
    const input = await recordedInput({ bundle, api: null, over: null }, whileOpen);
    return input.ok ? done(wholeMatrix(input.value.objects, question, observedIn(input.value))) : input;
  }
  const objects = await readRecordedObjects(bundle, `read ${bundle}`, whileOpen);
  return objects.ok ? done(wholeMatrix(objects.value, question)) : objects;
}

/** Whether agents told of its nodes: recordings of the nodes themselves hold no probes, and their rules need not be read. */
async function hasTold(bundle: string): Promise<boolean> {
  const opened = await openBundle({ bundle, api: null, over: null });
  if (!opened.ok) return false;
  const told = opened.value.nodes.some(isTold);
  opened.value.close();
  return told;
}

function observedIn({ objects, node, findings }: DiagnosisInput): readonly MatrixPair[] {
  const nodes = [...objects.nodes()].flatMap(({ name }) => {
    const facts = node(name);
    const probes = facts.isKnown ? facts.view.parts.probes : null;
    return probes?.state === 'ok' ? [{ name, results: probes.value.results }] : [];
  });
  return observedPairs(objects, nodes, findings);
}
