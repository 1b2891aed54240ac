/** Builders of reports for tests. */
import type { Finding } from '../aggregator/model/finding.ts';
import type { NodeStatus } from '../aggregator/model/node-status.ts';
import type { Audit } from '../cli/audit/report.ts';

/** A node of the report: `node('node-a')` is healthy and has ten frontends in sync. */
export function node(name: string, changes: Partial<NodeStatus> = {}): NodeStatus {
  const frontends = { total: 10, inSync: 10, drifted: 0, unknown: 0 };
  return { name, mode: 'iptables', state: 'healthy', frontends, ...changes };
}

/** A node of which nothing is known. */
export function unknownNode(name: string): NodeStatus {
  return node(name, {
    mode: 'unknown',
    state: 'unknown',
    frontends: { total: 0, inSync: 0, drifted: 0, unknown: 0 },
  });
}

/** A firing finding on node-b about shop/web: `finding('stale-endpoint', { severity: 'high' })`. */
export function finding(check: string, changes: Partial<Finding> = {}): Finding {
  return {
    fingerprint: `of-${check}`,
    check,
    layer: 'L3',
    severity: 'critical',
    state: 'firing',
    node: 'node-b',
    subject: { kind: 'Service', namespace: 'shop', name: 'web', port: '', protocol: 'tcp' },
    parent: null,
    summary: `${check} speaks of shop/web.`,
    evidence: [],
    remediation: [],
    ...changes,
  };
}

/** An audit of these nodes with these findings, everything told unless said. */
export function audit(
  nodes: readonly NodeStatus[],
  findings: readonly Finding[] = [],
  untold: Readonly<Record<string, string>> = {},
): Audit {
  return {
    report: { apiVersion: 'plumbline.dev/v1', kind: 'AuditReport', nodes, findings },
    untold: new Map(Object.entries(untold)),
  };
}
