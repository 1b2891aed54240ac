/**
 * The path that the API server is asked about. Not the bare one: every cluster gives `get` of `/api/*` to every
 * authenticated user (ClusterRole `system:discovery`), since those are the API server's own paths, and so `/api/v1/nodes`
 * would be open to every ServiceAccount there is. A prefix that is no path of the API server's makes them ours.
 * https://kubernetes.io/docs/reference/access-authn-authz/rbac/#discovery-roles
 */
const prefix = '/plumbline';

/** For `/metrics` the bare one: the rule that lets a Prometheus read any program's figures is meant to count here. */
export function reviewedPath(path: string): string {
  return path === '/metrics' ? path : `${prefix}${path}`;
}
