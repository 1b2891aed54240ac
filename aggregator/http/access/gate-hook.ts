/** Puts the gate before every route. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { problem, sendProblem } from '../errors.ts';
import type { LoopPressure } from '../pressure.ts';
import type { Gate, Knock } from './gate.ts';
import { healthPaths } from './open-paths.ts';
import { pathOf } from './plain-path.ts';
import type { Refusal } from './refusal.ts';
import { readCookie } from './session-cookie.ts';

/** Answered under any load: who watches over the program must see why it is slow. */
const everAnswered: ReadonlySet<string> = new Set([...healthPaths, '/metrics']);

/** What was refused for its form (refusals.ts) does not get here. */
export function addGate(app: FastifyInstance, gate: Gate, pressure: LoopPressure): void {
  app.decorateRequest('visit', null);
  app.decorateRequest('recognised', null);
  app.addHook('onRequest', async (request, reply) => {
    const knock = knockOf(request);
    if (pressure.isBehind && !everAnswered.has(knock.route)) return refuse(reply, overloaded());
    const admission = await gate.admit(knock);
    request.recognised = admission.recognised;
    if (!admission.ok) return refuse(reply, admission.refusal);
    request.visit = admission.visit;
  });
}

/** Answers with a refusal, and reads nothing more on this connection: a body may stand behind it. */
export function refuse(reply: FastifyReply, refusal: Refusal): FastifyReply {
  void reply.headers(refusal.headers);
  if (reply.request.method === 'POST') void reply.header('connection', 'close');
  return sendProblem(reply, refusal.problem);
}

/** Whether a request came over TLS. */
export function isTls(request: FastifyRequest): boolean {
  return request.protocol === 'https';
}

function knockOf(request: FastifyRequest): Knock {
  const { headers, method, raw, routeOptions, ip } = request;
  return {
    route: routeOptions.url ?? '',
    path: pathOf(raw.url ?? ''),
    verb: method === 'HEAD' ? 'get' : method.toLowerCase(),
    source: ip,
    host: headers.host ?? '',
    authorization: headers.authorization ?? null,
    sessionId: readCookie(headers.cookie, isTls(request)),
  };
}

function overloaded(): Refusal {
  const detail = 'The aggregator is behind with its work, which goes before answers. Come again.';
  return { problem: problem('overloaded', detail), headers: { 'retry-after': '5' } };
}
