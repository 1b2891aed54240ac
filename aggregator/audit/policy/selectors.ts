/**
 * Label selectors as the API has them: the API reference of LabelSelector (meta/v1). All conditions must hold, an empty
 * selector selects everything, and NotIn holds where the label is absent.
 *
 *     matchLabels: { app: web }
 *     matchExpressions: [{ key: tier, operator: NotIn, values: [cache] }, { key: canary, operator: DoesNotExist }]
 */
import type { LabelSelector } from '../../model/policy.ts';

export type Labels = Readonly<Record<string, string>>;
type Expression = LabelSelector['matchExpressions'][number];

/** Whether these labels are selected. */
export function matchesSelector({ matchLabels, matchExpressions }: LabelSelector, labels: Labels): boolean {
  for (const key in matchLabels) {
    if (labelValue(labels, key) !== matchLabels[key]) return false;
  }
  return matchExpressions.every((expression) => holds(expression, labels));
}

function holds({ key, operator, values }: Expression, labels: Labels): boolean {
  const value = labelValue(labels, key);
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}

/** The value of a label; undefined where there is none. */
export function labelValue(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}

/** Whether it selects everything. */
export function selectsAll({ matchLabels, matchExpressions }: LabelSelector): boolean {
  return matchExpressions.length === 0 && Object.keys(matchLabels).length === 0;
}

/** The labels that it asks for. */
export function askedKeys({ matchLabels, matchExpressions }: LabelSelector): readonly string[] {
  return [...Object.keys(matchLabels), ...matchExpressions.map(({ key }) => key)];
}

/** As kubectl prints it: `app=web,tier notin (cache),!canary`; empty where it selects everything. */
export function selectorText({ matchLabels, matchExpressions }: LabelSelector): string {
  return [
    ...Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`),
    ...matchExpressions.map(expressionText),
  ].join(',');
}

function expressionText({ key, operator, values }: Expression): string {
  switch (operator) {
    case 'In':
      return `${key} in (${values.join(',')})`;
    case 'NotIn':
      return `${key} notin (${values.join(',')})`;
    case 'Exists':
      return key;
    case 'DoesNotExist':
      return `!${key}`;
  }
}
