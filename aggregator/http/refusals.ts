/** Refuses what no route answers, in the same form as the routes do. */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Problem, problem, rawProblem, Refused, sendProblem } from './errors.ts';
import { isPlain, pathOf } from './access/plain-path.ts';
import { limits } from './limits.ts';
import type { HttpLog } from './options.ts';

/** The methods of each route. */
type Routes = ReadonlyMap<string, ReadonlySet<string>>;

/** Puts the refusals of a whole server in place. Only a log-in and log-out are sent: all else takes GET and HEAD, and no body. */
export function addRefusals(app: FastifyInstance, log: HttpLog): void {
  const routes = new Map<string, Set<string>>();
  app.addHook('onRoute', ({ url, method }) => {
    const known = routes.get(url) ?? new Set();
    for (const one of [method].flat()) known.add(one);
    routes.set(url, known);
  });
  // Before any body is looked at: what is refused is not read.
  app.addHook('onRequest', (request, reply, next) => {
    const refusal = refusalOf(request, routes);
    if (refusal === null) return next();
    if (refusal.allowed !== undefined) void reply.header('allow', refusal.allowed.join(', '));
    // What stands behind the head of a refused request must not be taken for the next one.
    void reply.header('connection', 'close');
    sendProblem(reply, refusal);
  });
  app.setNotFoundHandler((request, reply) => sendProblem(reply, noSuchPath(pathOf(request.raw.url ?? ''))));
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const refusal = errorProblem(error);
    if (refusal.code === 'internal') log.error({ err: error, path: pathOf(request.raw.url ?? '') }, 'a request failed');
    return sendProblem(reply, refusal);
  });
}

/** For fastify's `frameworkErrors`: URLs that cannot be routed. */
export function refuseUrl(error: FastifyError, _request: FastifyRequest, reply: FastifyReply): void {
  sendProblem(reply, errorProblem(error));
}

/** For fastify's `clientErrorHandler`: bytes that are no request. */
export function refuseBytes(
  error: Error & { readonly code?: string | undefined },
  socket: { readonly writable: boolean; end(text: string): unknown; destroy(): unknown },
): void {
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

function refusalOf(request: FastifyRequest, routes: Routes): Problem | null {
  const { url = '', headers } = request.raw;
  const path = pathOf(url);
  if (url.length > limits.urlBytes) {
    return problem('url-too-long', `A URL may have ${limits.urlBytes} bytes, this has ${url.length}.`);
  }
  if (!isPlain(path)) {
    const detail =
      'A path is written in one way here: with letters, digits and . _ ~ : @ / - alone, no empty part, no . or ..';
    return problem('bad-request', detail);
  }
  if (request.is404) {
    const methods = methodsOf(path, routes);
    if (methods.length === 0) return noSuchPath(path);
    const detail = `${path} takes ${methods.join(' and ')}, not ${request.method}.`;
    return problem('method-not-allowed', detail, { allowed: methods });
  }
  // `/api/v1/nodes/` would else be the node without a name.
  if (Object.values(Object(request.params)).includes('')) return noSuchPath(path);
  if (request.method === 'POST') return null;
  if (headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0') {
    return problem('body-refused', 'Send the request without a body.');
  }
  return null;
}

function noSuchPath(path: string): Problem {
  const shown = JSON.stringify(path.slice(0, limits.urlBytes));
  return problem('no-such-path', `There is nothing at ${shown}. /openapi.json has the paths of the API.`);
}

function errorProblem(error: FastifyError): Problem {
  if (error instanceof Refused) return error.problem;
  // What a route throws has no code, whatever the type says.
  if (/^FST_ERR_CTP_/.test(String(error.code))) return bodyProblem(error);
  switch (error.statusCode) {
    case 400:
      return problem('bad-request', 'The path is not encoded as a URL must be.');
    case 414:
      return problem('url-too-long', `A name in a path may have ${limits.parameterBytes} bytes.`);
    default:
      return problem('internal', 'The log of the aggregator says more. Please report it.');
  }
}

function bodyProblem({ statusCode }: FastifyError): Problem {
  if (statusCode === 413) return problem('body-too-large', `A body may have ${limits.bodyBytes} bytes.`);
  return problem('bad-body', 'Send one JSON object, and `content-type: application/json`.');
}

/** All methods of the routes that a path fits. */
function methodsOf(path: string, routes: Routes): readonly string[] {
  const fitting = [...routes].filter(([pattern]) => fits(path, pattern));
  return [...new Set(fitting.flatMap(([, methods]) => [...methods]))].sort();
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
