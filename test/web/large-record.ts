/** An aggregator's record of a large cluster: 5,000 nodes, 10,000 findings. */
import type { AuditRecord } from '../../aggregator/model/record.ts';
import type { TrackedFinding } from '../../aggregator/model/lifecycle.ts';
import { severities } from '../../aggregator/model/finding.ts';
import { auditRecord, minutesAgo, nodeRecord, serviceDetail, tracked } from '../audit-record.ts';

const nodeCount = 5_000;
const findingCount = 10_000;
const serviceCount = 1_000;
const checks = ['stale-endpoint', 'missing-endpoint', 'missing-service', 'proxy-stalled'];

/** Every tenth node is unhealthy, every fiftieth unknown; each finding is its own group. */
export function largeRecord(): AuditRecord {
  const nodes = Array.from({ length: nodeCount }, (_, at) =>
    nodeRecord(nodeName(at), { state: at % 50 === 0 ? 'unknown' : at % 10 === 1 ? 'unhealthy' : 'healthy' }),
  );
  const findings = Array.from({ length: findingCount }, (_, at) => findingAt(at));
  const services = Array.from({ length: serviceCount }, (_, at) => serviceDetail(`shop/web-${at}`));
  return auditRecord({ nodes, findings, services });
}

function nodeName(at: number): string {
  return `node-${String(at).padStart(4, '0')}`;
}

function findingAt(at: number): TrackedFinding {
  const check = checks[at % checks.length] ?? '';
  const name = `web-${at % serviceCount}`;
  return tracked(check, {
    fingerprint: at.toString(16).padStart(16, '0'),
    severity: severities[at % severities.length] ?? 'low',
    node: nodeName(((at % 500) * 10 + 1) % nodeCount),
    subject: { kind: 'Service', namespace: 'shop', name, port: '', protocol: 'tcp' },
    summary: `Packets to shop/${name} go to a pod that is gone.`,
    since: minutesAgo(at % 600),
    group: `group-${at}`,
  });
}
