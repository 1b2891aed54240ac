/** /openapi.json: the API for programs, made out of the schemas that the routes really use. */
import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { namedSchemas } from './schemas/index.ts';

const description = `What every node's kernel does with Service packets, held against what the cluster asked for.
Times are RFC 3339, UTC. Everything is read-only.`;

/** Adds the document and its route. It speaks of the routes that are registered after this. */
export function addOpenApi(app: FastifyInstance, version: string): void {
  for (const schema of namedSchemas) app.addSchema(schema);
  void app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Plumbline', version, description },
      tags: [
        'overview',
        'findings',
        'nodes',
        'services',
        'diagnose',
        'matrix',
        'policy',
        'checks',
        'snapshot',
        'events',
        'access',
        'health',
      ].map((name) => ({
        name,
      })),
    },
    refResolver: {
      buildLocalReference: ({ $id }, _base, _fragment, index) => (typeof $id === 'string' ? $id : `schema-${index}`),
    },
  });
  void app.register((scope, _options, done) => {
    scope.get('/openapi.json', { schema: { hide: true } }, (_request, reply) => reply.send(app.swagger()));
    done();
  });
}
