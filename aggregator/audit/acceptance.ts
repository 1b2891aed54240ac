/**
 * Findings that their owner accepts: the annotation `plumbline.dev/accept` on a Service, on its Namespace, or on a Node.
 *
 *     plumbline.dev/accept: stale-endpoint
 *     plumbline.dev/accept: stale-endpoint, 2026-12-01T00:00:00Z; proxy-down
 */
import type { ClusterNode, Namespace, Service } from '../model/cluster.ts';
import type { Finding } from '../model/finding.ts';
import { millisecondsOf, timestampOf } from './timestamp.ts';

export const acceptAnnotation = 'plumbline.dev/accept';

interface Acceptance {
  readonly check: string;
  /** Unix ms; null = without an end. */
  readonly until: number | null;
}

/** Whose word counts; null where there is none. */
export interface AcceptingObjects {
  readonly service: Service | null;
  readonly namespace: Namespace | null;
  readonly node: ClusterNode | null;
}

/** What an annotation says; a part whose time cannot be read accepts nothing. */
function readAcceptances(text: string): readonly Acceptance[] {
  return text.split(';').flatMap((part): readonly Acceptance[] => {
    const [check = '', time] = part.split(',').map((word) => word.trim());
    if (check === '') return [];
    if (time === undefined || time === '') return [{ check, until: null }];
    const until = millisecondsOf(time);
    return Number.isNaN(until) ? [] : [{ check, until }];
  });
}

/**
 * Until when a finding is accepted by the Service it is about, by the Namespace of that, or by the node it is on.
 * @param now Unix ms.
 * @returns RFC 3339 or `always`; null when it is not accepted, or not any more.
 */
export function acceptedUntil(finding: Finding, owners: AcceptingObjects, now: number): string | null {
  let latest: number | null = null;
  for (const owner of [owners.service, owners.namespace, owners.node]) {
    const text = owner?.annotations[acceptAnnotation];
    for (const { check, until } of text === undefined ? [] : readAcceptances(text)) {
      if (check !== finding.check) continue;
      if (until === null) return 'always';
      if (until > now && until > (latest ?? 0)) latest = until;
    }
  }
  return latest === null ? null : timestampOf(latest);
}
