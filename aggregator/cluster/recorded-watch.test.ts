/** A real cluster's changes, as its API server told them, over HTTP through the watch to the store. */
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { loadRecordedLists, recordedEvents } from '../../cli/demo/api-server/recorded-objects.ts';
import { type Listening, listen } from '../../cli/demo/api-server/listen.ts';
import { ApiStandIn } from '../../cli/demo/api-server/stand-in.ts';
import { readFileSync } from 'node:fs';
import { recordingFolder } from '../../test/recordings.ts';
import { agentPods, stateInLists, stateOf } from '../../test/watched-api.ts';
import type { ClusterState, Pod } from '../model/cluster.ts';
import { ApiClient } from './api-client.ts';
import { readList } from './api-list.ts';
import { httpTransport } from './api-transport.ts';
import { ClusterStore } from './cluster-store.ts';
import { Names } from './names.ts';
import { podKind } from './pod.ts';
import { systemTiming } from './timing.ts';

const recording = recordingFolder('s2-stale-stopped');
const open: { readonly listening: Listening; readonly store: ClusterStore; readonly close: () => Promise<void> }[] = [];

afterEach(async () => {
  for (const { listening, store, close } of open.splice(0)) {
    await store.stop();
    await close();
    await listening.close();
  }
});

function recordedState(folder: string): ClusterState {
  const items = (plural: string) => JSON.parse(readFileSync(join(folder, `${plural}.json`), 'utf8')).items;
  return stateInLists({ services: items('services'), endpointSlices: items('endpointslices'), nodes: items('nodes') });
}

const before = recordedState(join(recording, 'before/api'));
const after = recordedState(join(recording, 'api'));
const owners = [before, after].flatMap(({ endpointSlices }) =>
  endpointSlices.map(({ namespace, serviceName }) => `${namespace}/${serviceName}`),
);

/** The pods of a folder's list as the store holds them: by name, of every namespace that either list knows. */
const namespaces = new Set(['before/api', 'api'].flatMap((folder) => recordedPods(folder).map((pod) => pod.namespace)));

function recordedPods(folder: string): readonly Pod[] {
  const reading = readList(
    JSON.parse(readFileSync(join(recording, folder, 'pods.json'), 'utf8')),
    podKind(new Names()),
  );
  if (!reading.ok) throw new Error(reading.problems.join('\n'));
  return sorted(reading.value);
}

function podsOf(store: ClusterStore): readonly Pod[] {
  return sorted([...namespaces].flatMap((namespace) => [...store.podsIn(namespace)]));
}

function sorted(pods: readonly Pod[]): readonly Pod[] {
  return pods.toSorted((one, other) => (`${one.namespace}/${one.name}` < `${other.namespace}/${other.name}` ? -1 : 1));
}

/** A store that follows a server which holds what was recorded before the changes. */
async function following(watchLists: boolean) {
  const api = new ApiStandIn({ timing: systemTiming, watchLists, mostPerPage: 10 });
  loadRecordedLists(api, join(recording, 'before/api'));
  const listening = await listen(api);
  const transport = httpTransport({
    server: listening.url,
    current: async () => ({ ok: true, headers: {}, tls: {}, proxy: null }),
    renew: () => undefined,
  });
  const client = new ApiClient(transport, systemTiming);
  const log = { warn: () => undefined };
  const store = new ClusterStore({ client, timing: systemTiming, agents: agentPods, log });
  open.push({ listening, store, close: () => transport.close() });
  store.start();
  return { api, store };
}

describe.each([
  ['a watch with its initial objects', true],
  ['lists in pages', false],
])('a store fed by %s', (_name, watchLists) => {
  it('holds what the lists of that time say', async () => {
    const { store } = await following(watchLists);
    await expect.poll(() => stateOf(store, owners), { timeout: 5000 }).toEqual(before);
    await expect.poll(() => podsOf(store), { timeout: 5000 }).toEqual(recordedPods('before/api'));
  });

  it('reaches by the recorded watches what the lists after them say', async () => {
    const { api, store } = await following(watchLists);
    await expect.poll(() => stateOf(store, owners), { timeout: 5000 }).toEqual(before);
    const events = recordedEvents(join(recording, 'watch'));
    for (const { plural, type, object } of events) api.record(plural, type, object);
    await expect.poll(() => stateOf(store, owners), { timeout: 5000 }).toEqual(after);
    await expect.poll(() => podsOf(store), { timeout: 5000 }).toEqual(recordedPods('api'));
    expect(recordedPods('api')).not.toEqual(recordedPods('before/api'));
    expect(events.length).toBeGreaterThan(30);
    expect(after).not.toEqual(before);
  });

  it('reaches it too where the connection breaks before each event', async () => {
    const { api, store } = await following(watchLists);
    await expect.poll(() => stateOf(store, owners), { timeout: 5000 }).toEqual(before);
    for (const { plural, type, object } of recordedEvents(join(recording, 'watch'))) {
      for (const watch of api.watches(plural)) watch.cut('{"type":"MODI');
      api.record(plural, type, object);
    }
    await expect.poll(() => stateOf(store, owners), { timeout: 10_000 }).toEqual(after);
  });
});
