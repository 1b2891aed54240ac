/** TokenReviews and SubjectAccessReviews: whose a token is, and what a user may. The words are the real server's. */
import { type Asked, answerFailure, answerJson, type Reply } from './exchange.ts';

/** A token that somebody holds. */
export interface KnownToken {
  readonly token: string;
  readonly username: string;
  readonly uid: string;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
  /** Where it counts; empty: at the API server itself. */
  readonly audiences: readonly string[];
  /** The pod that it was made for; it dies with it. */
  readonly pod: { readonly namespace: string; readonly name: string; readonly uid: string } | null;
}

/** A path outside the resources that a user may reach. */
export interface AccessGrant {
  readonly user: string;
  readonly verb: string;
  readonly path: string;
}

export interface ReviewFacts {
  readonly tokens: ReadonlyMap<string, KnownToken>;
  readonly grants: readonly AccessGrant[];
  /** The UID of the pod of this name; null without one. */
  podUid(namespace: string, name: string): string | null;
}

const tokenReviews = '/apis/authentication.k8s.io/v1/tokenreviews';
const accessReviews = '/apis/authorization.k8s.io/v1/subjectaccessreviews';

export function isReview({ path }: Pick<Asked, 'path'>): boolean {
  return path === tokenReviews || path === accessReviews;
}

export function answerReview({ path, body }: Asked, facts: ReviewFacts, reply: Reply): void {
  let spec: Record<string, unknown> = {};
  try {
    spec = JSON.parse(body).spec ?? {};
  } catch {
    const message = 'the object provided is unrecognized (must be of type TokenReview)';
    answerFailure(reply, { code: 400, reason: 'BadRequest', message });
    return;
  }
  const [kind, apiVersion, status] =
    path === tokenReviews
      ? ['TokenReview', 'authentication.k8s.io/v1', reviewOf(spec, facts)]
      : ['SubjectAccessReview', 'authorization.k8s.io/v1', accessOf(spec, facts)];
  answerJson(reply, 201, { kind, apiVersion, metadata: {}, spec, status });
}

/** Whether a pod-bound token's pod is still there. */
export function isAlive({ pod }: KnownToken, facts: ReviewFacts): boolean {
  return pod === null || facts.podUid(pod.namespace, pod.name) === pod.uid;
}

function reviewOf({ token, audiences }: Record<string, unknown>, facts: ReviewFacts): unknown {
  const known = facts.tokens.get(String(token));
  const wanted = Array.isArray(audiences) ? audiences.map(String) : [];
  if (known === undefined) return { user: {}, error: 'invalid bearer token' };
  const has = wanted.filter((audience) => known.audiences.includes(audience));
  if (wanted.length > 0 && has.length === 0) {
    const error = `[invalid bearer token, token audiences ${quoted(known.audiences)} is invalid for the target audiences ${quoted(wanted)}]`;
    return { user: {}, error };
  }
  if (!isAlive(known, facts)) {
    return { user: {}, error: '[invalid bearer token, service account token has been invalidated]' };
  }
  const { username, uid, groups, extra } = known;
  return { authenticated: true, user: { username, uid, groups, extra }, audiences: has };
}

function accessOf({ user, nonResourceAttributes }: Record<string, unknown>, { grants }: ReviewFacts): unknown {
  const { path, verb } = (nonResourceAttributes ?? {}) as Readonly<Record<string, unknown>>;
  const granted = grants.some((grant) => grant.user === user && grant.verb === verb && grant.path === path);
  return granted
    ? { allowed: true, reason: `RBAC: allowed by a ClusterRoleBinding to User ${JSON.stringify(user)}` }
    : { allowed: false };
}

/** `["a" "b"]`, as Go prints a list. */
function quoted(texts: readonly string[]): string {
  return `[${texts.map((text) => JSON.stringify(text)).join(' ')}]`;
}
