/** Steps of a diagnosis, with the findings that say the same. */
import type { DiagnosisStep, StepVerdict } from '../model/diagnosis.ts';
import { type Evidence, type Finding, type Layer, type Remedy, severities } from '../model/finding.ts';
import type { DiagnosisInput } from './input.ts';

/** What all steps about one thing have in common. */
export interface Place {
  readonly layer: Layer;
  readonly direction: 'there' | 'back';
  readonly what: string;
  /** The node whose facts say so; null = the API's. */
  readonly node: string | null;
  readonly ageSeconds: number | null;
}

interface Told {
  readonly verdict: StepVerdict;
  readonly sentence: string;
  readonly evidence?: readonly Evidence[];
  readonly remediation?: readonly Remedy[];
  readonly finding?: Finding | null;
}

/** One step; what is not told is empty. */
export function step(place: Place, told: Told): DiagnosisStep {
  const { verdict, sentence, evidence = [], remediation = [], finding = null } = told;
  return {
    ...place,
    verdict,
    sentence,
    evidence,
    remediation,
    finding: finding === null ? null : { fingerprint: finding.fingerprint, check: finding.check },
  };
}

/**
 * A finding as a step: it fails, or is unknown where the finding is. What mends its cause comes first, as the finding
 * goes with it.
 */
export function findingStep(input: DiagnosisInput, place: Place, finding: Finding): DiagnosisStep {
  return step(
    { ...place, node: finding.node },
    {
      verdict: finding.state === 'unknown' ? 'unknown' : 'fail',
      sentence: finding.summary,
      ...withCause(input, finding),
      finding,
    },
  );
}

/** The evidence and the remedies of a finding and of its cause. */
export function withCause(
  { findings }: DiagnosisInput,
  finding: Finding,
): { readonly evidence: readonly Evidence[]; readonly remediation: readonly Remedy[] } {
  const cause = finding.parent === null ? undefined : findings.find((one) => one.fingerprint === finding.parent);
  const remedies = [...(cause?.remediation ?? []), ...finding.remediation];
  const seen = new Set<string>();
  return {
    evidence: [
      ...(cause === undefined ? [] : [{ kind: 'fact', name: `cause: ${cause.check}`, value: cause.summary } as const]),
      ...finding.evidence,
    ],
    remediation: remedies.filter(({ command }) => !seen.has(command) && seen.add(command)),
  };
}

/** Open findings that fit, the most urgent first; those that ended say nothing. */
export function openFindings(input: DiagnosisInput, isMeant: (finding: Finding) => boolean): readonly Finding[] {
  const open = input.findings.filter(({ state }) => state !== 'resolved' && state !== 'gone').filter(isMeant);
  return open.toSorted((one, other) => severities.indexOf(one.severity) - severities.indexOf(other.severity));
}
