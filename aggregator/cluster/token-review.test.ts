import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ManualTiming } from '../../test/manual-timing.ts';
import { recordingFolder } from '../../test/recordings.ts';
import { ApiClient } from './api-client.ts';
import type { ApiRequest, ApiTransport } from './api-transport.ts';
import { reviewToken } from './token-review.ts';

const protocol = recordingFolder('api-protocol');

/** A server with one answer, as it was recorded or is given. */
function answering(status: number, body: string) {
  const requests: Pick<ApiRequest, 'method' | 'path' | 'body'>[] = [];
  const transport: ApiTransport = {
    server: 'https://192.0.2.10:6443',
    close: async () => undefined,
    send: async ({ method, path, body: asked }) => {
      requests.push({ method, path, body: asked });
      const pieces = (async function* () {
        yield Buffer.from(body);
      })();
      return { ok: true, response: { status, header: () => null, body: pieces } };
    },
  };
  return {
    requests,
    review: () => reviewToken(new ApiClient(transport, new ManualTiming()), 'the-token', ['plumbline']),
  };
}

function recorded(file: string) {
  const [head = '', ...body] = readFileSync(join(protocol, file), 'utf8').split(/\r?\n\r?\n/);
  return answering(Number(/^HTTP\/\S+ (\d+)/.exec(head)?.[1]), body.join('\n\n'));
}

describe('the review of a token', () => {
  it('asks for the audience', async () => {
    const { requests, review } = recorded('tokenreview-garbage.http');
    await review();
    expect(requests.map(({ body, ...rest }) => [rest, JSON.parse(body ?? '')])).toEqual([
      [
        { method: 'POST', path: '/apis/authentication.k8s.io/v1/tokenreviews' },
        {
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenReview',
          spec: { token: 'the-token', audiences: ['plumbline'] },
        },
      ],
    ]);
  });

  it('of an agent says whose it is, of which pod, on which node', async () => {
    expect(await recorded('tokenreview-good-pod-bound.http').review()).toEqual({
      ok: true,
      status: {
        authenticated: true,
        username: 'system:serviceaccount:plumbline:plumbline-agent',
        uid: 'f6e086d1-2e81-497c-877c-eaef053048aa',
        groups: ['system:serviceaccounts', 'system:serviceaccounts:plumbline', 'system:authenticated'],
        extra: {
          'authentication.kubernetes.io/credential-id': ['JTI=696f3686-65f0-4ce9-85b8-d5e8b1f84e9f'],
          'authentication.kubernetes.io/node-name': ['node-a'],
          'authentication.kubernetes.io/node-uid': ['78483fa9-3797-4c3b-8d37-693300c70397'],
          'authentication.kubernetes.io/pod-name': ['plumbline-agent-abcde'],
          'authentication.kubernetes.io/pod-uid': ['2ca736c6-e37a-4acf-b36c-401314d87f47'],
        },
        audiences: ['plumbline'],
        error: null,
      },
    });
  });

  it.each([
    ['tokenreview-garbage.http', 'invalid bearer token'],
    [
      'tokenreview-wrong-audience.http',
      '[invalid bearer token, token audiences ["other"] is invalid for the target audiences ["plumbline"]]',
    ],
    ['tokenreview-pod-deleted.http', '[invalid bearer token, service account token has been invalidated]'],
  ])('of none of ours (%s) says why', async (file, error) => {
    expect(await recorded(file).review()).toEqual({
      ok: true,
      status: { authenticated: false, username: '', groups: [], extra: {}, audiences: [], error },
    });
  });

  it.each([
    [
      500,
      '{"kind":"Status","reason":"InternalError","message":"etcd is slow"}',
      'POST https://192.0.2.10:6443/apis/authentication.k8s.io/v1/tokenreviews: 500 InternalError: etcd is slow',
    ],
    [
      201,
      '{"kind":"Pod","status":{}}',
      'POST https://192.0.2.10:6443/apis/authentication.k8s.io/v1/tokenreviews: expected a TokenReview, but the answer is a Pod',
    ],
    [
      201,
      '{"kind":"TokenReview","status":{"authenticated":"yes"}}',
      'POST https://192.0.2.10:6443/apis/authentication.k8s.io/v1/tokenreviews: expected a TokenReview, but TokenReview: status.authenticated is "yes", expected true or false',
    ],
  ])('that the API does not give (%i %s) is none', async (status, body, message) => {
    expect(await answering(status, body).review()).toEqual({ ok: false, message });
  });
});
