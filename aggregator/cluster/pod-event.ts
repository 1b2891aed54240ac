/**
 * Events about pods whose network could not be made, as far as the audit reads them. Fields: the API reference of Event
 * v1. The kubelet counts in `count`, newer recorders in `series`, and one that was told once has `eventTime` alone.
 *
 *     "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-0", "uid": "0b1c..."},
 *     "reason": "FailedCreatePodSandBox", "source": {"component": "kubelet", "host": "node-a"},
 *     "message": "Failed to create pod sandbox: ...", "count": 7, "lastTimestamp": "2026-11-22T12:00:00Z"
 */
import type { PodEvent } from '../model/cluster.ts';
import type { Kind } from './api-list.ts';
import { readName } from './api-list.ts';
import { type Field, member, text, whole } from './api-object.ts';
import { withoutTokens } from './secrets.ts';

/** What is asked for, and kept: other Events are of no interest. */
export const sandboxReasonWord = 'FailedCreatePodSandBox';

export const podEventKind: Kind<PodEvent> = { kind: 'Event', read: readPodEvent };

const longestMessage = 1024;
/** A cut within a token must not keep it from being known as one. */
const longestRead = 4096;
const mostCounted = 2 ** 31 - 1;

/** Null of an Event about anything else. */
function readPodEvent(item: Field): PodEvent | null {
  const about = member(item, 'involvedObject');
  const reason = text(member(item, 'reason')) ?? '';
  if (reason !== sandboxReasonWord || text(member(about, 'kind')) !== 'Pod') return null;
  const metadata = member(item, 'metadata');
  const series = member(item, 'series');
  const time = text(member(item, 'eventTime')) ?? text(member(metadata, 'creationTimestamp')) ?? '';
  const firstAt = text(member(item, 'firstTimestamp')) ?? time;
  const { uid, namespace } = readName(item);
  return {
    uid,
    namespace: text(member(about, 'namespace')) ?? namespace,
    name: text(member(about, 'name')) ?? '',
    podUid: text(member(about, 'uid')) ?? '',
    nodeName: text(member(member(item, 'source'), 'host')) || text(member(item, 'reportingInstance')) || null,
    reason,
    // A plugin's complaint may quote the request that it made, with its token.
    message: withoutTokens((text(member(item, 'message')) ?? '').slice(0, longestRead)).slice(0, longestMessage),
    count: whole(member(series, 'count'), mostCounted) ?? whole(member(item, 'count'), mostCounted) ?? 1,
    firstAt,
    lastAt: text(member(series, 'lastObservedTime')) ?? text(member(item, 'lastTimestamp')) ?? firstAt,
  };
}
