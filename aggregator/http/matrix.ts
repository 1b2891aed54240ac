/** /api/v1/matrix: who reaches whom, by what policies and endpoints say, beside what probes saw. */
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply } from 'fastify';
import Type from 'typebox';
import { rankOf } from '../audit/matrix/kept-pairs.ts';
import type { MatrixPair } from '../model/matrix.ts';
import { badCursor, problem, sendProblem } from './errors.ts';
import { sortedPage } from './named-pages.ts';
import type { HttpOptions } from './options.ts';
import { document } from './schemas/list.ts';
import { matrixDocumentSchema, matrixGridSchema } from './schemas/matrix.ts';
import { refusals } from './schemas/problem.ts';

const namespace = Type.Optional(
  Type.String({ minLength: 1, maxLength: 63, description: 'Only pairs that begin or end there.' }),
);
const end = (description: string) => Type.Optional(Type.String({ minLength: 1, maxLength: 600, description }));

const querystring = Type.Object({
  namespace,
  from: end('Only pairs that begin there: `deployment/shop/web`, `pod/shop/debug`, `node/node-a`.'),
  to: end('Only pairs that end there: the same, `svc/shop/web`.'),
  show: Type.Optional(
    Type.Enum(['all', 'denied', 'differing'], {
      description: '`denied`: what is not allowed, and what differs. `differing`: where a probe differs. Default all.',
    }),
  ),
  limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }),
  cursor: Type.Optional(Type.String({ maxLength: 4096, description: 'The `next` of the page before.' })),
});

/** The routes of the matrix. */
export const matrix: FastifyPluginCallbackTypebox<HttpOptions> = (app, { record }, done) => {
  app.get(
    '/api/v1/matrix',
    {
      schema: {
        tags: ['matrix'],
        summary: 'Who reaches whom: one item for each pair and answer, those that differ or are denied first',
        querystring,
        response: { 200: matrixDocumentSchema, ...refusals },
      },
    },
    async ({ query: { namespace: within, from, to, show, limit, cursor } }, reply) => {
      const question = { namespace: within ?? null, from: from ?? null, to: to ?? null, show: show ?? 'all' };
      const answer = await record.matrix(question);
      if (answer === 'busy') return sendBusy(reply);
      const { pairs, total, notJudged, unknownBecause } = answer;
      const page = sortedPage(pairs, keyOf, { limit, cursor });
      if (page === null) {
        sendProblem(reply, badCursor('/api/v1/matrix'));
        return reply;
      }
      const items = page.items.map(pairJson);
      const rest = { total, next: page.next, notJudged: [...notJudged], unknownBecause: [...unknownBecause] };
      return reply.send(document('MatrixPairList', { items, ...rest }));
    },
  );
  app.get(
    '/api/v1/matrix/grid',
    {
      schema: {
        tags: ['matrix'],
        summary: 'The same as a grid of letters, at most 500 workloads and 500 targets',
        querystring: Type.Object({ namespace }),
        response: { 200: matrixGridSchema, ...refusals },
      },
    },
    async ({ query: { namespace: within } }, reply) => {
      const answer = await record.matrixGrid(within ?? null);
      if (answer === 'busy') return sendBusy(reply);
      const { rows, columns, cells, hidden, notJudged, unknownBecause } = answer;
      const lists = { rows: [...rows], columns: [...columns], cells: [...cells] };
      const doubts = { notJudged: [...notJudged], unknownBecause: [...unknownBecause] };
      return reply.send(document('MatrixGrid', { ...lists, hidden, ...doubts }));
    },
  );
  done();
};

function sendBusy(reply: FastifyReply): FastifyReply {
  const detail = 'Too many other questions about the matrix are being worked out. Ask again in some seconds.';
  return sendProblem(reply.header('retry-after', '5'), problem('overloaded', detail));
}

/** In the order that a matrix has. */
function keyOf(pair: MatrixPair): string {
  const { from, to, protocol, ports } = pair;
  return `${rankOf(pair)} ${from} ${to} ${protocol} ${ports.map((port) => String(port).padStart(5, '0')).join()}`;
}

function pairJson(pair: MatrixPair) {
  const { observed } = pair;
  return {
    ...pair,
    ports: [...pair.ports],
    decidedBy: [...pair.decidedBy],
    observed: observed === null ? null : { ...observed, nodes: [...observed.nodes] },
  };
}
