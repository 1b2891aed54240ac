/** Refuses what no route answers, in the same form as the routes do. */
import type { Socket } from 'node:net';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Problem, problem, rawProblem, Refused, sendProblem } from './errors.ts';
import { limits } from './limits.ts';
import type { HttpLog } from './options.ts';

const reading = ['GET', 'HEAD'];

/** Puts the refusals of a whole server in place. Everything here is read: paths take GET and HEAD, and no body. */
export function addRefusals(app: FastifyInstance, log: HttpLog): void {
  const paths: string[] = [];
  app.addHook('onRoute', ({ url }) => {
    paths.push(url);
  });
  // Before any body is looked at: what is refused is not read.
  app.addHook('onRequest', (request, reply, next) => {
    const refusal = refusalOf(request, paths);
    if (refusal === null) return next();
    if (refusal.code === 'method-not-allowed') void reply.header('allow', reading.join(', '));
    // What stands behind the head of a refused request must not be taken for the next one.
    void reply.header('connection', 'close');
    sendProblem(reply, refusal);
  });
  app.setNotFoundHandler((request, reply) => sendProblem(reply, noSuchPath(request)));
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const refusal = errorProblem(error);
    if (refusal.code === 'internal') log.error({ err: error, path: pathOf(request) }, 'a request failed');
    return sendProblem(reply, refusal);
  });
}

/** For fastify's `frameworkErrors`: URLs that cannot be routed. */
export function refuseUrl(error: FastifyError, _request: FastifyRequest, reply: FastifyReply): void {
  sendProblem(reply, errorProblem(error));
}

/** For fastify's `clientErrorHandler`: bytes that are no request. */
export function refuseBytes(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  socket.end(rawRefusal(error.code));
}

function rawRefusal(code: string | undefined): string {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return rawProblem(
        problem('request-timeout', `A request must arrive within ${limits.requestMs / 1_000} s.`),
        'Request Timeout',
      );
    case 'HPE_HEADER_OVERFLOW':
      return rawProblem(
        problem('headers-too-large', `URL and headers may have ${limits.headerBytes} bytes.`),
        'Request Header Fields Too Large',
      );
    default:
      return rawProblem(problem('bad-request', 'What came is not HTTP/1.1.'), 'Bad Request');
  }
}

function refusalOf(request: FastifyRequest, paths: readonly string[]): Problem | null {
  const { url = '', headers } = request.raw;
  if (url.length > limits.urlBytes) {
    return problem('url-too-long', `A URL may have ${limits.urlBytes} bytes, this has ${url.length}.`);
  }
  if (request.is404) {
    const path = pathOf(request);
    const isKnown = paths.some((pattern) => fits(path, pattern));
    if (!isKnown) return noSuchPath(request);
    return problem('method-not-allowed', `${path} takes ${reading.join(' and ')}, not ${request.method}.`);
  }
  // `/api/v1/nodes/` would else be the node without a name.
  if (Object.values(Object(request.params)).includes('')) return noSuchPath(request);
  if (headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0') {
    return problem('body-refused', 'Send the request without a body.');
  }
  return null;
}

function noSuchPath(request: FastifyRequest): Problem {
  const path = JSON.stringify(pathOf(request).slice(0, limits.urlBytes));
  return problem('no-such-path', `There is nothing at ${path}. /openapi.json has the paths of the API.`);
}

function errorProblem(error: FastifyError): Problem {
  if (error instanceof Refused) return error.problem;
  switch (error.statusCode) {
    case 400:
      return problem('bad-request', 'The path is not encoded as a URL must be.');
    case 414:
      return problem('url-too-long', `A name in a path may have ${limits.parameterBytes} bytes.`);
    default:
      return problem('internal', 'The log of the aggregator says more. Please report it.');
  }
}

function pathOf(request: FastifyRequest): string {
  return (request.raw.url ?? '').split('?', 1)[0] ?? '';
}

/** Whether a path is one of a route: `/api/v1/nodes/node-a` of `/api/v1/nodes/:name`. */
function fits(path: string, pattern: string): boolean {
  const wanted = pattern.split('/');
  const given = path.split('/');
  return (
    wanted.length === given.length &&
    wanted.every((part, index) => (part.startsWith(':') ? given[index] !== '' : part === given[index]))
  );
}
