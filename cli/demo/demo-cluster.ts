/** The demo's API server: the stand-in with the recorded objects, on a loopback port, and a kubeconfig that leads there. */
import { writeFileSync } from 'node:fs';
import { systemTiming } from '../../aggregator/cluster/timing.ts';
import { listen } from './api-server/listen.ts';
import type { ApiObject } from './api-server/api-resources.ts';
import { loadRecordedLists, recordedEvents } from './api-server/recorded-objects.ts';
import { ApiStandIn } from './api-server/stand-in.ts';
import type { Recordings } from './recordings.ts';

export interface DemoCluster {
  readonly url: string;
  readonly services: number;
  /** Changes the objects as they changed when they were recorded. @returns how many changes that were. */
  change(): number;
  close(): Promise<void>;
}

/** Starts it. @throws when no loopback port can be had. */
export async function startCluster(recordings: Recordings, kubeconfig: string): Promise<DemoCluster> {
  const standIn = new ApiStandIn({ timing: systemTiming });
  loadRecordedLists(standIn, recordings.apiFolder);
  const { url, close } = await listen(standIn);
  const beat = setInterval(() => touchObjects(standIn), beatMs);
  writeFileSync(kubeconfig, kubeconfigText(url), { mode: 0o600 });
  return {
    url,
    services: standIn.objects('services').length,
    change: () => {
      const events = recordedEvents(recordings.watchFolder);
      for (const { plural, type, object } of events) standIn.record(plural, type, startedNow(object));
      return events.length;
    },
    close: () => {
      clearInterval(beat);
      return close();
    },
  };
}

/** A pod that was started then is started now, so that nobody expects its network to have been there for long. */
function startedNow(object: ApiObject): ApiObject {
  const { status } = object;
  if (typeof status !== 'object' || status === null || !('startTime' in status)) return object;
  return { ...object, status: { ...status, startTime: new Date().toISOString() } };
}

/** Where people work something changes every few seconds; a quiet API server would say a word a minute. */
const beatMs = 5000;

/** Something of no consequence changes: every watch that findings wait for has a word to say. */
export function touchObjects(api: ApiStandIn): void {
  for (const plural of ['services', 'endpointslices', 'nodes']) {
    const [object] = api.objects(plural);
    if (object === undefined) continue;
    const annotations = { 'example.com/touched': String(api.version) };
    api.apply(plural, { ...object, metadata: { ...object.metadata, annotations } });
  }
}

function kubeconfigText(url: string): string {
  return `apiVersion: v1
kind: Config
clusters: [{ name: demo, cluster: { server: '${url}' } }]
users: [{ name: demo, user: {} }]
contexts: [{ name: demo, context: { cluster: demo, user: demo } }]
current-context: demo
`;
}
