/**
 * What an aggregator could not judge when its snapshot was taken stays unknown, for the reason that it had: nodes whose
 * agents were silent, and findings that nothing could be said of any more.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inOrder } from '../../aggregator/audit/evaluate.ts';
import type { Finding } from '../../aggregator/model/finding.ts';
import type { ToldNode } from '../../aggregator/snapshot/read-node.ts';
import { readFinding, readPage } from '../api/documents.ts';
import type { Audit } from './report.ts';

/** The audit with the nodes that were not judged, and the findings that were unknown. */
export function withUnjudged(
  { report, untold, ...beside }: Audit,
  unjudged: readonly ToldNode[],
  unknown: readonly Finding[],
): Audit {
  const told = new Map(unjudged.map((node) => [node.status.name, node]));
  const reasons = unjudged.map(({ status, notJudgedBecause }) => [status.name, notJudgedBecause ?? ''] as const);
  const found = new Set(report.findings.map(({ fingerprint }) => fingerprint));
  const frozen = unknown.filter(({ fingerprint }) => !found.has(fingerprint));
  return {
    ...beside,
    untold: new Map([...untold, ...reasons]),
    report: {
      ...report,
      nodes: report.nodes.map((node) => told.get(node.name)?.status ?? node),
      findings: inOrder([...report.findings, ...frozen]),
    },
  };
}

/** The findings of `findings.json` that were unknown; none where there is no such file, or where it is not of this form. */
export function unknownFindings(folder: string): readonly Finding[] {
  const path = join(folder, 'findings.json');
  if (!existsSync(path)) return [];
  const page = readPage(parsed(readFileSync(path, 'utf8')));
  return (page?.items ?? []).flatMap((item) => {
    const finding = readFinding(item);
    return finding?.state === 'unknown' ? [withoutLife(finding)] : [];
  });
}

function withoutLife(finding: Finding): Finding {
  const { fingerprint, check, layer, severity, state, node, subject, parent, summary, evidence, remediation } = finding;
  return { fingerprint, check, layer, severity, state, node, subject, parent, summary, evidence, remediation };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
