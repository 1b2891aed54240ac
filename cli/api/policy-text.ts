/** What NetworkPolicies say of two ends, as a person reads it. */
import type { DecidingRule, PolicyFlow, PolicyReport, SideVerdict } from '../../aggregator/model/policy.ts';
import { type Paints, paints } from '../paints.ts';
import { count, tableLines, wrap } from '../table.ts';
import type { Terminal } from '../terminal.ts';
import { visible, visibleText } from '../visible.ts';

/** A report; ends in a newline. */
export function policyText(given: PolicyReport, { colours, columns }: Pick<Terminal, 'colours' | 'columns'>): string {
  const paint = paints(colours);
  const report = visible(given);
  const more = given.total - given.flows.length;
  return `${[
    ...wrap(report.sentence, columns).map((line) => painted(report.allowed, line, paint)),
    ...report.notes.flatMap((note) => wrap(note, columns)),
    // The proposed policies keep their lines.
    ...given.flows.flatMap((flow) => ['', ...flowLines(flow, columns, paint)]),
    ...(more > 0 ? ['', `And ${count(more, 'more verdict')}; -o json has their number, narrower ends have them.`] : []),
    ...(report.notJudged.length > 0
      ? ['', 'Not judged, and perhaps in force:', ...report.notJudged.map((name) => `  ${name}`)]
      : []),
  ].join('\n')}\n`;
}

function painted(allowed: boolean | null, line: string, paint: Paints): string {
  if (allowed === null) return paint.warning(line);
  return allowed ? paint.good(line) : paint.severity('high', line);
}

function flowLines(given: PolicyFlow, columns: number, paint: Paints): readonly string[] {
  const { from, to, pairs, families, egress, ingress } = visible(given);
  const { allowed, allowing } = given;
  const verdict = allowed === null ? 'not known' : allowed ? 'allowed' : 'denied';
  const others = pairs > 1 ? `, and ${count(pairs - 1, 'pair')} like it` : '';
  const only = families.length === 1 && families[0] === 'ipv6' ? ', IPv6' : '';
  return [
    paint.strong(`${from} to ${to}, port ${given.port}${only}: ${verdict}${others}`),
    ...sideLines('out of the source', egress, columns),
    ...sideLines('into the destination', ingress, columns),
    ...(allowing === null
      ? []
      : [
          '  This would allow it:',
          ...allowing
            .trimEnd()
            .split('\n')
            .map((line) => paint.command(`    ${visibleText(line)}`)),
        ]),
  ];
}

function sideLines(where: string, { state, because, nearly }: SideVerdict, columns: number): readonly string[] {
  const words = {
    'not-isolated': 'open',
    'not-judged': 'not judged',
    allowed: 'allowed',
    denied: 'denied',
    unknown: 'not known',
  };
  return [
    ...wrap(`${where}: ${words[state]}. ${because}`, columns, '  '),
    ...tableLines(
      [],
      nearly.map(({ rule, lacks }) => [
        `    nearly: ${ruleText(rule)}`,
        lacks === 'port' ? 'lacks the port' : 'lacks the peer',
      ]),
    ),
  ];
}

function ruleText({ namespace, policy, direction, rule }: DecidingRule): string {
  return `${namespace}/${policy} ${direction} rule ${rule}`;
}
