/** /api/v1/checks: what is looked at, and what each check knows about its fault. */
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import Type from 'typebox';
import type { Check } from '../model/check.ts';
import { problem, sendProblem } from './errors.ts';
import type { HttpOptions } from './options.ts';
import { noParameters } from './query.ts';
import { type CheckJson, checkDocumentSchema, checkListSchema } from './schemas/check.ts';
import { document, list } from './schemas/list.ts';
import { refusals } from './schemas/problem.ts';

const tags = ['checks'];

/** The routes of checks. */
export const checkTexts: FastifyPluginCallbackTypebox<HttpOptions> = (app, { checks }, done) => {
  app.get(
    '/api/v1/checks',
    {
      schema: {
        tags,
        summary: 'All checks, causes before their effects',
        querystring: noParameters,
        response: { 200: checkListSchema, ...refusals },
      },
    },
    () => list('CheckList', checks.map(checkJson), checks.length, null),
  );

  app.get(
    '/api/v1/checks/:id',
    {
      schema: {
        tags,
        summary: 'One check',
        params: Type.Object({ id: Type.String() }),
        querystring: noParameters,
        response: { 200: checkDocumentSchema, ...refusals },
      },
    },
    ({ params: { id } }, reply) => {
      const check = checks.find((known) => known.id === id);
      if (check === undefined) sendProblem(reply, noSuchCheck(id));
      else reply.send(document('Check', checkJson(check)));
    },
  );
  done();
};

function noSuchCheck(id: string) {
  return problem('no-such-check', `No check has the id ${JSON.stringify(id)}. GET /api/v1/checks lists them.`);
}

function checkJson(check: Check): CheckJson {
  const { id, scope, layer, severity, title, explanation, falsePositives, remediation } = check;
  const { needs, holdForSeconds, clearForSeconds } = check;
  return {
    ...{ id, scope, layer, severity, title, explanation, falsePositives, remediation },
    ...{ needs: [...needs], holdForSeconds, clearForSeconds },
  };
}
