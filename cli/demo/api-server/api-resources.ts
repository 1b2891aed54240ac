/** The resources that the stand-in serves, as the real server names them. */

export interface ApiResource {
  readonly plural: string;
  readonly kind: string;
  /** `v1`, `discovery.k8s.io/v1`. */
  readonly apiVersion: string;
  readonly namespaced: boolean;
}

/** An object of the API: parsed JSON that has a name. */
export interface ApiObject {
  readonly kind?: string;
  readonly apiVersion?: string;
  readonly metadata: ObjectMetadata;
  readonly [field: string]: unknown;
}

export interface ObjectMetadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

/** What a path asks for. */
export interface Place {
  readonly resource: ApiResource;
  /** null: of all namespaces, or there are none. */
  readonly namespace: string | null;
  /** null: all of them. */
  readonly name: string | null;
}

export const apiResources: readonly ApiResource[] = [
  { plural: 'services', kind: 'Service', apiVersion: 'v1', namespaced: true },
  { plural: 'endpointslices', kind: 'EndpointSlice', apiVersion: 'discovery.k8s.io/v1', namespaced: true },
  { plural: 'nodes', kind: 'Node', apiVersion: 'v1', namespaced: false },
  { plural: 'pods', kind: 'Pod', apiVersion: 'v1', namespaced: true },
  { plural: 'namespaces', kind: 'Namespace', apiVersion: 'v1', namespaced: false },
  { plural: 'events', kind: 'Event', apiVersion: 'v1', namespaced: true },
  { plural: 'networkpolicies', kind: 'NetworkPolicy', apiVersion: 'networking.k8s.io/v1', namespaced: true },
  { plural: 'configmaps', kind: 'ConfigMap', apiVersion: 'v1', namespaced: true },
];

/** Null where nothing is served, which is answered with 404. */
export function placeOf(path: string): Place | null {
  for (const resource of apiResources) {
    const { apiVersion, plural, namespaced } = resource;
    const root = apiVersion.includes('/') ? `/apis/${apiVersion}/` : `/api/${apiVersion}/`;
    if (!path.startsWith(root)) continue;
    const [first = '', second, third, fourth, ...more] = path.slice(root.length).split('/').map(decodeURIComponent);
    if (first === plural && third === undefined) {
      if (second === undefined || !namespaced) return { resource, namespace: null, name: second ?? null };
    } else if (namespaced && first === 'namespaces' && second && third === plural && more.length === 0) {
      return { resource, namespace: second, name: fourth ?? null };
    }
  }
  return null;
}

/** By which objects are sorted and told apart: `namespace/name`, or the name. */
export function keyOf({ metadata: { namespace, name } }: ApiObject): string {
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;
}

/** `a=b,c!=d,!e,f`: whether labels are as a label selector wants; what it is made of else is not known here. */
export function matchesLabels(labels: Readonly<Record<string, string>>, selector: string): boolean {
  return selector.split(',').every((term) => {
    const requirement = term.trim();
    if (requirement === '') return true;
    if (requirement.startsWith('!')) return !Object.hasOwn(labels, requirement.slice(1));
    const [key = '', value] = requirement.split(/!=|==|=/);
    if (value === undefined) return Object.hasOwn(labels, key);
    return requirement.includes('!=') ? labels[key] !== value : labels[key] === value;
  });
}

/** `involvedObject.kind=Pod,reason!=Killing`: whether fields are as a field selector wants, by their paths. */
export function matchesFields(object: ApiObject, selector: string): boolean {
  return selector.split(',').every((term) => {
    const requirement = term.trim();
    if (requirement === '') return true;
    const [path = '', value = ''] = requirement.split(/!=|==|=/);
    const isEqual = String(path.split('.').reduce<unknown>(memberOf, object) ?? '') === value;
    return requirement.includes('!=') ? !isEqual : isEqual;
  });
}

function memberOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}
