/** What is asked for in place of being watched: policies that are not judged, and the configuration of cluster DNS. */
import type { DnsConfiguration } from '../model/cluster.ts';
import type { ForeignPolicy } from '../model/policy.ts';
import type { ApiClient } from './api-client.ts';
import { type ApiOutcome, noAnswer } from './api-error.ts';
import { readObject } from './api-list.ts';
import { dnsConfigurationKind, dnsConfigurationNames, dnsNamespace } from './dns-configuration.ts';
import { type ForeignKind, foreignKinds, shownKind } from './foreign-policy.ts';
import { recordOf } from './json-record.ts';

type Question<T> = (client: ApiClient, signal: AbortSignal) => Promise<ApiOutcome<readonly T[]>>;

/** They are shown, not judged: ten minutes late is early enough. */
export const foreignPoliciesEveryMs = 600_000;
/** CoreDNS itself reads its configuration anew within two minutes. */
export const dnsConfigurationsEveryMs = 60_000;
/** Of one kind: that there are any is what matters. */
const mostOfAKind = 500;

export const foreignPolicyQuestions: readonly Question<ForeignPolicy>[] = foreignKinds.map(
  (kind) => async (client, signal) => {
    const answer = await client.get(`${kind.path}?limit=${mostOfAKind}`, signal);
    if (!answer.ok) return answer;
    const { items } = recordOf(answer.value);
    if (Array.isArray(items)) return { ok: true, value: policiesIn(items, kind) };
    return noAnswer(client.attempted('GET', kind.path), 'wrong-kind', `the answer is no list of ${kind.kind}`);
  },
);

function policiesIn(items: readonly unknown[], { apiVersion, kind }: ForeignKind): readonly ForeignPolicy[] {
  const shown = shownKind(apiVersion, kind);
  return items.flatMap((item) => {
    const { namespace, name } = recordOf(recordOf(item).metadata);
    if (typeof name !== 'string') return [];
    return [{ kind: shown, namespace: typeof namespace === 'string' ? namespace : null, name }];
  });
}

export const dnsConfigurationQuestions: readonly Question<DnsConfiguration>[] = dnsConfigurationNames.map(
  (name) => async (client, signal) => {
    const path = `/api/v1/namespaces/${dnsNamespace}/configmaps/${name}`;
    const answer = await client.get(path, signal);
    if (!answer.ok) return answer;
    const reading = readObject(answer.value, dnsConfigurationKind);
    if (reading.ok) return { ok: true, value: reading.value === null ? [] : [reading.value] };
    return noAnswer(client.attempted('GET', path), 'wrong-kind', reading.problems[0] ?? 'it cannot be read');
  },
);
