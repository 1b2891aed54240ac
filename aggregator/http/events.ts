/** /api/v1/events: what happens, as it happens. https://html.spec.whatwg.org/multipage/server-sent-events.html */
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import Type from 'typebox';
import { problem, sendProblem } from './errors.ts';
import type { EventHub } from './event-hub.ts';
import { noParameters } from './query.ts';
import { refusals } from './schemas/problem.ts';

const description = `A stream of server-sent events: \`snapshot\` first (read the lists again: events before it are not
kept, and \`Last-Event-ID\` brings none back), then \`finding\` with a step of its life and the finding after it (null where it was
withdrawn before it fired), and
\`node\` with a node that changed. A comment every 15 seconds is a sign of life.`;

/** The route of events. */
export const events: FastifyPluginCallbackTypebox<{ readonly hub: EventHub }> = (app, { hub }, done) => {
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
    },
  );
  app.addHook('preClose', (closed) => {
    hub.close();
    closed();
  });
  done();
};
