/** The stand-in's answers beside those of a real v1.36 API server: the same status, kinds and fields. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { apiAgentPod, apiSandboxEvent } from '../../../test/api-objects.ts';
import { inProcessTransport } from '../../../test/in-process-api.ts';
import { ManualTiming } from '../../../test/manual-timing.ts';
import { recordingFolder } from '../../../test/recordings.ts';
import type { ApiObject } from './api-resources.ts';
import { loadRecordedLists } from './recorded-objects.ts';
import { ApiStandIn, type StandInOptions } from './stand-in.ts';

const protocol = recordingFolder('api-protocol');
const timing = new ManualTiming();

function standIn(options: Partial<StandInOptions> = {}): ApiStandIn {
  return new ApiStandIn({ timing, ...options });
}

interface Answer {
  readonly status: number;
  readonly json: unknown;
}

/** A recording with its status line and headers. */
function recorded(file: string): Answer {
  const [head = '', ...body] = readFileSync(join(protocol, file), 'utf8').split(/\r?\n\r?\n/);
  const status = Number(/^HTTP\/\S+ (\d+)/.exec(head)?.[1]);
  return { status, json: JSON.parse(body.join('\n\n').trim().split('\n{"type"')[0] ?? '') };
}

function recordedBody(file: string): unknown {
  return JSON.parse(readFileSync(join(protocol, file), 'utf8'));
}

async function ask(api: ApiStandIn, path: string, body: unknown = null): Promise<Answer> {
  const sent = await inProcessTransport(api).send({
    method: body === null ? 'GET' : 'POST',
    path,
    body: body === null ? null : JSON.stringify(body),
    signal: new AbortController().signal,
  });
  if (!sent.ok) throw new Error(sent.message);
  let text = '';
  for await (const piece of sent.response.body) text += Buffer.from(piece).toString('utf8');
  return { status: sent.response.status, json: JSON.parse(text) };
}

/** The events that a watch tells at once. */
async function eventsOf(api: ApiStandIn, path: string, count: number): Promise<readonly Record<string, unknown>[]> {
  const sent = await inProcessTransport(api).send({
    method: 'GET',
    path,
    body: null,
    signal: new AbortController().signal,
  });
  if (!sent.ok) throw new Error(sent.message);
  const events: Record<string, unknown>[] = [];
  for await (const piece of sent.response.body) {
    events.push(JSON.parse(Buffer.from(piece).toString('utf8')));
    if (events.length === count) break;
  }
  return events;
}

/** Fields and types without values; a list by its first element. Who wrote which field is not ours to imitate. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shapeOf(value[0])];
  if (typeof value !== 'object' || value === null) return typeof value;
  const kept = Object.entries(value).filter(([key]) => key !== 'managedFields');
  return Object.fromEntries(kept.map(([key, inner]) => [key, shapeOf(inner)]));
}

const agentToken = {
  token: 'agent',
  username: 'system:serviceaccount:plumbline:plumbline-agent',
  uid: 'f6e086d1-2e81-497c-877c-eaef053048aa',
  groups: ['system:serviceaccounts', 'system:serviceaccounts:plumbline', 'system:authenticated'],
  extra: {
    'authentication.kubernetes.io/credential-id': ['JTI=696f3686-65f0-4ce9-85b8-d5e8b1f84e9f'],
    'authentication.kubernetes.io/node-name': ['node-a'],
    'authentication.kubernetes.io/node-uid': ['78483fa9-3797-4c3b-8d37-693300c70397'],
    'authentication.kubernetes.io/pod-name': ['plumbline-agent-abcde'],
    'authentication.kubernetes.io/pod-uid': ['uid-1'],
  },
  audiences: ['plumbline'],
  pod: { namespace: 'plumbline', name: 'plumbline-agent-abcde', uid: 'uid-1' },
};

describe('a list', () => {
  it('in pages has the metadata of a real one, and a token that says the same', async () => {
    const page1 = recordedBody('list-pods-page1.json') as { items: ApiObject[]; metadata: Record<string, unknown> };
    const page2 = recordedBody('list-pods-page2.json') as typeof page1;
    const api = standIn();
    for (const pod of [...page1.items, ...page2.items]) api.record('pods', 'ADDED', pod);
    const first = await ask(api, '/api/v1/pods?limit=5');
    const told = first.json as typeof page1;
    expect(shapeOf(told)).toEqual(shapeOf(page1));
    expect(told.items).toEqual(page1.items);
    const token = String(told.metadata.continue);
    const contentOf = (text: unknown) =>
      Object.keys(JSON.parse(Buffer.from(String(text), 'base64url').toString('utf8')));
    expect(contentOf(token)).toEqual(contentOf(page1.metadata.continue));
    const second = await ask(api, `/api/v1/pods?limit=5&continue=${token}`);
    expect((second.json as typeof page1).items).toEqual(page2.items);
  });

  it('out of the watch cache comes whole, whatever the limit', async () => {
    const api = standIn();
    loadRecordedLists(api, join(recordingFolder('s1-healthy'), 'api'));
    const path = '/apis/discovery.k8s.io/v1/endpointslices?resourceVersion=0&limit=3';
    const { json } = await ask(api, path);
    const real = recordedBody('list-endpointslices-rv0-limit3.json') as { items: unknown[]; metadata: unknown };
    expect(real.items.length).toBeGreaterThan(3);
    expect((json as typeof real).items.length).toBeGreaterThan(3);
    expect(shapeOf((json as typeof real).metadata)).toEqual(shapeOf(real.metadata));
  });

  it.each([
    ['involvedObject.kind=Pod,reason=FailedCreatePodSandBox', ['web-0.1']],
    ['involvedObject.kind!=Pod', ['node-a.1']],
    ['reason==Starting', ['node-a.1']],
    ['involvedObject.fieldPath=spec', []],
    ['', ['node-a.1', 'web-0.1', 'web-1.1']],
  ])('of events is cut down by the field selector %j', async (selector, names) => {
    const api = standIn();
    const at = '2026-11-22T12:00:00Z';
    api.apply('events', apiSandboxEvent('shop/web-0', 'node-a', at));
    api.apply('events', { ...apiSandboxEvent('shop/web-1', 'node-a', at), reason: 'Pulled' });
    const involvedObject = { kind: 'Node', name: 'node-a' };
    api.apply('events', { ...apiSandboxEvent('default/node-a', 'node-a', at), reason: 'Starting', involvedObject });
    const { json } = await ask(api, `/api/v1/events?${new URLSearchParams({ fieldSelector: selector })}`);
    const { items } = json as { readonly items: readonly ApiObject[] };
    expect(items.map(({ metadata }) => metadata.name)).toEqual(names);
  });

  it('of a version that is forgotten is refused as by a real server', async () => {
    const api = standIn();
    api.apply('namespaces', { metadata: { name: 'shop' } });
    api.apply('namespaces', { metadata: { name: 'edge' } });
    api.forget();
    const answer = await ask(api, '/api/v1/namespaces?resourceVersion=2&resourceVersionMatch=Exact');
    expect(answer).toEqual(recorded('list-410.http'));
  });

  it('without a token, or with a bad one, is refused as by a real server', async () => {
    const api = standIn({ requiresToken: true });
    expect(await ask(api, '/api/v1/services')).toEqual(recorded('list-403-anonymous.http'));
    const { status, json } = recorded('list-401-bad-token.http');
    const answered: unknown[] = [];
    const asked = { method: 'GET', path: '/api/v1/services', query: new URLSearchParams(), token: 'bad', body: '' };
    api.answer(asked, {
      head: (told) => answered.push(told),
      write: (text) => answered.push(JSON.parse(text)),
      end: () => undefined,
      cut: () => undefined,
      onClose: () => undefined,
    });
    expect(answered).toEqual([status, json]);
  });
});

describe('a watch', () => {
  it('that begins with the objects there are tells them and where they end, then changes, as a real one', async () => {
    const lines = readFileSync(join(protocol, 'watchlist-namespaces.ndjson'), 'utf8').trim().split('\n');
    const real = lines.map((line) => JSON.parse(line) as { type: string; object: ApiObject });
    const end = real.findIndex(({ type }) => type === 'BOOKMARK');
    const api = standIn();
    for (const { object } of real.slice(0, end)) api.record('namespaces', 'ADDED', object);
    const path =
      '/api/v1/namespaces?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
    const told = await eventsOf(api, path, end + 1);
    expect(told.slice(0, end)).toEqual(real.slice(0, end));
    expect(withoutVersion(told[end])).toEqual(withoutVersion(real[end]));
  });

  it('from a version that is forgotten is answered with 200 and one error, as by a real server', async () => {
    const api = standIn();
    for (let change = 0; change < 300; change++) api.apply('namespaces', { metadata: { name: 'shop' } });
    api.forget();
    const answer = await ask(api, '/api/v1/namespaces?watch=1&resourceVersion=207');
    const real = recorded('watch-410.http');
    const atVersion = JSON.parse(JSON.stringify(real).replace('(319)', `(${api.version})`));
    expect(answer).toEqual(atVersion);
  });

  /** Bookmarks of the real server hold an empty object of the kind; only metadata counts. */
  function withoutVersion(event: unknown): unknown {
    const { type, object } = event as { type: string; object: ApiObject };
    return { type, kind: object.kind, apiVersion: object.apiVersion, annotations: object.metadata.annotations };
  }
});

describe('a review', () => {
  const path = '/apis/authentication.k8s.io/v1/tokenreviews';
  const review = (token: string, audience = 'plumbline') => ({ spec: { token, audiences: [audience] } });

  function withAgent(): ApiStandIn {
    const api = standIn();
    api.apply('pods', apiAgentPod('plumbline/plumbline-agent-abcde', 'node-a', 'uid-1'));
    api.addToken(agentToken);
    return api;
  }

  it('of a good token says whose it is', async () => {
    const answer = await ask(withAgent(), path, review('agent'));
    expect([answer.status, shapeOf(answer.json)]).toEqual([
      201,
      shapeOf(recorded('tokenreview-good-pod-bound.http').json),
    ]);
  });

  it('of garbage, of another audience, and of a deleted pod says the words of a real server', async () => {
    const api = withAgent();
    const statusIn = ({ json }: Answer) => (json as { readonly status: unknown }).status;
    expect(statusIn(await ask(api, path, review('garbage')))).toEqual(statusIn(recorded('tokenreview-garbage.http')));
    api.addToken({ ...agentToken, token: 'other', audiences: ['other'] });
    const other = await ask(api, path, review('other'));
    expect(statusIn(other)).toEqual(statusIn(recorded('tokenreview-wrong-audience.http')));
    api.remove('pods', 'plumbline/plumbline-agent-abcde');
    const deleted = await ask(api, path, review('agent'));
    expect(statusIn(deleted)).toEqual(statusIn(recorded('tokenreview-pod-deleted.http')));
  });

  it('of access says what was granted', async () => {
    const api = standIn();
    api.grant({ user: 'prom', verb: 'get', path: '/metrics' });
    const access = (user: string) => ({
      spec: { nonResourceAttributes: { path: '/metrics', verb: 'get' }, user, groups: ['system:authenticated'] },
    });
    const reviews = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
    const allowed = await ask(api, reviews, access('prom'));
    const denied = await ask(api, reviews, access('nobody'));
    expect(shapeOf(allowed)).toEqual(shapeOf(recorded('sar-allowed.http')));
    expect(shapeOf(denied)).toEqual(shapeOf(recorded('sar-denied.http')));
    expect((denied.json as { readonly status: unknown }).status).toEqual({ allowed: false });
  });
});

describe('what is not there', () => {
  it('is 404, one object or a whole resource', async () => {
    const api = standIn();
    expect(await ask(api, '/api/v1/namespaces/shop/pods/web-0')).toMatchObject({
      status: 404,
      json: { reason: 'NotFound', message: 'pods "web-0" not found', details: { name: 'web-0', kind: 'pods' } },
    });
    expect((await ask(api, '/apis/example.com/v1/widgets')).status).toBe(404);
  });
});
