/** Everything that a request can be refused with: RFC 9457, with a code that stays. docs/http.md explains each. */
import type { FastifyReply } from 'fastify';

/** The status of each code, and its title: the same text at every occurrence. */
export const problems = {
  'unknown-parameter': { status: 400, title: 'The query has a parameter that is not known here' },
  'bad-value': { status: 400, title: 'A parameter has a value that it cannot have' },
  'bad-cursor': { status: 400, title: 'The cursor was not made by this list' },
  'bad-request': { status: 400, title: 'The request cannot be read' },
  'body-refused': { status: 400, title: 'This path takes no body' },
  'bad-body': { status: 400, title: 'The body is not what this path takes' },
  unauthenticated: { status: 401, title: 'Nobody is known to ask' },
  forbidden: { status: 403, title: 'The person may not do this' },
  'cross-site': { status: 403, title: 'The request may come from another site' },
  'no-such-path': { status: 404, title: 'There is nothing at this path' },
  'no-such-finding': { status: 404, title: 'There is no such finding' },
  'no-such-node': { status: 404, title: 'There is no such node' },
  'no-such-service': { status: 404, title: 'There is no such Service' },
  'no-such-check': { status: 404, title: 'There is no such check' },
  'method-not-allowed': { status: 405, title: 'This path does not take this method' },
  'request-timeout': { status: 408, title: 'The request did not arrive in time' },
  'body-too-large': { status: 413, title: 'The body is too large' },
  'url-too-long': { status: 414, title: 'The URL is too long' },
  'wrong-host': { status: 421, title: 'The request is for another host' },
  'too-many-requests': { status: 429, title: 'Too many requests' },
  'headers-too-large': { status: 431, title: 'The headers are too large' },
  internal: { status: 500, title: 'A defect of Plumbline' },
  'not-ready': { status: 503, title: 'The aggregator cannot do its work yet' },
  'too-many-subscribers': { status: 503, title: 'Too many subscribers of events' },
  'snapshot-running': { status: 503, title: 'A snapshot is being made already' },
  'too-many-sessions': { status: 503, title: 'Too many sessions are open' },
  'review-unavailable': { status: 503, title: 'The API server cannot be asked who may' },
  overloaded: { status: 503, title: 'The aggregator is behind with its work' },
} as const satisfies Record<string, { readonly status: number; readonly title: string }>;

export type ProblemCode = keyof typeof problems;

/** One refusal, as it is sent. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ProblemCode;
  /** What was wrong with this very request, and what would be right. */
  readonly detail: string;
  /** The query parameter at fault. */
  readonly parameter?: string;
  /** What would have been taken, where that can be listed. */
  readonly allowed?: readonly string[];
}

/** A refusal with this code. */
export function problem(
  code: ProblemCode,
  detail: string,
  more: { readonly parameter?: string; readonly allowed?: readonly string[] } = {},
): Problem {
  const { status, title } = problems[code];
  return { type: `tag:plumbline.dev,2026:problem:${code}`, title, status, code, detail, ...more };
}

/** The refusal of a cursor that another list made, or nobody. */
export function badCursor(path: string): Problem {
  return problem('bad-cursor', `Give \`next\` of an answer of ${path} as it came, or no cursor for the first page.`, {
    parameter: 'cursor',
  });
}

/** What carries a refusal through fastify, which passes on nothing but errors. */
export class Refused extends Error {
  readonly problem: Problem;

  constructor(refusal: Problem) {
    super(refusal.detail);
    this.problem = refusal;
  }
}

const problemType = 'application/problem+json';

/** Answers with a refusal. */
export function sendProblem(reply: FastifyReply, refusal: Problem): FastifyReply {
  // A string passes by the route's response schema, which knows the answer's form and not this one.
  return reply.code(refusal.status).type(problemType).serializer(String).send(JSON.stringify(refusal));
}

/** A whole HTTP/1.1 answer, for requests that could not be read and so have no reply. */
export function rawProblem(refusal: Problem, reason: string): string {
  const body = JSON.stringify(refusal);
  const length = Buffer.byteLength(body);
  const head = `HTTP/1.1 ${refusal.status} ${reason}\r\nContent-Type: ${problemType}\r\nContent-Length: ${length}`;
  return `${head}\r\nConnection: close\r\n\r\n${body}`;
}
