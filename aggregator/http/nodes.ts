/** /api/v1/nodes: what is known of each node, and what is not. */
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import Type from 'typebox';
import { badCursor, problem, sendProblem } from './errors.ts';
import { namedPage } from './named-pages.ts';
import { nodeDetailJson, nodeJson } from './node-json.ts';
import type { HttpOptions } from './options.ts';
import { cursor, defaultLimit, limit, noParameters, someOf } from './query.ts';
import { document, list } from './schemas/list.ts';
import { agentStates, nodeDocumentSchema, nodeListSchema, nodeStates } from './schemas/node.ts';
import { refusals } from './schemas/problem.ts';

const tags = ['nodes'];
const querystring = Type.Object({
  state: someOf(nodeStates, 'The state of the node.'),
  agent: someOf(agentStates, 'What is heard of its agent.'),
  limit,
  cursor,
});

/** The routes of nodes. */
export const nodes: FastifyPluginCallbackTypebox<HttpOptions> = (app, { record }, done) => {
  app.get(
    '/api/v1/nodes',
    {
      schema: {
        tags,
        summary: 'The nodes by name, each with what is known of it',
        querystring,
        response: { 200: nodeListSchema, ...refusals },
      },
    },
    ({ query }, reply) => {
      const { state, agent } = query;
      const wanted = record
        .nodes()
        .filter((node) => (state?.includes(node.state) ?? true) && (agent?.includes(node.agent) ?? true));
      const page = namedPage(wanted, ({ name }) => name, { cursor: query.cursor, limit: query.limit ?? defaultLimit });
      if (page === null) sendProblem(reply, badCursor('/api/v1/nodes'));
      else reply.send(list('NodeList', page.items.map(nodeJson), wanted.length, page.next));
    },
  );

  app.get(
    '/api/v1/nodes/:name',
    {
      schema: {
        tags,
        summary: 'One node',
        params: Type.Object({ name: Type.String() }),
        querystring: noParameters,
        response: { 200: nodeDocumentSchema, ...refusals },
      },
    },
    ({ params: { name } }, reply) => {
      const node = record.node(name);
      if (node === null) sendProblem(reply, noSuchNode(name));
      else reply.send(document('Node', nodeDetailJson(node)));
    },
  );
  done();
};

function noSuchNode(name: string) {
  const shown = JSON.stringify(name);
  return problem(
    'no-such-node',
    `Neither the API server nor an agent knows a node ${shown}. GET /api/v1/nodes lists them.`,
  );
}
