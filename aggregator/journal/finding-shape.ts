/** What a TrackedFinding read from disk must look like. A file may be old, edited by hand, or damaged. */
import Type from 'typebox';
import { Value } from 'typebox/value';
import type { FrontendKey } from '../../proto/forwarding.ts';
import type { TrackedFinding, TransitionKind } from '../model/lifecycle.ts';

const words = <const Word extends string>(...of: readonly Word[]) => Type.Enum(of);
const text = Type.String();
const textOrNull = Type.Union([Type.String(), Type.Null()]);

/** Whether it names a frontend is nobody's question here: it is only ever compared. */
const frontendKey = Type.Unsafe<FrontendKey>(text);

const subject = Type.Union([
  Type.Object({ kind: Type.Literal('Service'), namespace: text, name: text, port: text, protocol: text }),
  Type.Object({ kind: Type.Literal('Frontend'), name: text, port: text, protocol: text }),
  Type.Object({ kind: words('Pod', 'NetworkPolicy'), namespace: text, name: text }),
  Type.Object({ kind: words('Node', 'Link', 'Peer', 'Address', 'Rule', 'Cluster'), name: text }),
]);

const evidence = Type.Union([
  Type.Object({ kind: Type.Literal('forwarding'), frontend: text, wanted: text, real: text }),
  Type.Object({ kind: Type.Literal('backend'), frontend: text, backend: text, state: words('missing', 'stale') }),
  Type.Object({ kind: Type.Literal('rule'), table: text, rule: text, note: text }),
  Type.Object({ kind: Type.Literal('fact'), name: text, value: text }),
]);

const trackedFinding = Type.Object({
  fingerprint: text,
  check: text,
  layer: words('L1', 'L2', 'L3', 'L4', 'L5'),
  severity: words('critical', 'high', 'medium', 'low'),
  state: words('pending', 'firing', 'resolved', 'gone', 'unknown', 'suppressed'),
  node: textOrNull,
  subject,
  parent: textOrNull,
  summary: text,
  evidence: Type.Array(evidence),
  remediation: Type.Array(Type.Object({ command: text, effect: text })),
  episode: Type.Integer({ minimum: 1 }),
  nodeUid: textOrNull,
  since: text,
  shows: Type.Union([words('past-state', 'never-wanted'), Type.Null()]),
  pendingAt: text,
  firedAt: textOrNull,
  endedAt: textOrNull,
  lastSeenAt: text,
  knownState: words('pending', 'firing'),
  unknownBecause: textOrNull,
  acceptedUntil: textOrNull,
  clean: Type.Union([Type.Object({ reading: text, at: text }), Type.Null()]),
  readings: Type.Integer({ minimum: 0 }),
  lastReading: text,
  group: text,
  frontends: Type.Array(frontendKey),
});

const transitionKind = words(
  'pending',
  'firing',
  'resolved',
  'gone',
  'unknown',
  'known',
  'suppressed',
  'unsuppressed',
  'withdrawn',
);

/** The finding, or in one line what is wrong with the value. A field that the shape lacks does not compile here. */
export function readTrackedFinding(value: unknown): TrackedFinding | string {
  if (Value.Check(trackedFinding, value)) return value;
  const [first] = Value.Errors(trackedFinding, value);
  return first === undefined ? 'not a finding' : `${first.instancePath || 'it'} ${first.message}`;
}

/** Is the word one of the steps that this version knows? */
export function isTransitionKind(word: string): word is TransitionKind {
  return Value.Check(transitionKind, word);
}
