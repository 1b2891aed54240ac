/** /api/v1/events: what happens, as it happens. https://html.spec.whatwg.org/multipage/server-sent-events.html */
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import Type from 'typebox';
import { problem, sendProblem } from './errors.ts';
import type { LongVisits } from './access/long-visits.ts';
import { pathOf } from './access/plain-path.ts';
import type { EventHub } from './event-hub.ts';
import { noParameters } from './query.ts';
import { refusals } from './schemas/problem.ts';

const description = `A stream of server-sent events: \`snapshot\` first (read the lists again: events before it are not
kept, and \`Last-Event-ID\` brings none back), then \`finding\` with a step of its life and the finding after it (null where it was
withdrawn before it fired), and
\`node\` with a node that changed. A comment every 15 seconds is a sign of life.`;

export interface EventOptions {
  readonly hub: EventHub;
  /** Ends a stream with the token behind it. */
  readonly visits: LongVisits;
}

/** The route of events. */
export const events: FastifyPluginCallbackTypebox<EventOptions> = (app, { hub, visits }, done) => {
  app.get(
    '/api/v1/events',
    {
      schema: {
        tags: ['events'],
        summary: 'What happens, as it happens',
        description,
        querystring: noParameters,
        response: {
          200: { description: 'The stream.', content: { 'text/event-stream': { schema: Type.String() } } },
          ...refusals,
        },
      },
    },
    (request, reply) => {
      void reply.type('text/event-stream').header('x-accel-buffering', 'no');
      if (request.method === 'HEAD') {
        reply.send('');
        return;
      }
      if (hub.isFull) {
        void reply.header('retry-after', '30');
        const detail = `${hub.subscribers} read along already. Read the lists instead, or come again later.`;
        sendProblem(reply, problem('too-many-subscribers', detail));
        return;
      }
      reply.hijack();
      for (const [name, value] of Object.entries(reply.getHeaders())) {
        if (value !== undefined) reply.raw.setHeader(name, value);
      }
      reply.raw.writeHead(200);
      hub.add(reply.raw);
      const path = pathOf(request.raw.url ?? '');
      const over = visits.watch(request.visit ?? { how: 'open' }, path, () => reply.raw.end());
      reply.raw.on('close', over);
    },
  );
  app.addHook('preClose', (closed) => {
    hub.close();
    closed();
  });
  done();
};
