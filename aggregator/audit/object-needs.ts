/** What checks need of the API beside Services, slices and Nodes, and whether it is known. */
import type { Need, ObjectNeed } from '../model/check.ts';
import type { ClusterObjects } from '../model/cluster.ts';

/** What each is called where it is not known. */
const names: Readonly<Record<ObjectNeed, string>> = {
  pods: 'the pods of the API',
  events: 'the events of the API',
  policies: 'the NetworkPolicies of the API, or its pods or Namespaces,',
  'dns-configuration': "CoreDNS' configuration in the API",
};

export function isObjectNeed(need: Need): need is ObjectNeed {
  return Object.hasOwn(names, need);
}

export function isKnown(objects: ClusterObjects, need: ObjectNeed): boolean {
  switch (need) {
    case 'pods':
      return objects.knowsPods;
    case 'events':
      return objects.knowsEvents;
    case 'policies':
      return objects.knowsPolicies && objects.knowsPods && objects.knowsNamespaces;
    case 'dns-configuration':
      return objects.knowsDnsConfiguration;
  }
}

/** The first of these needs that is not known, as `the pods of the API are not known`; null where all are. */
export function firstUnknown(objects: ClusterObjects, needs: readonly Need[]): string | null {
  const need = needs.filter(isObjectNeed).find((one) => !isKnown(objects, one));
  if (need === undefined) return null;
  return `${names[need]} ${need === 'dns-configuration' ? 'is' : 'are'} not known`;
}
