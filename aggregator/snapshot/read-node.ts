/** Reads back what a snapshot tells of one node: its document and its parts. */
import Type from 'typebox';
import { Compile } from 'typebox/compile';
import { parseFrontendKey } from '../../proto/canonical.ts';
import type { FrontendKey } from '../../proto/forwarding.ts';
import type { NodeParts, Part, PartName } from '../../proto/parts.ts';
import type { DataplaneMode, NodeProfile } from '../../proto/profile.ts';
import { unknownProfile } from '../ingest/kept-part.ts';
import { type PartValues, readPart } from '../ingest/part-schemas.ts';
import type { NodeHistory, Staleness } from '../model/check.ts';
import type { NodeStatus } from '../model/node-status.ts';

const time = Type.String({ maxLength: 40 });
const count = Type.Integer({ minimum: 0 });
const words = Type.Array(Type.String());
const period = Type.Object({ from: time, until: time });
const shown = Type.Union([
  Type.Object({
    frontend: Type.String(),
    shows: Type.Literal('past-state'),
    from: time,
    until: time,
    earlier: Type.Optional(Type.Array(period)),
  }),
  Type.Object({ frontend: Type.String(), shows: Type.Literal('never-wanted'), changedAt: Type.Optional(time) }),
]);
const form = Compile(
  Type.Object({
    kind: Type.Literal('NodeSnapshot'),
    node: Type.Object({
      name: Type.String(),
      mode: Type.Enum(['iptables', 'nftables', 'ipvs', 'cilium', 'ebpf', 'none', 'unknown']),
      frontends: Type.Object({ total: count, inSync: count, drifted: count, unknown: count }),
      unknownBecause: words,
    }),
    notJudgedBecause: Type.Union([Type.String(), Type.Null()]),
    history: Type.Union([
      Type.Object({
        reachesBackTo: time,
        desiredChangedAt: Type.Union([time, Type.Null()]),
        staleness: Type.Array(shown),
      }),
      Type.Null(),
    ]),
    converging: words,
  }),
);

/** What the aggregator said of the node. */
export interface ToldNode {
  readonly status: NodeStatus;
  /** Null = it was judged. */
  readonly notJudgedBecause: string | null;
  readonly history: NodeHistory | null;
  readonly converging: ReadonlySet<FrontendKey>;
}

export type ToldReading =
  | { readonly ok: true; readonly value: ToldNode }
  | { readonly ok: false; readonly problem: string };

/** @param json what `node.json` holds. */
export function readToldNode(json: unknown): ToldReading {
  if (!form.Check(json)) {
    const [first] = form.Errors(json);
    return { ok: false, problem: `${first?.instancePath ?? ''} ${first?.message ?? 'is no node'}`.trim() };
  }
  const { node, notJudgedBecause, history, converging } = json;
  const { name, frontends } = node;
  const mode: DataplaneMode | 'unknown' = node.mode;
  return {
    ok: true,
    value: {
      status: { name, mode, state: 'unknown', frontends },
      notJudgedBecause,
      history: history === null ? null : { ...history, staleness: new Map(history.staleness.flatMap(datedOf)) },
      converging: new Set(converging.flatMap(keyOf)),
    },
  };
}

function datedOf({ frontend, ...rest }: Type.Static<typeof shown>): readonly (readonly [FrontendKey, Staleness])[] {
  return keyOf(frontend).map((key) => [key, rest as Staleness] as const);
}

function keyOf(text: string): readonly FrontendKey[] {
  return parseFrontendKey(text) === null ? [] : [text as FrontendKey];
}

/** The parts of a node, that of its table without the table. */
export interface ToldParts {
  readonly profile: NodeProfile;
  readonly parts: Omit<NodeParts, 'forwarding'>;
  readonly forwarding: Part<PartValues['forwarding']>;
}

/** @param jsonOf what the file of a part holds, null where there is none. What does not fit counts as failed. */
export function readToldParts(jsonOf: (name: PartName) => unknown): ToldParts {
  const part = <Name extends PartName>(name: Name): Part<PartValues[Name]> => {
    const json = jsonOf(name);
    return json === null ? { state: 'absent' } : partOf(name, json);
  };
  const profile = part('profile');
  return {
    profile: profile.state === 'ok' ? profile.value : unknownProfile('the snapshot has no profile of the node'),
    forwarding: part('forwarding'),
    parts: {
      iptables: part('iptables'),
      nftables: part('nftables'),
      ipvs: part('ipvs'),
      ebpfProxy: part('ebpfProxy'),
      conntrack: part('conntrack'),
      kernel: part('kernel'),
      kubeProxy: part('kubeProxy'),
      addresses: part('addresses'),
      proxyTraces: part('proxyTraces'),
      routes: part('routes'),
      links: part('links'),
      neighbours: part('neighbours'),
      networkSettings: part('networkSettings'),
      networkCounters: part('networkCounters'),
      offloads: part('offloads'),
      cni: part('cni'),
      flannel: part('flannel'),
      bird: part('bird'),
      podNetworks: part('podNetworks'),
      sandboxes: part('sandboxes'),
      probes: part('probes'),
      dns: part('dns'),
    },
  };
}

function partOf<Name extends PartName>(name: Name, json: unknown): Part<PartValues[Name]> {
  const record = typeof json === 'object' && json !== null ? (json as Readonly<Record<string, unknown>>) : {};
  const { collectedAt, ...rest } = record;
  const read = readPart(name, JSON.stringify(rest));
  if (read.state === 'misfit') return { state: 'failed', reason: `part ${name} did not fit: ${read.message}` };
  if (read.state === 'failed') return read;
  return { state: 'ok', value: read.value, collectedAt: typeof collectedAt === 'string' ? collectedAt : '' };
}
