import { describe, expect, it } from 'vitest';
import { auditRecord } from '../../test/audit-record.ts';
import { httpOptions } from '../../test/http-options.ts';
import { policy, world } from '../../test/policy-world.ts';
import { answerQuestion } from '../audit/policy/answer-question.ts';
import type { PolicyQuestion } from '../model/policy.ts';
import { buildApp } from './app.ts';

const objects = world([
  policy('shop/web', { podSelector: {}, ingress: [{ ports: [{ port: 80 }], from: [{ podSelector: {} }] }] }),
]);

const questions: PolicyQuestion[] = [];
let known = objects;
const app = buildApp(
  httpOptions({
    record: {
      ...auditRecord(),
      policy: (question) => {
        questions.push(question);
        return answerQuestion(known, question);
      },
    },
  }),
);

/** The answer, and the questions that the record was asked for it. */
async function get(url: string) {
  questions.length = 0;
  const reply = await app.inject(url);
  return { status: reply.statusCode, body: reply.json(), questions: [...questions] };
}

const paths = ['from=pod/shop/web&to=svc/shop/web:http', 'from=pod/shop/web&to=pod/shop/db&port=80&protocol=tcp'];

describe('what policies say of two ends', () => {
  it.each(paths)('is told whole: %s', async (query) => {
    const { status, body, questions: asked } = await get(`/api/v1/policy?${query}`);
    const [question] = asked;
    const answer = question === undefined ? null : answerQuestion(objects, question);
    expect(answer?.ok).toBe(true);
    expect([status, body]).toEqual([
      200,
      { apiVersion: 'plumbline.dev/v1', kind: 'PolicyReport', ...(answer?.ok ? answer.report : {}) },
    ]);
  });

  it('is asked with what was given', async () => {
    const asked: (readonly PolicyQuestion[])[] = [];
    for (const query of paths) asked.push((await get(`/api/v1/policy?${query}`)).questions);
    expect(asked).toEqual([
      [{ from: 'pod/shop/web', to: 'svc/shop/web:http', port: null, protocol: null }],
      [{ from: 'pod/shop/web', to: 'pod/shop/db', port: 80, protocol: 'tcp' }],
    ]);
  });

  it.each([
    ['to=pod/shop/db', 'bad-value', 'from'],
    ['from=pod/shop/web', 'bad-value', 'to'],
    ['from=pod/shop/web&to=pod/shop/db', 'bad-value', 'port'],
    ['from=pod/shop/web&to=pod/shop/db&port=0', 'bad-value', 'port'],
    ['from=pod/shop/web&to=pod/shop/db&port=1&protocol=icmp', 'bad-value', 'protocol'],
    ['from=pod/shop/web&from=pod/shop/db&to=pod/shop/db&port=1', 'bad-value', 'from'],
    ['from=pod/shop/web&to=pod/shop/db&port=1&form=x', 'unknown-parameter', undefined],
  ])('%s is refused: %s %s', async (query, code, parameter) => {
    const { status, body } = await get(`/api/v1/policy?${query}`);
    expect([status, body.code, body.parameter]).toEqual([400, code, parameter]);
  });

  it('is not told while policies are not known', async () => {
    known = world([], { networkPolicies: null });
    const { status, body } = await get(`/api/v1/policy?${paths[0]}`);
    expect([status, body.code, body.detail]).toEqual([
      503,
      'not-ready',
      "Nothing can be said of policies: the API's NetworkPolicies are not known.",
    ]);
  });
});
