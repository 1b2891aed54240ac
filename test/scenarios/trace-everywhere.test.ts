/** What must hold for every diagnosis, whoever asks about whom: a spread of pairs over each recorded cluster. */
import { describe, expect, it } from 'vitest';
import { diagnose } from '../../aggregator/diagnose/diagnose.ts';
import type { DiagnosisInput } from '../../aggregator/diagnose/input.ts';
import type { Diagnosis } from '../../aggregator/model/diagnosis.ts';
import type { Service } from '../../aggregator/model/cluster.ts';
import { recordedInput } from '../../cli/diagnose/recorded-input.ts';
import { recordingFolder } from '../recordings.ts';

const recordings = [
  's1-healthy',
  's2-stale-stopped',
  's2b-stale-partition',
  's4-mixed-backends',
  's5-recovered',
  's6-ipvs-healthy',
  's6b-ipvs-stale',
  's6d-ipvs-damage',
];

const pairsOfEach = 300;

describe.each(recordings)('every diagnosis of %s', (recording) => {
  it('holds together, reads as sentences, and says the same when asked again', async () => {
    const input = await inputFrom(recording);
    const pairs = pairsOf(input);
    expect(pairs).toHaveLength(pairsOfEach);
    expect(pairs.flatMap(([from, to]) => faultsOf(input, from, to))).toEqual([]);
  });
});

async function inputFrom(recording: string): Promise<DiagnosisInput> {
  const places = { bundle: recordingFolder(recording), api: null, over: null };
  const read = await recordedInput(places, () => () => undefined);
  if (!read.ok) throw new Error(read.refusal.cameBack);
  return read.value;
}

/** The same pairs each time, spread over both lists by strides. */
function pairsOf({ objects }: DiagnosisInput): readonly (readonly [string, string])[] {
  const services = [...objects.services()];
  const namespaces = [...new Set(services.map(({ namespace }) => namespace))];
  const pods = namespaces.flatMap((namespace) => [...objects.podsIn(namespace)]);
  const nodes = [...objects.nodes()];
  const own = [
    ...pods.map(({ namespace, name }) => `pod/${namespace}/${name}`),
    ...nodes.map(({ name }) => `node/${name}`),
  ];
  const nodePorts = services.flatMap(({ ports }) =>
    ports.flatMap(({ nodePort }) => (nodePort === 0 ? [] : [nodePort])),
  );
  const from = [...own, '203.0.113.77', '10.244.1.250', 'fd00:9::1'];
  const to = [
    ...own,
    ...services.flatMap(spellings),
    ...pods.flatMap(({ addresses }) => addresses.map((address) => at(address, 8080))),
    ...nodes.flatMap(({ addresses }) => addresses.flatMap((address) => nodePorts.map((port) => at(address, port)))),
    ...['example.com:443', 'nothing.nowhere', '8.8.8.8:53', '[2001:db8::1]:443', '10.244.9.9', '10.96.250.250:80'],
  ];
  return Array.from(
    { length: pairsOfEach },
    (_, index) => [from[(index * 7) % from.length] ?? '', to[(index * 31) % to.length] ?? ''] as const,
  );
}

function spellings({ namespace, name, ports, clusterIPs, externalIPs }: Service): readonly string[] {
  const addresses = [clusterIPs.ipv4, clusterIPs.ipv6, ...externalIPs].filter((one) => one !== undefined);
  return [
    `svc/${namespace}/${name}`,
    `${name}.${namespace}`,
    ...ports.flatMap(({ port }) => addresses.map((address) => at(address, port))),
  ];
}

function at(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function faultsOf(input: DiagnosisInput, from: string, to: string): readonly string[] {
  const question = { from, to, port: null, protocol: null };
  const answer = diagnose(question, input);
  const again = JSON.stringify(diagnose(question, input)) === JSON.stringify(answer);
  const faults = answer.ok ? [...structureFaults(input, answer.diagnosis), ...textFaults(answer.diagnosis)] : [];
  return [...(again ? [] : ['another answer when asked again']), ...faults].map(
    (fault) => `${from} to ${to}: ${fault}`,
  );
}

function structureFaults(input: DiagnosisInput, { steps, layers, firstBroken, ...told }: Diagnosis): readonly string[] {
  const first = steps.findIndex(({ verdict }) => verdict === 'fail');
  const expected = first !== -1 ? 'broken' : steps.some(({ verdict }) => verdict === 'unknown') ? 'unknown' : 'works';
  const known = new Set(input.findings.map(({ fingerprint }) => fingerprint));
  const rules: readonly (readonly [boolean, string])[] = [
    [layers.map(({ layer }) => layer).join(' ') === 'L1 L2 L3 L4 L5', 'not the five layers'],
    [told.verdict === expected, `${told.verdict} where its steps say ${expected}`],
    [(firstBroken?.step ?? -1) === first, 'not the first step that fails'],
    [firstBroken === null || told.sentence.includes(steps[first]?.sentence ?? ''), 'a sentence of another step'],
    [
      firstBroken === null || layers.find(({ verdict }) => verdict === 'fail')?.layer === firstBroken.layer,
      'not the lowest',
    ],
    [told.verdict !== 'works' || layers.some(({ verdict }) => verdict === 'pass'), 'works, by nothing that passed'],
    [steps.every(({ finding }) => finding === null || known.has(finding.fingerprint)), 'a finding that is not open'],
  ];
  return rules.flatMap(([holds, fault]) => (holds ? [] : [fault]));
}

/** Values that were never meant to be read, slips of grammar, and an IPv6 address that runs into its port. */
const slips =
  /undefined|\bnull\b|\[object|NaN| {2}|\.\.| ,|,,|\b1 (?:seconds|minutes|hours|days|endpoints|pods|nodes)\b|: none\./;

function textFaults({ sentence, steps, hops }: Diagnosis): readonly string[] {
  const sentences = [sentence, ...steps.map((step) => step.sentence)];
  const commands = steps.flatMap(({ remediation }) => remediation.map(({ command }) => command));
  return [
    ...[...sentences, ...hops.map(({ does }) => does)].filter((text) => slips.test(text)),
    ...sentences.filter((text) => !text.endsWith('.')),
    ...commands.filter((text) => /undefined|\[object|NaN/.test(text)),
  ];
}
