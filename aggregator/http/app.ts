/** The HTTP API and /metrics, apart from listening. */
import Fastify, { type FastifyInstance } from 'fastify';
import { addAuditLog, AuditLog } from './access/audit-log.ts';
import { Gate } from './access/gate.ts';
import { addGate } from './access/gate-hook.ts';
import { logIn } from './access/log-in.ts';
import { LongVisits } from './access/long-visits.ts';
import { whoami } from './access/whoami.ts';
import { checkTexts } from './checks.ts';
import { diagnosis } from './diagnose.ts';
import { Refused } from './errors.ts';
import { EventHub } from './event-hub.ts';
import { events } from './events.ts';
import { findings } from './findings.ts';
import { health } from './health.ts';
import { limits } from './limits.ts';
import { metrics } from './metrics.ts';
import { nodes } from './nodes.ts';
import { matrix } from './matrix.ts';
import { addOpenApi } from './openapi.ts';
import { overview } from './overview.ts';
import type { HttpOptions } from './options.ts';
import { page } from './page.ts';
import { policy } from './policy.ts';
import { LoopPressure } from './pressure.ts';
import { type QuerySchema, readQuery } from './query.ts';
import { addRefusals, refuseBytes, refuseUrl } from './refusals.ts';
import { services } from './services.ts';
import { snapshot } from './snapshot.ts';

const defaultHeartbeatMs = 15_000;

/** All routes over one record. Nothing listens yet: see server.ts, or `inject` in tests. */
export function buildApp(options: HttpOptions): FastifyInstance {
  const app = Fastify({
    routerOptions: { maxParamLength: limits.parameterBytes },
    requestTimeout: limits.requestMs,
    connectionTimeout: limits.idleMs,
    bodyLimit: limits.bodyBytes,
    keepAliveTimeout: limits.keepAliveMs,
    return503OnClosing: false,
    http: { maxHeaderSize: limits.headerBytes, connectionsCheckingInterval: limits.checkMs },
    frameworkErrors: refuseUrl,
    clientErrorHandler: refuseBytes,
  });
  app.server.maxConnections = limits.connections;
  addSecurityHeaders(app);
  addRefusals(app, options.log);
  const { gate, figures } = addAccess(app, options);
  app.setValidatorCompiler<QuerySchema>(({ schema, httpPart }) => (value) => {
    if (httpPart !== 'querystring') return { value };
    const read = readQuery(schema, value);
    return 'problem' in read ? { error: new Refused(read.problem) } : read;
  });
  const hub = new EventHub(options.record, options.heartbeatMs ?? defaultHeartbeatMs);
  addOpenApi(app, options.version);
  void app.register(page);
  void app.register(logIn, { gate, now: options.now });
  void app.register(whoami);
  void app.register(overview, options);
  void app.register(findings, options);
  void app.register(nodes, options);
  void app.register(services, options);
  void app.register(diagnosis, options);
  void app.register(matrix, options);
  void app.register(policy, options);
  void app.register(checkTexts, options);
  void app.register(snapshot, options);
  void app.register(events, { hub, visits: new LongVisits(gate, options.now) });
  void app.register(health, options);
  void app.register(metrics, { ...options, hub, figures: [...options.figures, figures] });
  return app;
}

/** The gate before all routes, and the log of who passed it. */
function addAccess(app: FastifyInstance, { access, now, monotonic, log }: HttpOptions) {
  const gate = new Gate({ access, now, monotonic });
  const pressure = new LoopPressure(performance.now());
  const audit = new AuditLog(log, monotonic);
  app.removeContentTypeParser('text/plain');
  addGate(app, gate, pressure);
  addAuditLog(app, audit);
  app.addHook('onReady', (ready) => {
    pressure.start();
    ready();
  });
  app.addHook('onClose', (_app, closed) => {
    pressure.stop();
    closed();
  });
  return { gate, figures: () => [...gate.figures(), ...audit.figures()] };
}

/** Nothing here is a page, and nothing may be kept: yesterday's findings in a cache are worse than none. */
function addSecurityHeaders(app: FastifyInstance): void {
  app.addHook('onRequest', (_request, reply, next) => {
    void reply.headers({
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    });
    next();
  });
}
