/** What NetworkPolicies say of two ends, as the API shows it; what its members mean stands in the model. */
import Type, { type Static } from 'typebox';
import { apiVersion, reference } from './list.ts';

const protocols = ['tcp', 'udp', 'sctp'] as const;
const directions = ['ingress', 'egress'] as const;

/** True, false, or null for the reason that the description gives. */
function nullableFlag(description: string) {
  return Type.Unsafe<boolean | null>({ type: ['boolean', 'null'], description });
}

function nullableIndex(description: string) {
  return Type.Unsafe<number | null>({ type: ['integer', 'null'], description });
}

const ruleFields = {
  namespace: Type.String(),
  policy: Type.String(),
  direction: Type.Enum(directions),
  rule: Type.Integer({ description: "Index in the policy's list of rules." }),
  peer: nullableIndex("Index in the rule's list of peers; null = it names none, or none fits."),
  port: nullableIndex("Index in the rule's list of ports; null = it names none, or none fits."),
};

export const policyRuleSchema = Type.Object(ruleFields, {
  $id: 'PolicyRule',
  description: 'A rule of a NetworkPolicy.',
});

const policySideSchema = Type.Object(
  {
    direction: Type.Enum(directions),
    state: Type.Enum(['not-isolated', 'allowed', 'denied', 'unknown', 'not-judged']),
    because: Type.String({ description: 'One sentence: what decides.' }),
    isolating: Type.Array(Type.String(), { description: 'The policies that select the pod in this direction.' }),
    by: Type.Unsafe<Static<typeof policyRuleSchema> | null>({
      anyOf: [{ $ref: 'PolicyRule#' }, { type: 'null' }],
      description: 'The first rule that lets it through; null where none does.',
    }),
    nearly: Type.Array(Type.Object({ rule: reference(policyRuleSchema), lacks: Type.Enum(['port', 'peer']) }), {
      description: 'Where it is denied: rules that miss it by one thing alone, at most 5.',
    }),
  },
  { $id: 'PolicySide', description: "What one end's policies say." },
);

const policyFlowSchema = Type.Object(
  {
    from: Type.String({ description: 'The first of the pairs.' }),
    to: Type.String(),
    pairs: Type.Integer({ description: 'How many pairs have this verdict.' }),
    families: Type.Array(Type.Enum(['ipv4', 'ipv6'])),
    port: Type.Integer({ description: 'What policies see: of a Service the target port.' }),
    allowed: nullableFlag('Null = not known.'),
    egress: reference(policySideSchema),
    ingress: reference(policySideSchema),
    allowing: Type.Unsafe<string | null>({
      type: ['string', 'null'],
      description: 'The policies that would allow it, as YAML; null where nothing is denied.',
    }),
  },
  { $id: 'PolicyFlow', description: 'Pairs of ends with the same verdict.' },
);

export const policyDocumentSchema = Type.Object(
  {
    apiVersion: Type.Literal(apiVersion),
    kind: Type.Literal('PolicyReport'),
    from: Type.String({ description: 'As it was understood.' }),
    to: Type.String(),
    protocol: Type.Enum(protocols),
    port: Type.Integer(),
    allowed: nullableFlag('Null = not known, or not the same for all pairs.'),
    sentence: Type.String(),
    flows: Type.Array(reference(policyFlowSchema), { description: 'Denied first, at most 20.' }),
    total: Type.Integer({ description: 'How many verdicts there are.' }),
    notes: Type.Array(Type.String()),
    notJudged: Type.Array(Type.String(), { description: 'Policies of other kinds that may decide too, at most 20.' }),
  },
  { $id: 'PolicyDocument' },
);

export const policyParts = [policyRuleSchema, policySideSchema, policyFlowSchema];

/** A report as the API sends it. */
export type PolicyDocument = Static<typeof policyDocumentSchema>;
