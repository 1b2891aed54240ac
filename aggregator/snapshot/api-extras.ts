/**
 * What of the API is not watched and tells much of a cluster in trouble: the events of pods whose network could not be
 * made, and the configuration of CoreDNS. Asked for with each snapshot; what is not permitted is left out.
 */
import type { ApiClient } from '../cluster/api-client.ts';
import { apiErrorText } from '../cluster/api-error.ts';
import { recordOf } from '../cluster/json-record.ts';
import type { SnapshotFile } from '../model/moment.ts';
import { jsonFile } from './node-files.ts';
import { withoutSecretLines, withoutTokens } from './secrets.ts';

/** A file that is not there, or not whole, and why. */
export interface LeftOut {
  readonly file: string;
  readonly because: string;
}

export interface ApiExtras {
  readonly files: readonly SnapshotFile[];
  readonly leftOut: readonly LeftOut[];
}

const mostEvents = 500;
const eventsPath = `/api/v1/events?${new URLSearchParams({ fieldSelector: 'reason=FailedCreatePodSandBox', limit: String(mostEvents) })}`;
const eventsFile = 'api/events.json';
const corednsPath = '/api/v1/namespaces/kube-system/configmaps/coredns';
const corednsFile = 'api/configmap-coredns.json';

type Client = Pick<ApiClient, 'get'>;

/** Asks for both at once. */
export async function apiExtras(client: Client, signal: AbortSignal): Promise<ApiExtras> {
  const found = await Promise.all([events(client, signal), coredns(client, signal)]);
  return { files: found.flatMap(({ files }) => files), leftOut: found.flatMap((one) => one.leftOut) };
}

async function events(client: Client, signal: AbortSignal): Promise<ApiExtras> {
  const answer = await client.get(eventsPath, signal);
  if (!answer.ok) return without(eventsFile, apiErrorText(answer.error));
  const { items, metadata } = recordOf(answer.value);
  if (!Array.isArray(items)) return without(eventsFile, 'the answer is no list');
  const list = { kind: 'EventList', apiVersion: 'v1', metadata: {}, items: items.slice(0, mostEvents).map(eventJson) };
  const isCut = items.length > mostEvents || Boolean(recordOf(metadata).continue);
  const leftOut = isCut ? [{ file: eventsFile, because: `there are more; these are ${list.items.length}` }] : [];
  return { files: [jsonFile(eventsFile, list)], leftOut };
}

/** Field by field; what a message quotes may hold a token. */
function eventJson(item: unknown) {
  const event = recordOf(item);
  const { namespace, name, uid, creationTimestamp } = recordOf(event.metadata);
  const about = recordOf(event.involvedObject);
  return {
    metadata: { namespace, name, uid, creationTimestamp },
    involvedObject: { kind: about.kind, namespace: about.namespace, name: about.name, uid: about.uid },
    reason: event.reason,
    message: typeof event.message === 'string' ? withoutTokens(event.message) : undefined,
    source: { component: recordOf(event.source).component, host: recordOf(event.source).host },
    type: event.type,
    count: event.count,
    firstTimestamp: event.firstTimestamp,
    lastTimestamp: event.lastTimestamp,
    eventTime: event.eventTime,
  };
}

async function coredns(client: Client, signal: AbortSignal): Promise<ApiExtras> {
  const answer = await client.get(corednsPath, signal);
  if (!answer.ok) return without(corednsFile, apiErrorText(answer.error));
  const { Corefile } = recordOf(recordOf(answer.value).data);
  if (typeof Corefile !== 'string') return without(corednsFile, 'the ConfigMap holds no Corefile');
  const map = {
    kind: 'ConfigMap',
    apiVersion: 'v1',
    metadata: { namespace: 'kube-system', name: 'coredns' },
    data: { Corefile: withoutSecretLines(Corefile) },
  };
  return { files: [jsonFile(corednsFile, map)], leftOut: [] };
}

function without(file: string, because: string): ApiExtras {
  return { files: [], leftOut: [{ file, because }] };
}
