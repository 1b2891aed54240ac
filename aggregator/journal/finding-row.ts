/** A finding as a row and back. The row's columns are for queries; what counts is the body. */
import { crc32 } from 'node:zlib';
import type { TrackedFinding } from '../model/lifecycle.ts';
import { readTrackedFinding } from './finding-shape.ts';
import type { FindingRow } from './schema.ts';

/** The row of a finding. */
export function rowOf(finding: TrackedFinding): FindingRow {
  const body = JSON.stringify(finding);
  return {
    fingerprint: finding.fingerprint,
    episode: finding.episode,
    state: finding.state,
    check_id: finding.check,
    severity: finding.severity,
    node: finding.node,
    ended_at: finding.endedAt === null ? null : sortableTime(finding.endedAt),
    body,
    checksum: crc32(body),
  };
}

/** The finding of a row, or why it cannot be one. */
export function findingOf(row: FindingRow): TrackedFinding | string {
  if (crc32(row.body) !== row.checksum) return 'its text differs from its checksum';
  let value: unknown;
  try {
    value = JSON.parse(row.body);
  } catch {
    return 'its text is no JSON';
  }
  const finding = readTrackedFinding(value);
  if (typeof finding === 'string') return finding;
  if (Number.isNaN(Date.parse(finding.endedAt ?? finding.pendingAt))) return 'its times are no times';
  return columnThatDiffers(row, rowOf(finding)) ?? finding;
}

function columnThatDiffers(row: FindingRow, fromBody: FindingRow): string | null {
  for (const column of ['fingerprint', 'episode', 'state', 'check_id', 'severity', 'node', 'ended_at'] as const) {
    if (row[column] !== fromBody[column]) return `its ${column} is ${row[column]}, in its text ${fromBody[column]}`;
  }
  return null;
}

/**
 * RFC 3339 in UTC with milliseconds: as text it sorts by time.
 * @throws RangeError for what is no time
 */
export function sortableTime(time: string): string {
  return new Date(time).toISOString();
}
