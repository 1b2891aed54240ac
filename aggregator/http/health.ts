/** /livez and /readyz, for whoever starts and restarts the program; without authentication, so without details. */
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import Type from 'typebox';
import { problem, sendProblem } from './errors.ts';
import type { HttpOptions } from './options.ts';
import { refusals } from './schemas/problem.ts';

const okSchema = Type.Object({ status: Type.Literal('ok') });
const tags = ['health'];

/** The routes of health. */
export const health: FastifyPluginCallbackTypebox<Pick<HttpOptions, 'record'>> = (app, { record }, done) => {
  app.get('/livez', { schema: { tags, summary: 'Whether the event loop turns', response: { 200: okSchema } } }, () => ({
    status: 'ok' as const,
  }));
  app.get(
    '/readyz',
    {
      schema: {
        tags,
        summary: 'Whether the aggregator can do its work',
        response: { 200: okSchema, '5xx': refusals['4xx'] },
      },
    },
    (_request, reply) => {
      const { ready, because } = record.readiness();
      if (ready) {
        reply.send({ status: 'ok' });
        return;
      }
      void reply.header('retry-after', '5');
      sendProblem(reply, problem('not-ready', `Not ready: ${because.map(what).join(', ') || 'starting'}.`));
    },
  );
  done();
};

/** Of `journal: disk full at /var/lib/...` only what is not ready: causes may tell paths and addresses. */
function what(reason: string): string {
  return reason.split(':', 1)[0] ?? '';
}
