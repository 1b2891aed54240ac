/** /api/v1/snapshot: all that is known now, as a .tar.gz that `plumbline audit` reads. */
import type { ServerResponse } from 'node:http';
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import Type from 'typebox';
import { archiveOf } from '../snapshot/archive.ts';
import { problem, sendProblem } from './errors.ts';
import type { HttpOptions } from './options.ts';
import { noParameters } from './query.ts';
import { refusals } from './schemas/problem.ts';

const mostMs = 600_000;
const retrySeconds = 30;
const description = `The API's objects, the findings, and each node's table and parts, as files of one moment. One is made at a time.
It takes a right of its own (the chart's ClusterRole \`plumbline-snapshot\`): it shows more than any other path.`;

const archiveSchema = Type.Unsafe<ReturnType<typeof archiveOf> | string>({ type: 'string' });

/** The route of snapshots. */
export const snapshot: FastifyPluginCallbackTypebox<Pick<HttpOptions, 'takeSnapshot' | 'log'>> = (
  app,
  { takeSnapshot, log },
  done,
) => {
  app.get(
    '/api/v1/snapshot',
    {
      schema: {
        tags: ['snapshot'],
        summary: 'All that is known now, to be audited elsewhere',
        description,
        querystring: noParameters,
        response: {
          200: { description: 'The archive.', content: { 'application/gzip': { schema: archiveSchema } } },
          ...refusals,
        },
      },
    },
    async (request, reply) => {
      void reply.type('application/gzip');
      if (request.method === 'HEAD') return reply.send('');
      const ending = untilEnd(reply.raw);
      const taken = await takeSnapshot(ending.signal);
      if (taken === null) {
        void reply.header('retry-after', String(retrySeconds));
        return sendProblem(reply, problem('snapshot-running', 'One is made already. Ask again when it is done.'));
      }
      const archive = archiveOf(taken);
      archive.on('error', (cause) => log.error({ error: cause.message }, 'a snapshot was not finished'));
      ending.signal.addEventListener('abort', () => archive.destroy());
      if (ending.signal.aborted) archive.destroy();
      void reply.header('content-disposition', `attachment; filename="${fileName(taken.takenAt)}"`);
      return reply.send(archive);
    },
  );
  done();
};

/** Aborted when the answer is over, whichever way, or takes too long. */
function untilEnd(response: ServerResponse): AbortController {
  const ending = new AbortController();
  const timer = setTimeout(() => ending.abort(), mostMs);
  const end = () => {
    clearTimeout(timer);
    ending.abort();
  };
  response.once('close', end);
  // Who left before this was looked at, closes it no more.
  if (response.destroyed || response.socket?.destroyed === true) end();
  return ending;
}

/** `plumbline-2026-11-22T120000Z.tar.gz`. */
function fileName(takenAt: number): string {
  const at = new Date(takenAt).toISOString().slice(0, 19).replaceAll(':', '');
  return `plumbline-${at}Z.tar.gz`;
}
