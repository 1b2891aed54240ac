/** /metrics: the figures of all parts, made at the moment they are asked for. */
import type { FastifyPluginCallback } from 'fastify';
import type { Figure } from '../model/record.ts';
import { auditFigures } from './audit-figures.ts';
import type { EventHub } from './event-hub.ts';
import { metricContentType, metricText } from './metric-text.ts';
import type { HttpOptions } from './options.ts';
import { ProcessFigures } from './process-figures.ts';

/** The route of metrics. */
export const metrics: FastifyPluginCallback<HttpOptions & { readonly hub: EventHub }> = (app, options, done) => {
  const { record, checks, figures, now, hub } = options;
  const ownProcess = new ProcessFigures(options.version, now);
  let droppedSeries = 0;

  app.get('/metrics', { schema: { hide: true } }, async (_request, reply) => {
    const audit = auditFigures(record, checks, now());
    const { text, dropped } = await metricText([
      ...audit.figures,
      ...ownProcess.figures(),
      ...hubFigures(hub),
      // What was left out of the texts before this one: this one is not written yet.
      counter('plumbline_series_dropped_total', 'Series that answers left out, each time counted.', droppedSeries),
      ...record.figures(),
      ...figures.flatMap((source) => source()),
    ]);
    droppedSeries += audit.dropped + dropped;
    return reply.type(metricContentType).send(text);
  });
  app.addHook('onClose', (_app, closed) => {
    ownProcess.close();
    closed();
  });
  done();
};

function hubFigures(hub: EventHub): readonly Figure[] {
  return [
    {
      name: 'plumbline_http_event_subscribers',
      help: 'Readers of /api/v1/events.',
      kind: 'gauge',
      value: hub.subscribers,
    },
    counter(
      'plumbline_http_events_dropped_total',
      'Events that readers missed because they read too slowly.',
      hub.dropped,
    ),
  ];
}

function counter(name: string, help: string, value: number): Figure {
  return { name, help, kind: 'counter', value };
}
