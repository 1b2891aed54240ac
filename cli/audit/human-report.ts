/** The audit as a person reads it: one sentence, the nodes, each cause with what follows from it, what to do. */
import type { NodeStatus } from '../../aggregator/model/node-status.ts';
import { type Evidence, type Finding, type Remedy, subjectText } from '../../aggregator/model/finding.ts';
import { paints, type Paints } from '../paints.ts';
import { count, tableLines, wrap } from '../table.ts';
import { visible } from '../visible.ts';
import { type Audit, countBelow, type FindingTree, findingTrees, untoldText } from './report.ts';

export interface ReportStyle {
  /** `causes`: with the evidence of causes. `all`: also whatever follows from them, each with sentence and evidence. */
  readonly detail: 'short' | 'causes' | 'all';
  readonly colours: boolean;
  readonly columns: number;
}

/** As many findings below one cause are listed without `-o wide`. */
const shownBelow = 12;
/** As many commands are shown without it. */
const shownRemedies = 4;
/** As many nodes are named in a sentence. */
const namedNodes = 4;

/** The whole text, ending in a newline; nothing that a bundle holds can act on a terminal. */
export function humanReport(given: Audit, style: ReportStyle): string {
  const audit = visible(given);
  const { report } = audit;
  const paint = paints(style.colours);
  const trees = findingTrees(report.findings);
  const sections = [
    wrap(headline(report.nodes), style.columns).map(paint.strong),
    nodeLines(report.nodes, paint),
    untoldLines(audit, style, paint),
    trees.length === 0 ? [] : causeLines(trees, style, paint),
    remedyLines(trees, style, paint),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

/** One sentence on the whole cluster: `1 of 3 nodes differs from what the cluster asked for: node-b.` */
export function headline(nodes: readonly NodeStatus[]): string {
  const unknown = nodes.filter((node) => node.state === 'unknown');
  const verdict = verdictOf(nodes);
  return unknown.length === 0 ? verdict : `${verdict} ${isOrAre(unknown.length)} unknown: ${names(unknown)}.`;
}

function verdictOf(nodes: readonly NodeStatus[]): string {
  const healthy = nodes.filter((node) => node.state === 'healthy').length;
  const unhealthy = nodes.filter((node) => node.state === 'unhealthy');
  const of = count(nodes.length, 'node');
  if (unhealthy.length > 0) {
    const differ = unhealthy.length === 1 ? 'differs' : 'differ';
    return `${unhealthy.length} of ${of} ${differ} from what the cluster asked for: ${names(unhealthy)}.`;
  }
  if (healthy === 0) return 'No node could be told completely.';
  if (healthy < nodes.length) return `${healthy} of ${of} ${healthy === 1 ? 'does' : 'do'} what the cluster asked for.`;
  const all = healthy === 1 ? 'The node does' : healthy === 2 ? 'Both nodes do' : `All ${of} do`;
  return `${all} what the cluster asked for.`;
}

function isOrAre(number: number): string {
  return `${number} ${number === 1 ? 'is' : 'are'}`;
}

function names(nodes: readonly NodeStatus[]): string {
  const named = nodes.slice(0, namedNodes).map((node) => node.name);
  const more = nodes.length - named.length;
  return more > 0 ? `${named.join(', ')} and ${more} more` : named.join(', ');
}

function nodeLines(nodes: readonly NodeStatus[], paint: Paints): readonly string[] {
  const rows = nodes.map(({ name, mode, state, frontends }) => [
    name,
    mode,
    state,
    ...(frontends.total === 0
      ? ['-', '-', '-', '-']
      : [frontends.total, frontends.inSync, frontends.drifted, frontends.unknown].map(String)),
  ]);
  const [head = '', ...lines] = tableLines(
    ['NODE', 'MODE', 'STATE', 'FRONTENDS', 'IN SYNC', 'DRIFTED', 'UNKNOWN'],
    rows,
  );
  return [paint.quiet(head), ...lines.map((line, row) => paint.nodeState(nodes[row]?.state ?? 'unknown', line))];
}

function untoldLines({ report, untold }: Audit, { columns }: ReportStyle, paint: Paints): readonly string[] {
  return report.nodes.flatMap((node) => {
    const reason = untold.get(node.name);
    return reason === undefined ? [] : wrap(`${capitalised(untoldText(node, reason))}.`, columns).map(paint.warning);
  });
}

/** Names stay as they are: they may be copied. */
function capitalised(sentence: string): string {
  return sentence.startsWith('not all') ? `N${sentence.slice(1)}` : sentence;
}

function causeLines(trees: readonly FindingTree[], style: ReportStyle, paint: Paints): readonly string[] {
  const [head = '', ...rows] = tableLines(
    ['SEVERITY', 'CHECK', 'NODE', 'SUBJECT'],
    trees.map(({ finding }) => [
      weight(finding),
      finding.check,
      finding.node ?? '(cluster)',
      subjectText(finding.subject),
    ]),
  );
  const blocks = trees.map((tree, row) => [
    paint.severity(weight(tree.finding), rows[row] ?? ''),
    ...wrap(tree.finding.summary, style.columns, '  '),
    ...(style.detail === 'short' ? [] : evidenceLines(tree.finding, '  ', style.columns, paint)),
    ...belowLines(tree, style, paint),
  ]);
  return [paint.quiet(head), ...blocks.flatMap((lines, block) => (block === 0 ? lines : ['', ...lines]))];
}

/** The severity, or that the check could not be decided. */
function weight(finding: Finding): Finding['severity'] | 'unknown' {
  return finding.state === 'unknown' ? 'unknown' : finding.severity;
}

function belowLines(tree: FindingTree, style: ReportStyle, paint: Paints): readonly string[] {
  const isAll = style.detail === 'all';
  const below = flatten(tree.children, 0);
  if (below.length === 0) return [];
  const shown = isAll || below.length <= shownBelow + 1 ? below : below.slice(0, shownBelow);
  const rows = tableLines(
    [],
    shown.map(({ finding, depth }) => [
      `${'  '.repeat(depth)}${weight(finding)}`,
      finding.check,
      subjectText(finding.subject),
    ]),
  );
  const follows = below.length === 1 ? '1 finding follows' : `${count(countBelow(tree), 'finding')} follow`;
  return [
    paint.quiet(`  ${follows} from it:`),
    ...shown.flatMap(({ finding }, row) => [
      `    ${paint.severity(weight(finding), rows[row] ?? '')}`,
      ...(isAll ? wrap(finding.summary, style.columns, '      ') : []),
      ...(isAll ? evidenceLines(finding, '      ', style.columns, paint) : []),
    ]),
    ...(shown.length < below.length ? [paint.quiet(`    and ${below.length - shown.length} more: see -o wide`)] : []),
  ];
}

function flatten(
  trees: readonly FindingTree[],
  depth: number,
): readonly { readonly finding: Finding; readonly depth: number }[] {
  return trees.flatMap(({ finding, children }) => [{ finding, depth }, ...flatten(children, depth + 1)]);
}

/** The evidence of a finding, one piece after the other; its text must be visible. */
export function evidenceLines(
  finding: Pick<Finding, 'evidence'>,
  indent: string,
  columns: number,
  paint: Paints,
): readonly string[] {
  return finding.evidence
    .flatMap((evidence) => evidenceText(evidence, columns - indent.length - 2))
    .map((line) => paint.quiet(`${indent}| ${line}`));
}

/** One piece of evidence as lines; rules are kept whole, to be found again. */
function evidenceText(evidence: Evidence, columns: number): readonly string[] {
  switch (evidence.kind) {
    case 'forwarding':
      return [
        evidence.frontend,
        ...labelled('  wanted  ', evidence.wanted, columns),
        ...labelled('  real    ', evidence.real, columns),
      ];
    case 'backend':
      return [`${evidence.frontend}: ${evidence.backend} is ${evidence.state}`];
    case 'rule':
      return [`${evidence.table}: ${evidence.rule}`, ...(evidence.note === '' ? [] : [`  ${evidence.note}`])];
    case 'fact':
      return wrap(`${evidence.name}: ${evidence.value}`, columns);
  }
}

/** Text behind a label; where it has parts (one for each origin), each begins a line. */
function labelled(label: string, text: string, columns: number): readonly string[] {
  const blank = ' '.repeat(label.length);
  const lines = text.split(/; (?=(?:pod|node|outside): )/).flatMap((part) => wrap(part, columns, blank));
  return lines.map((line, row) => (row === 0 ? label + line.slice(label.length) : line));
}

/** A cause, as far as its remedies go. */
interface RemedyTree {
  readonly finding: Pick<Finding, 'check' | 'subject' | 'remediation'>;
}

interface Mend {
  readonly remedy: Remedy;
  /** Which causes it mends, in words. */
  readonly causes: Set<string>;
}

/** The causes' remedies, each command once; what follows from a cause goes when the cause goes. */
export function remedyLines(trees: readonly RemedyTree[], style: ReportStyle, paint: Paints): readonly string[] {
  const byCommand = new Map<string, Mend>();
  for (const { finding } of trees) {
    for (const remedy of finding.remediation) {
      const known = byCommand.get(remedy.command) ?? { remedy, causes: new Set() };
      known.causes.add(`${finding.check} ${subjectText(finding.subject)}`);
      byCommand.set(remedy.command, known);
    }
  }
  if (byCommand.size === 0) return [];
  // What mends most comes first; among equals the checks' own order is kept, for steps follow upon each other.
  const mends = [...byCommand.values()].sort((one, other) => other.causes.size - one.causes.size);
  const shown = style.detail === 'all' || mends.length <= shownRemedies + 1 ? mends : mends.slice(0, shownRemedies);
  const blocks = shown.map(({ remedy, causes }) => [
    ...remedy.command.split('\n').map((line) => `  ${paint.command(line)}`),
    ...wrap(remedy.effect, style.columns, '    '),
    ...(trees.length > 1 ? wrap(`${purpose(causes, trees.length)}.`, style.columns, '    ').map(paint.quiet) : []),
  ]);
  const more = mends.length - shown.length;
  return [
    paint.quiet('WHAT TO DO'),
    ...blocks.flat(),
    ...(more > 0 ? [paint.quiet(`  and ${more} more: see -o wide`)] : []),
  ];
}

function purpose(causes: ReadonlySet<string>, all: number): string {
  if (causes.size === all) return `For all ${all} of them`;
  const named = [...causes].slice(0, 2);
  const more = causes.size - named.length;
  return `For ${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
