/** Why somebody is not let in, as it is sent. */
import { type Problem, problem } from '../errors.ts';
import { reviewedPath } from './reviewed-path.ts';
import { roleOf } from './roles.ts';

export interface Refusal {
  readonly problem: Problem;
  readonly headers: Readonly<Record<string, string>>;
}

/** Nobody is known. @param because what was wrong with what was shown. */
export function unknownPerson(because: string): Refusal {
  const how = 'Send `Authorization: Bearer TOKEN`, or log in at /login. docs/http.md says how to get a token.';
  return {
    problem: problem('unauthenticated', `${because} ${how}`),
    headers: { 'www-authenticate': 'Bearer realm="plumbline"' },
  };
}

/** Somebody is known, and may not. */
export function notAllowed(username: string, verb: string, path: string): Refusal {
  const role = roleOf(path);
  const needed = `the verb ${verb} on the nonResourceURL ${reviewedPath(path)}, as the chart's ClusterRole ${role} gives it`;
  const detail = `${JSON.stringify(username)} may not ${verb} ${path}: it takes ${needed}.`;
  return { problem: problem('forbidden', detail), headers: {} };
}

/** Nobody can say. That is no yes. */
export function noReview(because: string): Refusal {
  const detail = `Who asks, and what they may, is not known now: ${because}. Come again.`;
  return { problem: problem('review-unavailable', detail), headers: { 'retry-after': '5' } };
}

/** Too often. */
export function tooOften(detail: string, retryAfterSeconds: number): Refusal {
  return { problem: problem('too-many-requests', detail), headers: { 'retry-after': String(retryAfterSeconds) } };
}

/** A refusal without any header of its own. */
export function plainRefusal(refused: Problem): Refusal {
  return { problem: refused, headers: {} };
}
