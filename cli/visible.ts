/** Text of nodes and bundles on a terminal: what would move its cursor or turn its text is written out instead. */
import { isHostile, visibleQuoted, visibleText } from '../aggregator/http/visible-text.ts';

export { isHostile, visibleQuoted, visibleText };

/**
 * The value with every string in it made visible, at any depth. Line breaks stay in commands alone: those are printed
 * line by line, as commands; anywhere else a line of one's own could pass for a line of ours.
 */
export function visible<T>(value: T): T {
  return walked(value, '') as T;
}

function walked(value: unknown, key: string): unknown {
  if (typeof value === 'string') {
    return key === 'command' ? value.split('\n').map(visibleText).join('\n') : visibleText(value);
  }
  if (Array.isArray(value)) return value.map((item) => walked(item, key));
  if (value instanceof Map) {
    return new Map([...value].map(([name, item]) => [walked(name, ''), walked(item, '')]));
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, walked(item, name)]));
}
