/** /api/v1/overview and /api/v1/heatmap: whether the network is what the cluster asked for, in one look. */
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import { layers, severities } from '../model/finding.ts';
import type { TrackedFinding } from '../model/lifecycle.ts';
import type { AuditRecord, NodeRecord } from '../model/record.ts';
import { findingJson, groupSizes } from './finding-json.ts';
import { inOrder } from './finding-order.ts';
import { heatmapNodes } from './heatmap.ts';
import type { HttpOptions } from './options.ts';
import { overviewSentence } from './overview-sentence.ts';
import { noParameters } from './query.ts';
import { document } from './schemas/list.ts';
import { heatmapSchema, overviewSchema } from './schemas/overview.ts';
import { refusals } from './schemas/problem.ts';

const tags = ['overview'];
const mostWorst = 3;
const minuteMs = 60_000;

/** The routes of the whole cluster. */
export const overview: FastifyPluginCallbackTypebox<HttpOptions> = (app, { record, checks, now }, done) => {
  app.get(
    '/api/v1/overview',
    {
      schema: {
        tags,
        summary: 'Whether the network is what the cluster asked for',
        querystring: noParameters,
        response: { 200: overviewSchema, ...refusals },
      },
    },
    (_request, reply) => {
      reply.send(document('Overview', overviewOf(record, now())));
    },
  );
  app.get(
    '/api/v1/heatmap',
    {
      schema: {
        tags,
        summary: 'Every node by layer, worst first',
        querystring: noParameters,
        response: { 200: heatmapSchema, ...refusals },
      },
    },
    (_request, reply) => {
      const nodes = heatmapNodes(record.nodes(), record.findings(), checks);
      reply.send(document('Heatmap', { layers: [...layers], nodes }));
    },
  );
  done();
};

function overviewOf(record: AuditRecord, now: number) {
  const nodes = record.nodes();
  const findings = record.findings();
  const services = record.services();
  const { ready, because } = record.readiness();
  return {
    at: new Date(now).toISOString(),
    ready,
    because: [...because],
    sentence: overviewSentence({ nodes, findings, services: services.length, now }),
    nodes: nodeCounts(nodes, now),
    services: {
      total: services.length,
      withFindings: services.filter(({ findings: { firing, pending } }) => firing + pending > 0).length,
    },
    findings: findingCounts(findings),
    worst: worstOf(findings),
  };
}

function nodeCounts(nodes: readonly NodeRecord[], now: number) {
  const inState = (wanted: NodeRecord['state']) => nodes.filter(({ state }) => state === wanted).length;
  const isFresh = ({ lastReadingAt }: NodeRecord) => now - Date.parse(lastReadingAt ?? '') < minuteMs;
  return {
    healthy: inState('healthy'),
    unhealthy: inState('unhealthy'),
    unknown: inState('unknown'),
    total: nodes.length,
    reportedWithinMinute: nodes.filter(isFresh).length,
  };
}

function findingCounts(findings: readonly TrackedFinding[]) {
  const counts = { critical: 0, high: 0, medium: 0, low: 0, pending: 0, unknown: 0, suppressed: 0 };
  for (const { state, severity, parent } of findings) {
    if (parent !== null || state === 'resolved' || state === 'gone') continue;
    counts[state === 'firing' ? severity : state]++;
  }
  return counts;
}

/** One of each group: the same trouble on many nodes is one. The longest known first among equals. */
function worstOf(findings: readonly TrackedFinding[]) {
  const causes = findings.filter(({ state, parent }) => state === 'firing' && parent === null);
  const urgent = inOrder(causes)
    .map(({ finding }) => finding)
    .sort((one, other) => severities.indexOf(one.severity) - severities.indexOf(other.severity) || compare(one, other));
  const ofGroups = [...new Map(urgent.toReversed().map((finding) => [finding.group, finding])).values()].toReversed();
  const sizes = groupSizes(findings);
  return ofGroups.slice(0, mostWorst).map((finding) => findingJson(finding, sizes));
}

function compare({ since: one }: TrackedFinding, { since: other }: TrackedFinding): number {
  return one < other ? -1 : Number(one > other);
}
