/** Desired tables in few words, for tests of what a node should do. */
import { desiredState } from '../aggregator/audit/desired.ts';
import type { DesiredState } from '../aggregator/model/desired.ts';
import { origins } from '../proto/forwarding.ts';
import type { NodeProfile } from '../proto/profile.ts';
import { cluster, node, profile, type ServiceBuilder, type SliceBuilder, service, slice } from './builders.ts';
import { fateInShort } from './fate-in-short.ts';

const apiNodes = [node('node-a', '192.168.100.11')];
/** A Service with cluster IP 10.96.0.1, port 80. */
export const web = service('shop/web').port(80);
/** Its endpoints on node-a only, */
export const here = slice('shop/web').port(8080).ready('10.244.1.2', { node: 'node-a' });
/** on node-a and node-b, */
export const both = here.ready('10.244.2.2', { node: 'node-b' });
/** and on node-b only. */
export const elsewhere = slice('shop/web').port(8080).ready('10.244.2.2', { node: 'node-b' });

export interface Given {
  readonly services: readonly ServiceBuilder[];
  readonly slices?: readonly SliceBuilder[];
  readonly profile?: Partial<NodeProfile>;
}

/** What node-a (see builders.ts) should do. */
export function desired({ services, slices = [], profile: fields = {} }: Given): DesiredState {
  return desiredState(cluster(services, slices, apiNodes), { name: 'node-a', zone: null, profile: profile(fields) });
}

/** The whole table in short: frontend, then the fate of each origin; one line where all are equal. */
export function tableOf(given: Given): Readonly<Record<string, string | readonly string[]>> {
  const { table } = desired(given);
  return Object.fromEntries(
    [...table].map(([key, { forwarding }]) => {
      const [pod, made, outside] = origins.map((origin) => fateInShort(forwarding[origin]));
      const isSame = pod === made && pod === outside;
      return [key, isSame ? String(pod) : [`pod: ${pod}`, `node: ${made}`, `outside: ${outside}`]];
    }),
  );
}
