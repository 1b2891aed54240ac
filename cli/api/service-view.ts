/** Services as rows, and one Service as a person reads it: who has which version of it. */
import type { ServiceDocument, ServiceJson } from '../../aggregator/http/schemas/service.ts';
import { ageOf } from '../age.ts';
import { type Paints, paints } from '../paints.ts';
import { count, tableLines, wrap } from '../table.ts';
import type { Terminal } from '../terminal.ts';
import { visible } from '../visible.ts';
import type { ItemView } from './item-view.ts';

/** As many nodes are named behind a version. */
const namedNodes = 10;

export const serviceView: ItemView<ServiceJson> = {
  kind: 'service',
  nameOf: ({ namespace, name }) => `${namespace}/${name}`,
  columns: [
    { head: 'NAMESPACE', cell: ({ namespace }) => namespace },
    { head: 'NAME', cell: ({ name }) => name },
    { head: 'TYPE', cell: ({ type }) => type },
    { head: 'CLUSTER-IP', cell: ({ clusterIPs }) => clusterIPs.join(',') || 'None', isWide: true },
    { head: 'PORTS', cell: ({ ports }) => ports.join(', '), isWide: true },
    { head: 'NODES', cell: ({ nodes }) => String(nodes.total) },
    { head: 'IN SYNC', cell: ({ nodes }) => String(nodes.inSync) },
    { head: 'CONVERGING', cell: ({ nodes }) => String(nodes.converging) },
    { head: 'DRIFTED', cell: ({ nodes }) => String(nodes.drifted) },
    { head: 'UNKNOWN', cell: ({ nodes }) => String(nodes.unknown) },
    { head: 'FIRING', cell: ({ findings }) => String(findings.firing) },
    { head: 'CHANGED', cell: ({ changedAt }, now) => ageOf(changedAt, now), isAge: true },
  ],
  paint: ({ nodes }, line, paint) => {
    if (nodes.drifted > 0) return paint.severity('high', line);
    return nodes.unknown > 0 ? paint.warning(line) : line;
  },
};

/** One Service; ends in a newline. @param now by the aggregator's clock, Unix milliseconds. */
export function serviceText(
  given: ServiceDocument,
  now: number,
  { colours, columns }: Pick<Terminal, 'colours' | 'columns'>,
): string {
  const service = visible(given);
  const { nodes, findings } = service;
  const paint = paints(colours);
  const rows = [
    ['Type', service.type],
    ['Cluster IP', service.clusterIPs.join(', ') || 'None'],
    ['Ports', service.ports.join(', ') || 'none'],
    [
      'Changed',
      service.changedAt === null ? 'not since the aggregator started' : `${ageOf(service.changedAt, now)} ago`,
    ],
    [
      'Nodes',
      `${nodes.total}: ${nodes.inSync} in sync, ${nodes.converging} converging, ${nodes.drifted} drifted, ${nodes.unknown} unknown`,
    ],
    ['Findings', `${findings.firing} firing, ${findings.pending} pending`],
  ];
  return `${[
    paint.strong(`${service.namespace}/${service.name}`),
    '',
    ...tableLines([], rows),
    ...service.frontends.flatMap((frontend) => ['', ...frontendLines(frontend, columns, paint)]),
  ].join('\n')}\n`;
}

function frontendLines(
  { frontend, kind, versions }: ServiceDocument['frontends'][number],
  columns: number,
  paint: Paints,
): readonly string[] {
  return [
    paint.quiet(`${frontend} (${kind})`),
    ...versions.flatMap((version) => {
      const { verdict, does, showsStateOf, count: number, nodes } = version;
      const shows = showsStateOf === null ? '' : ` (${showsStateOf})`;
      const named = nodes.slice(0, namedNodes).join(', ');
      const more = number > namedNodes ? ` and ${number - namedNodes} more` : '';
      const line = `  ${verdict} on ${count(number, 'node')}${shows}`;
      return [
        verdict === 'in-sync'
          ? paint.good(line)
          : verdict === 'drifted'
            ? paint.severity('high', line)
            : paint.warning(line),
        ...wrap(does, columns, '    '),
        ...wrap(`${named}${more}`, columns, '    ').map(paint.quiet),
      ];
    }),
  ];
}
