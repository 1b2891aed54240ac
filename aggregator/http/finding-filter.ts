/** Which findings a request asks for. */
import Type, { type Static } from 'typebox';
import type { Check } from '../model/check.ts';
import { layers, severities } from '../model/finding.ts';
import type { TrackedFinding } from '../model/lifecycle.ts';
import { cursor, limit, someOf, someText } from './query.ts';
import { endedStates, openStates } from './schemas/finding.ts';

/** The parameters of a list of findings. */
export function findingQuerySchema(checks: readonly Check[]) {
  return Type.Object({
    state: someOf([...openStates, ...endedStates], 'Without it, everything that has not ended.'),
    layer: someOf(layers, 'The layer that is broken.'),
    severity: someOf(severities, 'The severity.'),
    check: someOf(
      checks.map(({ id }) => id),
      'The check that found it.',
    ),
    node: someText("The node's name."),
    namespace: someText('The namespace of the Service or Pod that it is about.'),
    service: someText('The Service that it is about: `web`, or `shop/web`.'),
    group: someText('The group: the same check and subject on whatever node.'),
    limit,
    cursor,
  });
}

export type FindingQuery = Static<ReturnType<typeof findingQuerySchema>>;

/** Whether a finding is asked for. What is not asked for by a parameter may be anything. */
export function matches(finding: TrackedFinding, query: FindingQuery): boolean {
  const { check, layer, severity, node, group, subject } = finding;
  return (
    isOneOf(finding.state, query.state) &&
    isOneOf(layer, query.layer) &&
    isOneOf(severity, query.severity) &&
    isOneOf(check, query.check) &&
    isOneOf(node, query.node) &&
    isOneOf(group, query.group) &&
    isOneOf('namespace' in subject ? subject.namespace : null, query.namespace) &&
    (isOneOf(subject.kind === 'Service' ? subject.name : null, query.service) ||
      isOneOf(subject.kind === 'Service' ? `${subject.namespace}/${subject.name}` : null, query.service))
  );
}

function isOneOf(value: string | null, wanted: readonly string[] | undefined): boolean {
  return wanted === undefined || (value !== null && wanted.includes(value));
}
