/** Events about pods whose sandbox could not be made, in the three forms in which recorders write them. */
import { describe, expect, it } from 'vitest';
import type { PodEvent } from '../model/cluster.ts';
import { readList } from './api-list.ts';
import { podEventKind } from './pod-event.ts';

const message =
  'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "1c52": plugin type="flannel" failed (add): open /run/flannel/subnet.env: no such file or directory';

/** As a kubelet writes it. */
const written = {
  metadata: { namespace: 'shop', name: 'web-0.17a3', uid: 'uid-of-event', creationTimestamp: '2026-11-22T12:00:00Z' },
  involvedObject: { kind: 'Pod', namespace: 'shop', name: 'web-0', uid: 'uid-of-web-0', apiVersion: 'v1' },
  reason: 'FailedCreatePodSandBox',
  message,
  source: { component: 'kubelet', host: 'node-a' },
  firstTimestamp: '2026-11-22T12:00:00Z',
  lastTimestamp: '2026-11-22T12:03:00Z',
  count: 12,
  type: 'Warning',
  eventTime: null,
  reportingComponent: 'kubelet',
  reportingInstance: 'node-a',
};

const read: PodEvent = {
  uid: 'uid-of-event',
  namespace: 'shop',
  name: 'web-0',
  podUid: 'uid-of-web-0',
  nodeName: 'node-a',
  reason: 'FailedCreatePodSandBox',
  message,
  count: 12,
  firstAt: '2026-11-22T12:00:00Z',
  lastAt: '2026-11-22T12:03:00Z',
};

function eventsIn(...items: readonly unknown[]): readonly PodEvent[] {
  const reading = readList({ kind: 'EventList', items }, podEventKind);
  if (!reading.ok) throw new Error(reading.problems.join('\n'));
  return reading.value;
}

describe('an event', () => {
  it('of a kubelet counts itself', () => {
    expect(eventsIn(written)).toEqual([read]);
  });

  it('of a newer recorder is counted by its series', () => {
    const newer = {
      ...written,
      firstTimestamp: null,
      lastTimestamp: null,
      count: undefined,
      eventTime: '2026-11-22T12:00:00.123456Z',
      series: { count: 4, lastObservedTime: '2026-11-22T12:02:00.000000Z' },
      source: {},
    };
    expect(eventsIn(newer)).toEqual([
      { ...read, count: 4, firstAt: '2026-11-22T12:00:00.123456Z', lastAt: '2026-11-22T12:02:00.000000Z' },
    ]);
  });

  it('that was told once has the time at which it was made', () => {
    const once = { ...written, firstTimestamp: null, lastTimestamp: null, count: undefined };
    const [event] = eventsIn(once);
    expect(event).toEqual({ ...read, count: 1, lastAt: read.firstAt });
  });

  it('of nobody is of no node', () => {
    expect(eventsIn({ ...written, source: null, reportingInstance: '' })).toEqual([{ ...read, nodeName: null }]);
  });

  it('about anything else is of no interest', () => {
    expect(
      eventsIn(
        { ...written, reason: 'FailedScheduling' },
        { ...written, involvedObject: { ...written.involvedObject, kind: 'Node' } },
        { ...written, involvedObject: undefined },
      ),
    ).toEqual([]);
  });
});

describe('its message', () => {
  it('is kept to 1,024 characters', () => {
    expect(eventsIn({ ...written, message: 'x'.repeat(100_000) })[0]?.message).toBe('x'.repeat(1024));
  });

  it('holds no token, also where the cut goes through one', () => {
    const token = `eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZ2VudCJ9.${'S3CR3T'.repeat(40)}`;
    const quoting = `${'x'.repeat(990)} Authorization: Bearer ${token} was refused`;
    expect(eventsIn({ ...written, message: quoting })[0]?.message).not.toMatch(/S3CR|eyJ/);
  });

  it('of another kind than text is refused by name', () => {
    expect(readList({ kind: 'EventList', items: [{ ...written, message: 7 }] }, podEventKind)).toEqual({
      ok: false,
      problems: ['Event shop/web-0.17a3: message is 7, expected a string'],
    });
  });
});
