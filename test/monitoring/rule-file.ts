/** The alert rules as the chart has them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

export const root = join(import.meta.dirname, '../..');
export const ruleFile = join(root, 'charts/plumbline/files/alerts.yaml');

export interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface RuleGroups {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
}

/** All rules, in order. */
export function rules(): readonly Rule[] {
  const { groups }: RuleGroups = parse(readFileSync(ruleFile, 'utf8'));
  return groups.flatMap((group) => group.rules);
}

/** Those that alert. */
export function alerts(): readonly (Rule & { readonly alert: string })[] {
  return rules().flatMap((rule) => (rule.alert === undefined ? [] : [{ ...rule, alert: rule.alert }]));
}
