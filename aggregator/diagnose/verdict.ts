/** What the steps come to: one verdict for each layer, and which layer broke first. */
import type { Diagnosis, DiagnosisStep, LayerAnswer, StepVerdict } from '../model/diagnosis.ts';
import { type Layer, layers } from '../model/finding.ts';

const worstFirst: readonly StepVerdict[] = ['fail', 'unknown', 'pass', 'not-looked-at'];

/** By layer, there before back; within these as they came. */
export function inOrder(steps: readonly DiagnosisStep[]): readonly DiagnosisStep[] {
  return layers.flatMap((layer) =>
    (['there', 'back'] as const).flatMap((direction) =>
      steps.filter((one) => one.layer === layer && one.direction === direction),
    ),
  );
}

/** @param steps in order. */
export function verdictOf(
  steps: readonly DiagnosisStep[],
  pair: string,
): Pick<Diagnosis, 'verdict' | 'sentence' | 'firstBroken' | 'remediation' | 'layers'> {
  const answers = layers.map((layer) => layerAnswer(layer, steps));
  const index = steps.findIndex(({ verdict }) => verdict === 'fail');
  const broken = steps[index];
  if (broken !== undefined) {
    const way = broken.direction === 'back' ? ' on the way back' : '';
    return {
      verdict: 'broken',
      sentence: `${broken.layer} broke first${way}: ${broken.sentence}`,
      firstBroken: { layer: broken.layer, step: index },
      remediation: broken.remediation,
      layers: answers,
    };
  }
  const untold = answers.filter(({ verdict }) => verdict === 'unknown');
  const [first] = untold;
  const beside = { firstBroken: null, remediation: [], layers: answers };
  if (first !== undefined) {
    const names = untold.map(({ layer }) => layer).join(', ');
    return {
      ...beside,
      verdict: 'unknown',
      sentence: `Nothing is seen to be broken from ${pair}, and ${names} could not be told: ${first.sentence}`,
    };
  }
  const passed = answers.filter(({ verdict }) => verdict === 'pass').map(({ layer }) => layer);
  return {
    ...beside,
    verdict: 'works',
    sentence: `Nothing is broken from ${pair}, as far as ${passed.join(', ')} ${passed.length === 1 ? 'shows' : 'show'}.`,
  };
}

function layerAnswer(layer: Layer, steps: readonly DiagnosisStep[]): LayerAnswer {
  const own = steps.filter((one) => one.layer === layer);
  const verdict = worstFirst.find((one) => own.some((step) => step.verdict === one)) ?? 'not-looked-at';
  const sentence = own.find((step) => step.verdict === verdict)?.sentence ?? 'It was not looked at.';
  return { layer, verdict, sentence };
}
