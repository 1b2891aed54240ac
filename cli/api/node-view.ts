/** Nodes as rows, and one node as a person reads it. */
import type { NodeJson } from '../../aggregator/http/schemas/node.ts';
import { ageOf } from '../age.ts';
import { paints } from '../paints.ts';
import { tableLines, wrap } from '../table.ts';
import type { Terminal } from '../terminal.ts';
import { visible } from '../visible.ts';
import type { ItemView } from './item-view.ts';

/** `-` where nothing was compared: 0 would pass for a fact. */
function frontends({ frontends: counts }: NodeJson, of: 'inSync' | 'drifted' | 'unknown'): string {
  return counts.total === 0 ? '-' : String(counts[of]);
}

export const nodeView: ItemView<NodeJson> = {
  kind: 'node',
  nameOf: ({ name }) => name,
  columns: [
    { head: 'NODE', cell: ({ name }) => name },
    { head: 'STATE', cell: ({ state }) => state },
    { head: 'MODE', cell: ({ mode }) => mode },
    { head: 'AGENT', cell: ({ agent }) => agent },
    { head: 'READ', cell: ({ lastReadingAt }, now) => ageOf(lastReadingAt, now), isAge: true },
    { head: 'IN SYNC', cell: (node) => frontends(node, 'inSync') },
    { head: 'DRIFTED', cell: (node) => frontends(node, 'drifted') },
    { head: 'UNKNOWN', cell: (node) => frontends(node, 'unknown') },
    { head: 'FIRING', cell: ({ findings }) => String(findings.firing) },
    { head: 'PENDING', cell: ({ findings }) => String(findings.pending), isWide: true },
    { head: 'KUBE-PROXY', cell: ({ kubeProxyVersion }) => kubeProxyVersion ?? '-', isWide: true },
    { head: 'AGENT VERSION', cell: ({ agentVersion }) => agentVersion ?? '-', isWide: true },
    { head: 'SHOWS STATE OF', cell: ({ showsStateOf }) => (showsStateOf === null ? '-' : shortTime(showsStateOf)) },
    { head: 'WHY UNKNOWN', cell: ({ unknownBecause }) => unknownBecause.join('; ') },
  ],
  paint: ({ state }, line, paint) => paint.nodeState(state, line),
};

/** One node, all that is known of it; ends in a newline. @param now by the aggregator's clock, Unix milliseconds. */
export function nodeText(
  given: NodeJson,
  now: number,
  { colours, columns }: Pick<Terminal, 'colours' | 'columns'>,
): string {
  const node = visible(given);
  const { frontends: counts, unknownBecause, readingIntervalSeconds: interval } = node;
  const paint = paints(colours);
  const rows = [
    ['Mode', node.mode],
    ['Agent', `${node.agent}, heard ${ago(node.lastHeardAt, now)}${version(node.agentVersion)}`],
    ['Last reading', `${ago(node.lastReadingAt, now)}${interval === null ? '' : `, every ${interval} s`}`],
    ['kube-proxy', node.kubeProxyVersion ?? 'version not known'],
    ['Frontends', frontendText(counts)],
    ['Findings', `${node.findings.firing} firing, ${node.findings.pending} pending`],
    ...(node.showsStateOf === null
      ? []
      : [['Shows', `the state of ${shortTime(node.showsStateOf)}, ${ageOf(node.showsStateOf, now)} ago`]]),
  ];
  const ways = node.ways.map((way) => [way.kind, way.address, wayText(way, now)]);
  const layers = node.layers.flatMap(({ layer, state, because }) =>
    state === 'known' ? [] : [[layer, layerWords[state], because.join('; ')]],
  );
  const why = unknownBecause.flatMap((reason) => wrap(`${reason}`, columns, '  '));
  return `${[
    paint.nodeState(node.state, `${node.name}   ${node.state}`),
    '',
    ...tableLines([], rows),
    ...(ways.length === 0 ? [] : ['', paint.quiet('WAYS TO THE AGGREGATOR'), ...tableLines([], ways)]),
    ...(node.waysSentence === null ? [] : wrap(node.waysSentence, columns, '').map(paint.warning)),
    ...(layers.length === 0 ? [] : ['', paint.quiet('LAYERS'), ...tableLines([], layers)]),
    ...(why.length === 0 ? [] : ['', paint.quiet('WHY UNKNOWN'), ...why.map(paint.warning)]),
  ].join('\n')}\n`;
}

const layerWords = { unknown: 'not known', 'not-looked-at': 'not looked at' } as const;

function frontendText({ total, inSync, drifted, unknown }: NodeJson['frontends']): string {
  return total === 0 ? 'not compared' : `${total}: ${inSync} in sync, ${drifted} drifted, ${unknown} unknown`;
}

/** How a way went that was tried last. */
function wayText({ inUse, lastWorkedAt, failingSince, reason }: NodeJson['ways'][number], now: number): string {
  if (inUse) return 'in use';
  if (failingSince === null) return lastWorkedAt === null ? 'not tried yet' : `worked ${ago(lastWorkedAt, now)}`;
  return `fails since ${shortTime(failingSince)}${reason === null ? '' : ` (${reason})`}`;
}

function ago(time: string | null, now: number): string {
  return time === null ? 'never' : `${ageOf(time, now)} ago`;
}

function version(text: string | null): string {
  return text === null ? '' : `, version ${text}`;
}

function shortTime(time: string): string {
  return time.replace(/\.\d+Z$/, 'Z');
}
