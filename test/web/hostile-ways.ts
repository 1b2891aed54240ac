/** A trace and a matrix in which every text is hostile. */
import type { Diagnosis } from '../../aggregator/model/diagnosis.ts';
import type { RecordSketch } from '../audit-record.ts';
import { sampleDiagnosis, sampleGrid, sampleMatrix } from './sample-ways.ts';

/** @param texts each stands as a sentence, a link, a rule, a command and the name of an end. */
export function hostileWays(texts: readonly string[]): Pick<RecordSketch, 'diagnosis' | 'matrix' | 'grid'> {
  const [first = ''] = texts;
  const told = sampleDiagnosis('0000000000000000');
  const [step] = told.steps;
  const [hop] = told.hops;
  const [pair] = sampleMatrix('0000000000000000').pairs;
  if (step === undefined || hop === undefined || pair === undefined) throw new Error('the sample is empty');
  const diagnosis: Diagnosis = {
    ...told,
    from: { ...told.from, text: first, node: first },
    sentence: texts.join(' '),
    remediation: texts.map((text) => ({ command: text, effect: text })),
    layers: told.layers.map((layer) => ({ ...layer, sentence: first })),
    steps: texts.map((text) => ({ ...step, layer: 'L3', what: text, sentence: text, node: text })),
    hops: texts.map((text) => ({ ...hop, node: text, link: text, does: text, rule: text })),
  };
  const pairs = texts.map((text) => ({ ...pair, from: text, to: text, decidedBy: [text] }));
  const cells = texts.map(() => '!'.repeat(texts.length));
  return {
    diagnosis: { ok: true, diagnosis },
    matrix: { workloads: [], pairs, total: pairs.length, notJudged: texts, unknownBecause: texts },
    grid: { ...sampleGrid, rows: texts, columns: texts, cells, notJudged: texts, unknownBecause: texts },
  };
}
