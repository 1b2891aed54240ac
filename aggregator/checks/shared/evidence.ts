/** What findings show as proof, cut to a size that a person reads. */
import type { Backend } from '../../../proto/address.ts';
import type { Forwarding } from '../../../proto/forwarding.ts';
import type { RuleLine } from '../../../proto/parts.ts';
import type { Evidence } from '../../model/finding.ts';
import type { Fault, KnownDrift } from './faults.ts';
import { forwardingText } from './words.ts';

const mostFrontends = 10;
const mostBackends = 20;
const mostRules = 10;
const nothing = 'no rule';

/** Wanted beside real for each frontend. */
export function forwardingEvidence(faults: readonly Fault[]): readonly Evidence[] {
  return capped(faults, mostFrontends, 'frontends', ({ key, drift }) => {
    const { wanted, real } = sides(drift);
    return {
      kind: 'forwarding',
      frontend: key,
      wanted: wanted === null ? nothing : forwardingText(wanted),
      real: real === null ? nothing : forwardingText(real),
    };
  });
}

/** The backends that are missing or stale, for each frontend. */
export function backendEvidence(
  faults: readonly Fault[],
  state: 'missing' | 'stale',
  backendsOf: (fault: Fault) => readonly Backend[],
): readonly Evidence[] {
  const pairs = faults.flatMap((fault) => backendsOf(fault).map((backend) => ({ frontend: fault.key, backend })));
  return capped(pairs, mostBackends, `${state} backends`, (pair) => ({ kind: 'backend', ...pair, state }));
}

/** Rules as iptables-save prints them, with a word on each. */
export function ruleEvidence<T extends RuleLine>(
  rules: readonly T[],
  total: number,
  note: (rule: T) => string,
): readonly Evidence[] {
  const shown = rules.slice(0, mostRules);
  return [
    ...shown.map((line): Evidence => ({ kind: 'rule', table: line.table, rule: line.rule, note: note(line) })),
    ...remainder(total - shown.length, 'rules'),
  ];
}

/** A named value. */
export function fact(name: string, value: string): Evidence {
  return { kind: 'fact', name, value };
}

function capped<T>(items: readonly T[], most: number, what: string, show: (item: T) => Evidence): readonly Evidence[] {
  return [...items.slice(0, most).map(show), ...remainder(items.length - most, what)];
}

function remainder(count: number, what: string): readonly Evidence[] {
  return count > 0 ? [fact('not shown', `${count} more ${what}`)] : [];
}

function sides(drift: KnownDrift): { readonly wanted: Forwarding | null; readonly real: Forwarding | null } {
  switch (drift.kind) {
    case 'missing':
      return { wanted: drift.wanted, real: null };
    case 'stale':
      return { wanted: null, real: drift.real };
    case 'different':
      return { wanted: drift.wanted, real: drift.real };
  }
}
