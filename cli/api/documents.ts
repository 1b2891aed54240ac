/** The API's answers as far as they are printed: a field that is missing or of another type makes the answer unread. */
import type { DiagnosisDocument } from '../../aggregator/http/schemas/diagnosis.ts';
import type { FindingJson, TransitionJson } from '../../aggregator/http/schemas/finding.ts';
import type { NodeJson } from '../../aggregator/http/schemas/node.ts';
import type { MatrixPair } from '../../aggregator/model/matrix.ts';
import type { PolicyDocument } from '../../aggregator/http/schemas/policy.ts';
import type { ServiceDocument, ServiceJson } from '../../aggregator/http/schemas/service.ts';

/** Reads one thing; null when it is none. */
export type Reader<T> = (value: unknown) => T | null;

type Field = 'string' | 'number' | 'text or null' | 'texts' | 'list' | ((value: unknown) => boolean);
type Fields = Readonly<Record<string, Field>>;

/** What each kind of subject has beside its name. */
const subjectFields: Readonly<Record<FindingJson['subject']['kind'], Fields>> = {
  Service: { namespace: 'string', port: 'string', protocol: 'string' },
  Pod: { namespace: 'string' },
  NetworkPolicy: { namespace: 'string' },
  Frontend: {},
  Node: {},
  Link: {},
  Peer: {},
  Address: {},
  Rule: {},
  Cluster: {},
};

const findingFields = {
  fingerprint: 'string',
  check: 'string',
  severity: 'string',
  layer: 'string',
  state: 'string',
  node: 'text or null',
  subject: isSubject,
  parent: 'text or null',
  summary: 'string',
  evidence: isListOf(isEvidence),
  remediation: isListOf(shapedLike({ command: 'string', effect: 'string' })),
  episode: 'number',
  since: 'string',
  shows: 'text or null',
  pendingAt: 'string',
  firedAt: 'text or null',
  endedAt: 'text or null',
  lastSeenAt: 'string',
  unknownBecause: 'text or null',
  acceptedUntil: 'text or null',
  groupNodes: 'number',
} as const satisfies Fields;

const counts = shapedLike({ firing: 'number', pending: 'number' });

const nodeFields = {
  name: 'string',
  mode: 'string',
  state: 'string',
  agent: 'string',
  frontends: shapedLike({ total: 'number', inSync: 'number', drifted: 'number', unknown: 'number' }),
  lastHeardAt: 'text or null',
  lastReadingAt: 'text or null',
  agentVersion: 'text or null',
  kubeProxyVersion: 'text or null',
  unknownBecause: 'texts',
  showsStateOf: 'text or null',
  findings: counts,
  layers: isListOf(shapedLike({ layer: 'string', state: 'string', because: 'texts' })),
  ways: isListOf(
    shapedLike({
      address: 'string',
      kind: 'string',
      lastWorkedAt: 'text or null',
      failingSince: 'text or null',
      reason: 'text or null',
    }),
  ),
  waysSentence: 'text or null',
} as const satisfies Fields;

const serviceFields = {
  namespace: 'string',
  name: 'string',
  type: 'string',
  clusterIPs: 'texts',
  ports: 'texts',
  changedAt: 'text or null',
  nodes: shapedLike({ inSync: 'number', converging: 'number', drifted: 'number', unknown: 'number', total: 'number' }),
  findings: counts,
} as const satisfies Fields;

const versionFields = {
  verdict: 'string',
  does: 'string',
  showsStateOf: 'text or null',
  count: 'number',
  nodes: 'texts',
} as const satisfies Fields;

/** A finding, of a list, an event, or as a document. */
export const readFinding = reader<FindingJson>(findingFields);
/** One step of a finding's life. */
export const readTransition = reader<TransitionJson>({
  fingerprint: 'string',
  episode: 'number',
  at: 'string',
  kind: 'string',
  because: 'string',
});
/** A node, of a list, an event, or as a document. */
export const readNode = reader<NodeJson>(nodeFields);
/** A Service of a list. */
export const readService = reader<ServiceJson>(serviceFields);
/** A Service with its versions. */
export const readServiceDocument = reader<ServiceDocument>({
  ...serviceFields,
  frontends: isListOf(
    shapedLike({ frontend: 'string', kind: 'string', versions: isListOf(shapedLike(versionFields)) }),
  ),
});

const diagnosisEnd = shapedLike({ text: 'string', kind: 'string', name: 'string', addresses: 'texts' });
const remedies = isListOf(shapedLike({ command: 'string', effect: 'string' }));

/** The answer to "which layer broke first?". */
export const readDiagnosis = reader<DiagnosisDocument>({
  apiVersion: 'string',
  from: diagnosisEnd,
  to: diagnosisEnd,
  protocol: 'string',
  port: (value) => value === null || typeof value === 'number',
  verdict: 'string',
  sentence: 'string',
  firstBroken: (value) => value === null || shapedLike({ layer: 'string', step: 'number' })(value),
  remediation: remedies,
  layers: isListOf(shapedLike({ layer: 'string', verdict: 'string', sentence: 'string' })),
  steps: isListOf(
    shapedLike({
      layer: 'string',
      direction: 'string',
      verdict: 'string',
      what: 'string',
      sentence: 'string',
      node: 'text or null',
      evidence: isListOf(isEvidence),
      ageSeconds: (value) => value === null || typeof value === 'number',
      remediation: remedies,
      finding: (value) => value === null || shapedLike({ fingerprint: 'string', check: 'string' })(value),
    }),
  ),
  hops: isListOf(
    shapedLike({
      direction: 'string',
      node: 'text or null',
      link: 'text or null',
      does: 'string',
      rule: 'text or null',
    }),
  ),
});

const policyRule = shapedLike({ namespace: 'string', policy: 'string', direction: 'string', rule: 'number' });
const policySide = shapedLike({
  direction: 'string',
  state: (value) => ['not-isolated', 'allowed', 'denied', 'unknown', 'not-judged'].includes(String(value)),
  because: 'string',
  isolating: 'texts',
  by: (value) => value === null || policyRule(value),
  nearly: isListOf(shapedLike({ rule: policyRule, lacks: 'string' })),
});
const flag = (value: unknown) => value === null || typeof value === 'boolean';

/** What NetworkPolicies say of two ends. */
export const readPolicyReport = reader<PolicyDocument>({
  apiVersion: 'string',
  from: 'string',
  to: 'string',
  protocol: 'string',
  port: 'number',
  allowed: flag,
  sentence: 'string',
  flows: isListOf(
    shapedLike({
      from: 'string',
      to: 'string',
      pairs: 'number',
      families: 'texts',
      port: 'number',
      allowed: flag,
      egress: policySide,
      ingress: policySide,
      allowing: 'text or null',
    }),
  ),
  total: 'number',
  notes: 'texts',
  notJudged: 'texts',
});

/** A list's page, as it comes. */
export interface Page {
  readonly items: readonly unknown[];
  readonly total: number | null;
  readonly next: string | null;
}

export const readPage: Reader<Page> = reader<Page>({
  apiVersion: (value) => value === 'plumbline.dev/v1',
  items: 'list',
  total: (value) => value === null || typeof value === 'number',
  next: 'text or null',
});

interface MatrixPage {
  readonly items: readonly MatrixPair[];
  readonly total: number | null;
  readonly next: string | null;
  readonly notJudged: readonly string[];
  readonly unknownBecause: readonly string[];
}

const isMatrixPair = shapedLike({
  from: 'string',
  to: 'string',
  protocol: 'string',
  ports: 'list',
  allowed: (value) => value === null || typeof value === 'boolean',
  decidedBy: 'texts',
  observed: (value) => value === null || shapedLike({ result: 'string', nodes: 'texts' })(value),
});

export const readMatrixPage: Reader<MatrixPage> = reader<MatrixPage>({
  apiVersion: (value) => value === 'plumbline.dev/v1',
  items: isListOf(isMatrixPair),
  total: (value) => value === null || typeof value === 'number',
  next: 'text or null',
  notJudged: 'texts',
  unknownBecause: 'texts',
});

function reader<T>(fields: Fields): Reader<T> {
  const fits = shapedLike(fields);
  return (value) => (fits(value) ? (value as T) : null);
}

function shapedLike(fields: Fields): (value: unknown) => boolean {
  return (value) => {
    if (typeof value !== 'object' || value === null) return false;
    const members = value as Readonly<Record<string, unknown>>;
    return Object.entries(fields).every(([name, field]) => isField(members[name], field));
  };
}

function isField(value: unknown, field: Field): boolean {
  if (typeof field === 'function') return field(value);
  switch (field) {
    case 'string':
    case 'number':
      return typeof value === field;
    case 'text or null':
      return value === null || typeof value === 'string';
    case 'list':
      return Array.isArray(value);
    case 'texts':
      return Array.isArray(value) && value.every((item) => typeof item === 'string');
  }
}

function isListOf(isItem: (value: unknown) => boolean): (value: unknown) => boolean {
  return (value) => Array.isArray(value) && value.every(isItem);
}

function isSubject(value: unknown): boolean {
  if (!shapedLike({ kind: 'string', name: 'string' })(value)) return false;
  const { kind } = value as { readonly kind: string };
  const own = Object.entries(subjectFields).find(([name]) => name === kind);
  return own !== undefined && shapedLike(own[1])(value);
}

function isEvidence(value: unknown): boolean {
  return (
    shapedLike({ kind: (kind) => kind === 'forwarding', frontend: 'string', wanted: 'string', real: 'string' })(
      value,
    ) ||
    shapedLike({ kind: (kind) => kind === 'backend', frontend: 'string', backend: 'string', state: 'string' })(value) ||
    shapedLike({ kind: (kind) => kind === 'rule', table: 'string', rule: 'string', note: 'string' })(value) ||
    shapedLike({ kind: (kind) => kind === 'fact', name: 'string', value: 'string' })(value)
  );
}
