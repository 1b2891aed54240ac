/** The Services, those that a node does otherwise first. */
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { ServiceJson } from '../../http/schemas/service.ts';
import { servicesSentence } from '../headlines.ts';
import { Empty, Failure, Loading } from '../parts/notice.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { query } from '../route.ts';
import { usePages } from '../state/use-pages.ts';

/** Findings come in bursts; Services are read anew once for each. */
const gatherMs = 5_000;

export function Services() {
  const loaded = useServices();
  const { rows } = loaded;
  const text = query.value.get('q') ?? '';
  const order = useMemo(() => ordered(rows, text), [rows, text]);
  return (
    <>
      <h1>{servicesSentence(loaded)}</h1>
      {loaded.failure !== null && <Failure detail={loaded.failure} />}
      {order.length === 0 &&
        (loaded.isWhole ? (
          <Empty>
            {rows.size === 0 ? 'The cluster has no Services.' : 'No Service has these letters in its name.'}
          </Empty>
        ) : (
          loaded.failure === null && <Loading what="Services" />
        ))}
      {order.length > 0 && (
        <Table
          caption="Services, those that differ somewhere first"
          columns={columns}
          rows={rows}
          order={order}
          hrefOf={hrefOf}
          asked={text}
        />
      )}
    </>
  );
}

/** No event tells of a Service; that it differs, or no longer does, those of findings tell. */
function useServices() {
  const timer = useRef<number | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  return usePages<ServiceJson, ServiceJson>(
    { path: '/api/v1/services', keyOf, rowOf: (service) => service },
    ({ kind }, pages) => {
      if (kind === 'node') return;
      timer.current ??= window.setTimeout(() => {
        timer.current = undefined;
        void pages.read();
      }, gatherMs);
    },
  );
}

function keyOf({ namespace, name }: ServiceJson): string {
  return `${namespace}/${name}`;
}

function hrefOf(service: ServiceJson): string {
  return `/services/${keyOf(service)}`;
}

function ordered(rows: ReadonlyMap<string, ServiceJson>, text: string): readonly string[] {
  const rank = ({ nodes: { drifted, unknown }, findings }: ServiceJson) =>
    findings.firing * 1e6 + drifted * 1e3 + unknown;
  return [...rows]
    .filter(([key]) => key.includes(text))
    .sort(([key, one], [otherKey, other]) => rank(other) - rank(one) || (key < otherKey ? -1 : 1))
    .map(([key]) => key);
}

const columns: readonly Column<ServiceJson>[] = [
  { title: 'Service', width: 'sentence', cell: (service) => <a href={hrefOf(service)}>{keyOf(service)}</a> },
  { title: 'Type', width: 'short', room: 'wide', cell: ({ type }) => type },
  { title: 'Ports', width: 'name', room: 'wide', cell: ({ ports }) => ports.join(', ') },
  { title: 'Nodes', width: 'name', cell: nodesOf },
  {
    title: 'Findings',
    width: 'short',
    cell: ({ findings: { firing, pending } }) =>
      firing + pending === 0 ? (
        <span class="quiet">none</span>
      ) : (
        `${firing} firing${pending > 0 ? `, ${pending} pending` : ''}`
      ),
  },
];

function nodesOf({ nodes }: ServiceJson) {
  const { inSync, converging, drifted, unknown, total } = nodes;
  if (drifted + converging + unknown === 0) return `in sync on all ${total}`;
  return [
    ...(drifted > 0 ? [`${drifted} differ`] : []),
    ...(converging > 0 ? [`${converging} converging`] : []),
    ...(unknown > 0 ? [`${unknown} unknown`] : []),
    `${inSync} in sync`,
  ].join(', ');
}
