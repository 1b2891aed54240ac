/** TokenReviews and SubjectAccessReviews: whose a token is, and what a user may. The words are the real server's. */
import { type Asked, answerFailure, answerJson, type Reply } from './exchange.ts';

/** A token that somebody holds. */
export interface KnownToken {
  readonly token: string;
  readonly username: string;
  readonly uid: string;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
  /** Where it counts; empty: at the API server itself, and nowhere else. */
  readonly audiences: readonly string[];
  /** The pod that it was made for; it dies with it. */
  readonly pod: { readonly namespace: string; readonly name: string; readonly uid: string } | null;
}

/** A path outside the resources that a user or a group may reach. */
export interface AccessGrant {
  /** A user, or `group:NAME`. */
  readonly user: string;
  readonly verb: string;
  /** As rules of ClusterRoles write it: itself, or all that begins like it where it ends in `*`. */
  readonly path: string;
}

export interface ReviewFacts {
  readonly tokens: ReadonlyMap<string, KnownToken>;
  readonly grants: readonly AccessGrant[];
  /** The UID of the pod of this name; null without one. */
  podUid(namespace: string, name: string): string | null;
}

/** Of the API server itself: what a token is for that was made for nobody else. */
const serverAudiences = ['https://kubernetes.default.svc.cluster.local'];
/** What every cluster gives to everybody who is authenticated: its ClusterRole system:discovery. */
const discovery = ['/api', '/api/*', '/apis', '/apis/*', '/openapi', '/openapi/*', '/version', '/livez', '/readyz'].map(
  (path): AccessGrant => ({ user: 'group:system:authenticated', verb: 'get', path }),
);
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
  const own = known.audiences.length === 0 ? serverAudiences : known.audiences;
  const asked = wanted.length === 0 ? serverAudiences : wanted;
  const has = asked.filter((audience) => own.includes(audience));
  if (has.length === 0) {
    const error = `[invalid bearer token, token audiences ${quoted(own)} is invalid for the target audiences ${quoted(asked)}]`;
    return { user: {}, error };
  }
  if (!isAlive(known, facts)) {
    return { user: {}, error: '[invalid bearer token, service account token has been invalidated]' };
  }
  const { username, uid, groups, extra } = known;
  return { authenticated: true, user: { username, uid, groups, extra }, audiences: has };
}

function accessOf(spec: Record<string, unknown>, { grants }: ReviewFacts): unknown {
  const { user, groups, nonResourceAttributes } = spec;
  const { path, verb } = (nonResourceAttributes ?? {}) as Readonly<Record<string, unknown>>;
  const names = [user, ...(Array.isArray(groups) ? groups.map((group) => `group:${group}`) : [])];
  const granted = [...discovery, ...grants].some(
    (grant) => names.includes(grant.user) && grant.verb === verb && covers(grant.path, String(path)),
  );
  return granted
    ? { allowed: true, reason: `RBAC: allowed by a ClusterRoleBinding to User ${JSON.stringify(user)}` }
    : { allowed: false };
}

function covers(rule: string, path: string): boolean {
  return rule.endsWith('*') ? path.startsWith(rule.slice(0, -1)) : path === rule;
}

/** `["a" "b"]`, as Go prints a list. */
function quoted(texts: readonly string[]): string {
  return `[${texts.map((text) => JSON.stringify(text)).join(' ')}]`;
}
