/** The API's lists written anew, by the names that they have in a bundle's folder `api`. */
import type { ClusterSnapshot } from '../model/cluster.ts';
import { endpointSliceJson, endpointSliceList } from './endpoint-slice-json.ts';
import { namespaceJson, namespaceList } from './namespace-json.ts';
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

/** All lists of a snapshot; none of pods, namespaces or events where these are not known. */
export function writtenLists(snapshot: ClusterSnapshot): readonly WrittenList[] {
  const { services, endpointSlices, nodes, pods, namespaces, podEvents } = snapshot;
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
  return lists;
}
