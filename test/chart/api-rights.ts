/** Rights in the API: what a request takes, and what an account has by roles and bindings. */
import { at, hasKey, listAt, type Manifest } from './rendered-chart.ts';

/** `list services`, `get pods in node-audit`, `update secrets audit-tls in observability`, `get /metrics`. */
export type ApiRight = string;

export interface Account {
  readonly namespace: string;
  readonly name: string;
}

/** What a request takes, as the API server works it out of method and path. @throws on a path of no resource. */
export function rightOf(method: string, path: string): ApiRight {
  const { pathname, searchParams } = new URL(path, 'http://localhost');
  const match =
    /^\/(?:api\/v1|apis\/(?<group>[^/]+)\/[^/]+)(?:\/namespaces\/(?<namespace>[^/]+)(?=\/))?\/(?<resource>[a-z]+)(?:\/(?<name>[^/]+))?$/.exec(
      pathname,
    );
  if (match?.groups === undefined) throw new Error(`${path} is no path of a resource`);
  const { group = '', namespace, resource = '', name } = match.groups;
  const verb = verbOf(method, { isOne: name !== undefined, isWatch: searchParams.get('watch') === '1' });
  return textOf({ verb, group, resource, name: verb === 'create' ? undefined : name, namespace });
}

function verbOf(method: string, { isOne, isWatch }: { readonly isOne: boolean; readonly isWatch: boolean }): string {
  if (method === 'POST') return 'create';
  if (method === 'PUT') return 'update';
  if (isWatch) return 'watch';
  return isOne ? 'get' : 'list';
}

/** All that an account may do, one line for each verb, resource and name. */
export function rightsIn(manifests: readonly Manifest[], account: Account): readonly ApiRight[] {
  const bindings = manifests.filter((each) =>
    listAt(each, 'subjects').some(
      (subject) =>
        hasKey(subject, 'namespace') &&
        at(subject, 'name') === account.name &&
        at(subject, 'namespace') === account.namespace,
    ),
  );
  return bindings.flatMap((binding) => {
    const role = manifests.find(
      ({ kind, metadata }) =>
        kind === at(binding, 'roleRef.kind') &&
        metadata.name === at(binding, 'roleRef.name') &&
        metadata.namespace === binding.metadata.namespace,
    );
    if (role === undefined) throw new Error(`${binding.metadata.name} binds no role`);
    return rightsOfRole(role);
  });
}

/** The same of one role. */
export function rightsOfRole(role: Manifest): readonly ApiRight[] {
  const { namespace } = role.metadata;
  return listAt(role, 'rules').flatMap((rule) => {
    const verbs = listAt(rule, 'verbs').map(String);
    const urls = listAt(rule, 'nonResourceURLs').map(String);
    const names = hasKey(rule, 'resourceNames') ? listAt(rule, 'resourceNames').map(String) : [undefined];
    const resources = listAt(rule, 'apiGroups').flatMap((group) =>
      listAt(rule, 'resources').flatMap((resource) =>
        names.map((name) => ({ group: String(group), resource: String(resource), name, namespace })),
      ),
    );
    return verbs.flatMap((verb) => [
      ...urls.map((url) => `${verb} ${url}`),
      ...resources.map((each) => textOf({ verb, ...each })),
    ]);
  });
}

/** The same right for every name: `get pods x in y` -> `get pods in y`. */
export function withoutName(right: ApiRight): ApiRight {
  const [verb = '', resource = '', third, ...rest] = right.split(' ');
  return [verb, resource, ...(third === undefined || third === 'in' ? [third ?? ''] : []), ...rest].join(' ').trim();
}

interface Parts {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly name: string | undefined;
  readonly namespace: string | undefined;
}

function textOf({ verb, group, resource, name, namespace }: Parts): ApiRight {
  const which = group === '' ? resource : `${resource}.${group}`;
  return [
    verb,
    which,
    ...(name === undefined ? [] : [name]),
    ...(namespace === undefined ? [] : ['in', namespace]),
  ].join(' ');
}
