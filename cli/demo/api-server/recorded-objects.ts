/** Recorded clusters in the stand-in: the lists of an `api/` folder, and the watches of a `watch/` folder beside it. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { type ApiObject, apiResources } from './api-resources.ts';
import type { ApiStandIn } from './stand-in.ts';

/** Puts the objects of every list in the folder into the stand-in, each with the version that it was recorded with. */
export function loadRecordedLists(standIn: ApiStandIn, folder: string): void {
  for (const { plural } of apiResources) {
    const text = readListText(join(folder, `${plural}.json`));
    if (text === null) continue;
    for (const item of JSON.parse(text).items ?? []) standIn.record(plural, 'ADDED', item as ApiObject);
  }
}

export interface RecordedEvent {
  readonly plural: string;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: ApiObject;
}

/** The events of all recorded watches in the order in which they happened. */
export function recordedEvents(folder: string): readonly RecordedEvent[] {
  const events: RecordedEvent[] = [];
  for (const { plural } of apiResources) {
    const file = join(folder, `${plural}.ndjson`);
    if (!existsSync(file)) continue;
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      if (line === '') continue;
      const { type, object } = JSON.parse(line);
      if (type !== 'BOOKMARK' && type !== 'ERROR') events.push({ plural, type, object });
    }
  }
  return events.sort((one, other) => versionOf(one) - versionOf(other));
}

function versionOf({ object }: RecordedEvent): number {
  return Number(object.metadata.resourceVersion);
}

function readListText(file: string): string | null {
  if (existsSync(file)) return readFileSync(file, 'utf8');
  return existsSync(`${file}.gz`) ? gunzipSync(readFileSync(`${file}.gz`)).toString('utf8') : null;
}
