/**
 * The rules by which kube-proxy drops what comes to a Service with a Local policy and no endpoint on this node:
 *
 *     -A KUBE-SERVICES -d 10.96.0.9/32 -p tcp -m comment --comment "ns/svc:p has no local endpoints" -m tcp --dport 80 -j DROP
 *     -A KUBE-EXTERNAL-SERVICES -p tcp -m comment --comment "ns/svc:p has no local endpoints" -m addrtype --dst-type LOCAL -m tcp --dport 30080 -j DROP
 *
 * In these two chains it drops nothing else. In IPVS mode they do not exist.
 */
import type { FrontendKey } from '../../proto/forwarding.ts';
import { frontendsIn } from './listed-frontends.ts';
import type { RuleTables } from './rule-tables.ts';

export interface LocalDrop {
  readonly frontend: FrontendKey;
  /** Index in table filter. */
  readonly rule: number;
}

/** One for each frontend, in the order of the chains. */
export function localDropsOf(tables: RuleTables): readonly LocalDrop[] {
  const filter = tables.tables.get('filter');
  if (filter === undefined) return [];
  return ['KUBE-SERVICES', 'KUBE-EXTERNAL-SERVICES'].flatMap((to) =>
    [...frontendsIn(tables, { table: 'filter', to })]
      .filter(([, { rule }]) => filter.plan(rule).action.kind === 'drop')
      .map(([frontend, { rule }]) => ({ frontend, rule })),
  );
}
