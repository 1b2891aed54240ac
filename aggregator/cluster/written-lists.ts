/** The API's lists written anew, by the names that they have in a bundle's folder `api`. */
import type { ClusterSnapshot } from '../model/cluster.ts';
import { dnsConfigurationJson, dnsConfigurationList } from './dns-configuration-json.ts';
import { endpointSliceJson, endpointSliceList } from './endpoint-slice-json.ts';
import { foreignPolicyJson, foreignPolicyList } from './foreign-policy-json.ts';
import { namespaceJson, namespaceList } from './namespace-json.ts';
import { networkPolicyJson, networkPolicyList } from './network-policy-json.ts';
import { nodeJson, nodeList } from './node-json.ts';
import { listPieces } from './object-json.ts';
import { podEventJson, podEventList } from './pod-event-json.ts';
import { podJson, podList } from './pod-json.ts';
import { serviceJson, serviceList } from './service-json.ts';

/** One list: its file, and its text in pieces, each time anew. */
export interface WrittenList {
  /** `services.json`. */
  readonly file: string;
  pieces(): Iterable<string>;
}

/** All lists of a snapshot; none of a kind that is not known. */
export function writtenLists(snapshot: ClusterSnapshot): readonly WrittenList[] {
  const { services, endpointSlices, nodes, pods, namespaces, podEvents } = snapshot;
  const { networkPolicies: policies, foreignPolicies: foreign, dnsConfigurations: dns } = snapshot;
  const lists: WrittenList[] = [
    { file: 'services.json', pieces: () => listPieces(serviceList, services, serviceJson) },
    { file: 'endpointslices.json', pieces: () => listPieces(endpointSliceList, endpointSlices, endpointSliceJson) },
    { file: 'nodes.json', pieces: () => listPieces(nodeList, nodes, nodeJson) },
  ];
  if (pods !== null) lists.push({ file: 'pods.json', pieces: () => listPieces(podList, pods, podJson) });
  if (namespaces !== null) {
    lists.push({ file: 'namespaces.json', pieces: () => listPieces(namespaceList, namespaces, namespaceJson) });
  }
  if (podEvents !== null) {
    lists.push({ file: 'events.json', pieces: () => listPieces(podEventList, podEvents, podEventJson) });
  }
  if (policies !== null) {
    lists.push({
      file: 'networkpolicies.json',
      pieces: () => listPieces(networkPolicyList, policies, networkPolicyJson),
    });
  }
  if (foreign !== null) {
    lists.push({
      file: 'foreignpolicies.json',
      pieces: () => listPieces(foreignPolicyList, foreign, foreignPolicyJson),
    });
  }
  if (dns !== null) {
    lists.push({ file: 'configmaps.json', pieces: () => listPieces(dnsConfigurationList, dns, dnsConfigurationJson) });
  }
  return lists;
}
