/** L2 of a walk: from the source's node to the one that translates, and on to each node of a destination, there and back. */
import { familyOf } from '../../proto/address.ts';
import type { DiagnosisStep } from '../model/diagnosis.ts';
import { endName, flowEnd } from './destinations.ts';
import type { DiagnosisInput } from './input.ts';
import { type Place, step } from './step.ts';
import type { Walk } from './walk.ts';
import { oneNodeSteps, outsideSteps, waySteps } from './ways.ts';

/** As many nodes behind a Service are looked at one by one. */
const mostLooked = 20;

const place: Place = { layer: 'L2', direction: 'there', what: 'the way between nodes', node: null, ageSeconds: null };

/** The steps of L2. */
export function walkedWays(input: DiagnosisInput, walk: Walk): readonly DiagnosisStep[] {
  const { source, sourceAddress, ownNode, node, family } = walk;
  if (node === null) {
    const why =
      source.kind === 'pod'
        ? 'the pod is on no node'
        : `by which node packets of ${endName(flowEnd(source))} come is not known`;
    const verdict = source.kind === 'pod' ? 'not-looked-at' : 'unknown';
    return [step(place, { verdict, sentence: `No way was looked at: ${why}.` })];
  }
  if (ownNode === node) return onwards(input, walk, { node, seenAs: sourceAddress });
  const own = input.objects.node(node)?.addresses.find((one) => familyOf(one) === family) ?? null;
  const toNode =
    ownNode === null || own === null || sourceAddress === null
      ? []
      : [
          ...waySteps(input, { from: ownNode, to: node, address: own, direction: 'there' }),
          ...waySteps(input, { from: node, to: ownNode, address: sourceAddress, direction: 'back' }),
        ];
  // Who comes by a node port is seen behind it with the address of the node that translated.
  return [...toNode, ...onwards(input, walk, { node, seenAs: own })];
}

/** From the node that translates to those of the destinations. */
function onwards(
  input: DiagnosisInput,
  { ownNode, destinations }: Walk,
  { node, seenAs }: { readonly node: string; readonly seenAs: Walk['sourceAddress'] },
): readonly DiagnosisStep[] {
  const byNode = [...new Map(destinations.map((one) => [one.node ?? one.address, one])).values()]
    // What crosses nodes says more than what does not.
    .toSorted((one, other) => Number(one.node === node) - Number(other.node === node))
    .slice(0, mostLooked);
  return byNode.flatMap(({ node: to, address }): readonly DiagnosisStep[] => {
    if (to === null) return outsideSteps(input, node, address);
    if (to === node) return ownNode === node ? oneNodeSteps(input, node) : [arrivedStep(node)];
    const there = waySteps(input, { from: node, to, address, direction: 'there' });
    const back = seenAs === null ? [] : waySteps(input, { from: to, to: node, address: seenAs, direction: 'back' });
    return [...there, ...back];
  });
}

function arrivedStep(node: string): DiagnosisStep {
  const sentence = `An endpoint is on ${node}, which takes the packets: no further node is between them.`;
  return step({ ...place, node }, { verdict: 'pass', sentence });
}
