/** /api/v1/findings: what is wrong, and what was. */
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import Type from 'typebox';
import { placeOf } from './cursor.ts';
import { badCursor, problem, sendProblem } from './errors.ts';
import { findingDocument, findingJson, groupSizes, transitionJson } from './finding-json.ts';
import { findingQuerySchema } from './finding-filter.ts';
import { findingPage } from './finding-pages.ts';
import type { HttpOptions } from './options.ts';
import { defaultLimit, limit, noParameters } from './query.ts';
import { findingDocumentSchema, findingListSchema, transitionListSchema } from './schemas/finding.ts';
import { list } from './schemas/list.ts';
import { refusals } from './schemas/problem.ts';

const params = Type.Object({ fingerprint: Type.String() });
const tags = ['findings'];

/** The routes of findings. */
export const findings: FastifyPluginCallbackTypebox<HttpOptions> = (app, { record, journal, checks }, done) => {
  const newest = (fingerprint: string) =>
    record.findings().find((finding) => finding.fingerprint === fingerprint) ?? journal.find(fingerprint);
  const noSuchFinding = (fingerprint: string) =>
    problem(
      'no-such-finding',
      `No finding, open or ended, has the fingerprint ${JSON.stringify(fingerprint)}. GET /api/v1/findings lists them.`,
    );

  app.get(
    '/api/v1/findings',
    {
      schema: {
        tags,
        summary: 'What is wrong, most urgent first; with a state that ends a finding, what was, newest first',
        querystring: findingQuerySchema(checks),
        response: { 200: findingListSchema, ...refusals },
      },
    },
    ({ query }, reply) => {
      const place = query.cursor === undefined ? null : placeOf(query.cursor);
      if (place?.in === 'names' || (query.cursor !== undefined && place === null)) {
        sendProblem(reply, badCursor('/api/v1/findings'));
        return;
      }
      const { items, total, next } = findingPage({ record, journal }, query, place, query.limit ?? defaultLimit);
      const sizes = groupSizes(record.findings());
      const shown = items.map((finding) => findingJson(finding, sizes));
      reply.send(list('FindingList', shown, total, next));
    },
  );

  app.get(
    '/api/v1/findings/:fingerprint',
    {
      schema: {
        tags,
        summary: 'One finding, its newest episode',
        params,
        querystring: noParameters,
        response: { 200: findingDocumentSchema, ...refusals },
      },
    },
    ({ params: { fingerprint } }, reply) => {
      const finding = newest(fingerprint);
      if (finding === null) sendProblem(reply, noSuchFinding(fingerprint));
      else reply.send(findingDocument(finding, groupSizes(record.findings())));
    },
  );

  app.get(
    '/api/v1/findings/:fingerprint/history',
    {
      schema: {
        tags,
        summary: 'The life of one finding over all its episodes, newest first',
        params,
        querystring: Type.Object({ limit }),
        response: { 200: transitionListSchema, ...refusals },
      },
    },
    ({ params: { fingerprint }, query }, reply) => {
      const most = query.limit ?? defaultLimit;
      // One more than is shown tells whether these are all.
      const steps = journal.history(fingerprint, most + 1);
      if (steps.length === 0 && newest(fingerprint) === null) {
        sendProblem(reply, noSuchFinding(fingerprint));
        return;
      }
      const shown = steps.slice(0, most).map(transitionJson);
      reply.send(list('TransitionList', shown, steps.length > most ? null : steps.length, null));
    },
  );
  done();
};
