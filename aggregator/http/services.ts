/** /api/v1/services: which nodes have which version of a Service. */
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import Type from 'typebox';
import type { ServiceDetail, ServiceRecord } from '../model/record.ts';
import { badCursor, problem, sendProblem } from './errors.ts';
import { namedPage } from './named-pages.ts';
import type { HttpOptions } from './options.ts';
import { cursor, defaultLimit, limit, noParameters, someText } from './query.ts';
import { document, list } from './schemas/list.ts';
import { refusals } from './schemas/problem.ts';
import { type ServiceJson, serviceDocumentSchema, serviceListSchema } from './schemas/service.ts';

const tags = ['services'];

/** The routes of Services. */
export const services: FastifyPluginCallbackTypebox<HttpOptions> = (app, { record }, done) => {
  app.get(
    '/api/v1/services',
    {
      schema: {
        tags,
        summary: 'The Services by namespace and name, each with how many nodes do what is asked for',
        querystring: Type.Object({ namespace: someText('The namespace.'), limit, cursor }),
        response: { 200: serviceListSchema, ...refusals },
      },
    },
    ({ query }, reply) => {
      const wanted = record.services().filter(({ namespace }) => query.namespace?.includes(namespace) ?? true);
      const page = namedPage(wanted, nameOf, { cursor: query.cursor, limit: query.limit ?? defaultLimit });
      if (page === null) sendProblem(reply, badCursor('/api/v1/services'));
      else reply.send(list('ServiceList', page.items.map(serviceJson), wanted.length, page.next));
    },
  );

  app.get(
    '/api/v1/services/:namespace/:name',
    {
      schema: {
        tags,
        summary: 'One Service, with the versions of it among the nodes',
        params: Type.Object({ namespace: Type.String(), name: Type.String() }),
        querystring: noParameters,
        response: { 200: serviceDocumentSchema, ...refusals },
      },
    },
    ({ params: { namespace, name } }, reply) => {
      const service = record.service(namespace, name);
      if (service === null) sendProblem(reply, noSuchService(namespace, name));
      else reply.send(document('Service', detailJson(service)));
    },
  );
  done();
};

/** Sorts by namespace, then name; a blank is in neither. */
function nameOf({ namespace, name }: ServiceRecord): string {
  return `${namespace} ${name}`;
}

function serviceJson(service: ServiceRecord): ServiceJson {
  const { namespace, name, type, clusterIPs, ports, changedAt, nodes, findings } = service;
  return { namespace, name, type, clusterIPs: [...clusterIPs], ports: [...ports], changedAt, nodes, findings };
}

function detailJson(service: ServiceDetail) {
  return {
    ...serviceJson(service),
    frontends: service.frontends.map(({ frontend, kind, versions }) => ({
      frontend,
      kind,
      versions: versions.map((version) => ({ ...version, nodes: [...version.nodes] })),
    })),
  };
}

function noSuchService(namespace: string, name: string) {
  const shown = JSON.stringify(`${namespace}/${name}`);
  return problem('no-such-service', `The API server knows no Service ${shown}. GET /api/v1/services lists them.`);
}
