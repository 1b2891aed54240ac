/**
 * What a node reports has to fit its form, and may say anything within it. Reports of the recorded clusters with leaves
 * changed at random, as far as ingest takes them: no check throws on one, nor does a diagnosis, and both say sentences.
 */
import { describe, expect, it } from 'vitest';
import { randomFrom } from '../../agent/node-iptables-parse/random.ts';
import { recordedHost } from '../../agent/recorded-host.ts';
import { readPart } from '../../aggregator/ingest/part-schemas.ts';
import { diagnose } from '../../aggregator/diagnose/diagnose.ts';
import type { ClusterSnapshot } from '../../aggregator/model/cluster.ts';
import { readApiFolder } from '../../cli/audit/api-folder.ts';
import { observeAll, type ObservedNode } from '../../cli/audit/audit-nodes.ts';
import { openBundle } from '../../cli/audit/bundle.ts';
import { inputOf } from '../../cli/diagnose/recorded-input.ts';
import type { NodeParts, PartName } from '../../proto/parts.ts';
import { dnsReport, lookup, replicas } from '../dns-node.ts';
import { flannelParts } from '../flannel-node.ts';
import { recordingFolder } from '../recordings.ts';
import { reported } from '../view-builders.ts';

type Json = null | boolean | number | string | readonly Json[] | { readonly [member: string]: Json };
type Random = () => number;
const pick = <T>(random: Random, from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;

/** Texts that fit many forms, and mean something else than what stood there. */
const texts = [
  ...['', '0.0.0.0', '127.0.0.1', '::', 'fe80::1', '255.255.255.255', '10.96.0.1', '10.96.0.10', '10.244.1.2'],
  ...['0.0.0.0/0', '::/0', '10.0.0.0/8', '10.244.1.2/32', 'node-a', 'node-b', 'eth0', 'cni0', 'lo', 'none', '0'],
  ...['__proto__', 'constructor', 'kube-system/kube-dns', 'tcp 10.96.0.1:443', 'x'.repeat(60), '\u202e', '$(id)'],
];
const rounds = 60;
const numbers = [0, 1, -1, 2, 53, 65535, 65536, 1e9, Number.MAX_SAFE_INTEGER, 0.5];

/** Every leaf is kept, but for one in `rarity`. */
function altered(json: Json, known: readonly string[], random: Random, rarity: number): Json {
  const again = (one: Json) => altered(one, known, random, rarity);
  if (random() < 1 / (rarity * 4)) return null;
  if (Array.isArray(json)) {
    const list = json.map(again);
    if (random() >= 4 / rarity) return list;
    return pick<readonly Json[]>(random, [[], list.slice(1), [...list, ...list.slice(0, 1)], list.toReversed()]);
  }
  if (typeof json === 'object' && json !== null) {
    return Object.fromEntries(Object.entries(json).map(([member, value]) => [member, again(value)]));
  }
  if (random() >= 1 / rarity) return json;
  switch (typeof json) {
    case 'string':
      return random() < 0.5 ? pick(random, texts) : pick(random, known);
    case 'number':
      return pick(random, numbers);
    default:
      return typeof json === 'boolean' ? !json : json;
  }
}

function textsOf(json: Json): readonly string[] {
  if (typeof json === 'string') return [json];
  return typeof json === 'object' && json !== null ? Object.values(json).flatMap(textsOf) : [];
}

/** What the recording has not, as sound nodes report it. */
const samples: Partial<NodeParts> = {
  ...flannelParts(1),
  dns: reported(dnsReport({ lookups: replicas.map((server) => lookup({ by: 'backend', server })) })),
};

async function recorded(recording: string): Promise<{ nodes: readonly ObservedNode[]; state: ClusterSnapshot }> {
  const bundle = await openBundle({ bundle: recordingFolder(recording), api: null, over: null });
  if (!bundle.ok) throw new Error(bundle.refusal.cameBack);
  const state = readApiFolder(bundle.value.apiFolder, 'read');
  if (!state.ok) throw new Error(state.refusal.cameBack);
  const raw = bundle.value.nodes.flatMap((node) =>
    'under' in node ? [{ name: node.name, host: recordedHost(node.folder, node.under ?? undefined) }] : [],
  );
  const nodes = await observeAll(raw);
  bundle.value.close();
  return { nodes, state: state.value };
}

/** The same node with other parts, each altered until its form takes it, twenty times at most. */
function oddNode(node: ObservedNode, random: Random, taken: Map<string, number>): ObservedNode {
  const { parts } = node.observation;
  const odd = Object.entries(parts).map(([name, part]) => {
    const told = part.state === 'ok' ? part : samples[name as keyof NodeParts];
    if (told?.state !== 'ok' || name === 'forwarding') return [name, part];
    const json = JSON.parse(JSON.stringify(told.value)) as Json;
    const known = textsOf(json);
    for (let tries = 0; tries < 20; tries++) {
      const value = altered(json, known, random, pick(random, [20, 60, 200]));
      const read = readPart(name as PartName, JSON.stringify({ state: 'ok', value }));
      if (read.state !== 'ok') continue;
      taken.set(name, (taken.get(name) ?? 0) + 1);
      return [name, { ...told, value: read.value }];
    }
    return [name, told];
  });
  return { ...node, observation: { ...node.observation, parts: Object.fromEntries(odd) as unknown as NodeParts } };
}

const questions = [
  ['pod', 'svc'],
  ['node', 'svc'],
  ['pod', 'pod'],
  ['node', 'node'],
] as const;

describe.each(['s1-healthy', 's4-mixed-backends', 's6d-ipvs-damage'])('reports of %s with odd values', (recording) => {
  it('are judged and diagnosed without a throw, in sentences', async () => {
    const { nodes, state } = await recorded(recording);
    const ends = {
      pod: (state.pods ?? []).map(({ namespace, name }) => `pod/${namespace}/${name}`),
      node: state.nodes.map(({ name }) => `node/${name}`),
      svc: state.services.map(({ namespace, name }) => `svc/${namespace}/${name}`),
    };
    const taken = new Map<string, number>();
    const slips: string[] = [];
    let findings = 0;
    for (let seed = 0; seed < rounds; seed++) {
      const random = randomFrom(seed);
      const input = inputOf(
        nodes.map((node) => oddNode(node, random, taken)),
        state,
      );
      findings += input.findings.length;
      const told = input.findings.flatMap(({ summary, evidence, remediation }) => [
        summary,
        ...evidence.map((one) => JSON.stringify(one)),
        ...remediation.map((one) => JSON.stringify(one)),
      ]);
      for (const [from, to] of questions) {
        if (ends[from].length === 0 || ends[to].length === 0) continue;
        const question = { from: pick(random, ends[from]), to: pick(random, ends[to]), port: null, protocol: null };
        const answer = diagnose(question, input);
        if (answer.ok) told.push(answer.diagnosis.sentence, ...answer.diagnosis.steps.map(({ sentence }) => sentence));
      }
      slips.push(...told.filter((text) => /undefined|NaN|\[object/.test(text)).map((text) => `${seed}: ${text}`));
    }
    expect([...new Set(slips)]).toEqual([]);
    expect(findings).toBeGreaterThan(rounds);
    expect(Math.min(...taken.values())).toBeGreaterThan(rounds / 2);
  });
});
