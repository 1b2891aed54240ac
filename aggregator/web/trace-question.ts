/** What is asked about a way, as it stands in the URL of the page and of the API. */

import type { FindingJson } from '../http/schemas/finding.ts';

/** As written; empty = not said. */
export interface Asked {
  readonly from: string;
  readonly to: string;
  readonly port: string;
  readonly protocol: string;
}

const members = ['from', 'to', 'port', 'protocol'] as const;

export function askedOf(query: URLSearchParams): Asked {
  const [from = '', to = '', port = '', protocol = ''] = members.map((name) => (query.get(name) ?? '').trim());
  return { from, to, port, protocol };
}

/** Only what was said stands in it. */
function queryOf(asked: Asked): URLSearchParams {
  return new URLSearchParams(members.flatMap((name) => (asked[name] === '' ? [] : [[name, asked[name]]])));
}

/** Null while an end is missing. */
export function apiPath(asked: Asked): string | null {
  return asked.from === '' || asked.to === '' ? null : `/api/v1/diagnose?${queryOf(asked)}`;
}

/** A place of the page that answers it. */
export function tracePath(asked: Partial<Asked>): string {
  return `/trace?${queryOf({ from: '', to: '', port: '', protocol: '', ...asked })}`;
}

export interface PodChoice {
  /** `pod/shop/web-0` */
  readonly pod: string;
  /** The same about this pod. */
  readonly question: Asked;
}

/**
 * Which pods may stand in the place of a workload, where the answer was that one is to be chosen; it names them.
 * @param detail what the API said: `deployment/shop/web is a workload, ... It has pod/shop/web-0 and pod/shop/web-1.`
 */
export function podChoices(asked: Asked, detail: string): readonly PodChoice[] {
  const end = (['from', 'to'] as const).find(
    (one) => asked[one] !== '' && detail.startsWith(`${asked[one]} is a workload`),
  );
  if (end === undefined) return [];
  const pods = detail.match(/\bpod\/[a-z0-9-]+\/[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?/g) ?? [];
  return pods.map((pod) => ({ pod, question: { ...asked, [end]: pod } }));
}

type FindingPair = Pick<FindingJson, 'node' | 'subject'>;

/** The way that a finding speaks of: from its node, or its pod, to what it is about. Null where it names no two ends. */
export function pairOf({ node, subject }: FindingPair): Partial<Asked> | null {
  if (node === null) return null;
  const from = `node/${node}`;
  switch (subject.kind) {
    case 'Service':
      return { from, to: serviceEnd(subject) };
    case 'Pod':
      return { from, to: `pod/${subject.namespace}/${subject.name}` };
    case 'Peer':
      // A peer that is no Node is a router's address.
      return {
        from,
        to: /^[0-9.]+$/.test(subject.name) || subject.name.includes(':') ? subject.name : `node/${subject.name}`,
      };
    default:
      return null;
  }
}

function serviceEnd({ namespace, name, port }: Extract<FindingJson['subject'], { kind: 'Service' }>): string {
  return `svc/${namespace}/${name}${port === '' ? '' : `:${port}`}`;
}
