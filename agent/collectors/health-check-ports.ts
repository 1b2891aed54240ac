/**
 * What kube-proxy tells load balancers on health check node ports (spec.healthCheckNodePort): how many endpoints of a
 * Service are ready on this node. The ports are those that kube-proxy's rules name; it listens on all addresses unless it
 * was told otherwise, so loopback answers too (kube-proxy, pkg/proxy/healthcheck).
 *
 *     HTTP/1.1 200 OK
 *     {"service": {"namespace": "edge", "name": "ingress"}, "localEndpoints": 1, "serviceProxyHealthy": true}
 */
import type { HealthCheckAnswer } from '../../proto/parts.ts';
import type { Clock } from '../clock.ts';
import type { GetResult, Host } from '../host.ts';
import { fieldOf } from './ip-list.ts';

/** A port is asked at most once in so long, and no more ports than these in that time. */
const everyMs = 60_000;
const mostAsked = 50;
const atOnce = 4;
const deadlineMs = 2000;
/** A reading does not wait longer for ports that are silent. */
const mostWaitMs = 6000;
/** The first of them: of the others nothing is told. */
const mostPorts = 200;
const mostLetters = 512;

interface Known {
  readonly atMs: number;
  /** Null: this host has nobody to ask. */
  readonly answer: HealthCheckAnswer | null;
}

/** Asks one node's ports again and again, each at its time. */
export class HealthCheckReader {
  readonly #host: Host;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #known = new Map<number, Known>();

  constructor(host: Host, clock: Pick<Clock, 'monotonicMs'>) {
    this.#host = host;
    this.#clock = clock;
  }

  /** @returns the last answer of each of these ports, by port; a port that was not asked yet has none. */
  async read(ports: readonly number[]): Promise<readonly HealthCheckAnswer[]> {
    const wanted = [...new Set(ports)].sort((a, b) => a - b).slice(0, mostPorts);
    for (const port of this.#known.keys()) if (!wanted.includes(port)) this.#known.delete(port);
    const startMs = this.#clock.monotonicMs();
    const due = this.#due(wanted, startMs);
    for (let next = 0; next < due.length; next += atOnce) {
      if (this.#clock.monotonicMs() - startMs > mostWaitMs) break;
      await Promise.all(due.slice(next, next + atOnce).map((port) => this.#ask(port)));
    }
    return wanted.flatMap((port) => this.#known.get(port)?.answer ?? []);
  }

  /** Those that were asked longest ago first. */
  #due(ports: readonly number[], nowMs: number): readonly number[] {
    const askedAt = (port: number) => this.#known.get(port)?.atMs ?? -Infinity;
    const asked = ports.filter((port) => nowMs - askedAt(port) < everyMs).length;
    return ports
      .filter((port) => nowMs - askedAt(port) >= everyMs)
      .sort((a, b) => askedAt(a) - askedAt(b) || a - b)
      .slice(0, Math.max(0, mostAsked - asked));
  }

  async #ask(port: number): Promise<void> {
    const result = await this.#host.get(`http://127.0.0.1:${port}/`, deadlineMs);
    const isNobody = !result.ok && result.kind === 'absent';
    this.#known.set(port, { atMs: this.#clock.monotonicMs(), answer: isNobody ? null : answerOf(port, result) });
  }
}

/** What one port answered; whatever it is, it is told as far as it is of kube-proxy's form. */
function answerOf(port: number, result: GetResult): HealthCheckAnswer {
  const silent = { port, status: null, service: null, localEndpoints: null, proxyHealthy: null };
  if (!result.ok) return { ...silent, problem: result.message };
  const { status, body } = result;
  const content = parsed(body);
  const service = fieldOf(content, 'service');
  const [namespace, name] = [fieldOf(service, 'namespace'), fieldOf(service, 'name')];
  const count = fieldOf(content, 'localEndpoints');
  const healthy = fieldOf(content, 'serviceProxyHealthy');
  const isCount = typeof count === 'number' && Number.isInteger(count) && count >= 0;
  if (typeof namespace !== 'string' || typeof name !== 'string' || !isCount) {
    const problem = `GET http://127.0.0.1:${port}/: status ${status}, and not the answer of kube-proxy`;
    return { ...silent, status, problem };
  }
  return {
    port,
    status,
    service: `${namespace}/${name}`.slice(0, mostLetters),
    localEndpoints: count,
    proxyHealthy: typeof healthy === 'boolean' ? healthy : null,
    problem: null,
  };
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}
