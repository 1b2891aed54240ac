/**
 * One line of the log for each look at evidence, each refusal of access, each log-in and log-out: who, from where, at
 * what. Never the token. What strangers do is cut at 50 lines a second, and how many were left out is told; people whom
 * the aggregator knows have a pace anyway, and no stranger's flood hides what they looked at.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Figure } from '../../model/record.ts';
import type { HttpLog } from '../options.ts';
import { loginPath, logoutPath } from './open-paths.ts';
import { pathOf } from './plain-path.ts';
import { personOf } from './visit.ts';

export interface AuditLine {
  readonly user: string | null;
  readonly verb: string;
  readonly path: string;
  readonly status: number;
  readonly source: string;
  /** The fingerprint, node or `namespace/name` that was looked at. */
  readonly subject?: string;
}

const mostLines = 50;
const windowMs = 1_000;

export class AuditLog {
  readonly #log: HttpLog;
  readonly #monotonic: () => number;
  #begunAt = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #untold = 0;
  #suppressed = 0;

  /** @param monotonic milliseconds. */
  constructor(log: HttpLog, monotonic: () => number) {
    this.#log = log;
    this.#monotonic = monotonic;
  }

  write(line: AuditLine, message: string): void {
    const now = this.#monotonic();
    if (now - this.#begunAt >= windowMs) this.#begin(now);
    if (line.user === null && this.#lines++ >= mostLines) {
      this.#suppressed++;
      this.#untold++;
      return;
    }
    this.#log.info({ audit: true, ...line }, message);
  }

  figures(): readonly Figure[] {
    return [
      {
        name: 'plumbline_http_audit_lines_suppressed_total',
        help: 'Lines of the audit log that were left out, because there were too many at once.',
        kind: 'counter',
        value: this.#suppressed,
      },
    ];
  }

  #begin(now: number): void {
    this.#begunAt = now;
    this.#lines = 0;
    if (this.#untold === 0) return;
    this.#log.warn({ audit: true, suppressed: this.#untold }, 'lines of the audit log were left out: too many at once');
    this.#untold = 0;
  }
}

/** Where evidence is: the routes, and which of their parameters name the subject. */
const evidence: ReadonlyMap<string, readonly string[]> = new Map([
  ['/api/v1/findings', []],
  ['/api/v1/findings/:fingerprint', ['fingerprint']],
  ['/api/v1/findings/:fingerprint/history', ['fingerprint']],
  ['/api/v1/nodes/:name', ['name']],
  ['/api/v1/services/:namespace/:name', ['namespace', 'name']],
  ['/api/v1/policy', []],
  ['/api/v1/snapshot', []],
]);

/** Writes before the first byte of an answer leaves: nobody sees evidence and hangs up unseen. */
export function addAuditLog(app: FastifyInstance, log: AuditLog): void {
  app.addHook('onSend', (request, reply, _payload, next) => {
    const message = whatHappened(request, reply.statusCode);
    if (message !== null) log.write(lineOf(request, reply.statusCode), message);
    next();
  });
}

function whatHappened(request: FastifyRequest, status: number): string | null {
  const route = request.routeOptions.url ?? '';
  // Nothing was looked at, and nothing refused that was not refused before.
  if (status === 429) return null;
  if (request.method === 'POST' && route === loginPath) return status < 300 ? 'log-in' : 'log-in refused';
  if (request.method === 'POST' && route === logoutPath) return 'log-out';
  if (status === 401 || status === 403) return 'access refused';
  return personOf(request.visit) !== null && evidence.has(route) ? 'evidence was looked at' : null;
}

function lineOf(request: FastifyRequest, status: number): AuditLine {
  const { recognised, method, params, routeOptions, ip, raw } = request;
  const named = Object(params);
  const subject = (evidence.get(routeOptions.url ?? '') ?? []).map((name) => String(named[name])).join('/');
  return {
    user: recognised?.username ?? null,
    verb: method === 'HEAD' ? 'get' : method.toLowerCase(),
    path: pathOf(raw.url ?? ''),
    status,
    source: ip,
    ...(subject === '' ? {} : { subject }),
  };
}
