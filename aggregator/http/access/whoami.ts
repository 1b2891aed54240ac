/** /api/v1/whoami: who the asking person is, and until when. */
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import { noParameters } from '../query.ts';
import { document } from '../schemas/list.ts';
import { refusals } from '../schemas/problem.ts';
import { type WhoamiJson, whoamiSchema } from '../schemas/whoami.ts';
import { personOf, type Visit } from './visit.ts';

/** The route of whoami. */
export const whoami: FastifyPluginCallbackTypebox = (app, _options, done) => {
  app.get(
    '/api/v1/whoami',
    {
      schema: {
        tags: ['access'],
        summary: 'Who asks, how that is known, and until when',
        querystring: noParameters,
        response: { 200: whoamiSchema, ...refusals },
      },
    },
    ({ visit }) => whoamiOf(visit ?? { how: 'open' }),
  );
  done();
};

/** The document about a visit. */
export function whoamiOf(visit: Visit): WhoamiJson {
  const person = personOf(visit);
  const until = 'until' in visit ? visit.until : null;
  return document('Whoami', {
    mode: visit.how === 'unasked' ? ('none' as const) : ('kubernetes' as const),
    username: person?.username ?? null,
    how: visit.how === 'token' || visit.how === 'session' ? visit.how : null,
    until: until === null ? null : new Date(until).toISOString(),
  });
}
