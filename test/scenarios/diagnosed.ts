/** Diagnoses of recorded clusters, with the changes that a test names: which layer broke first, and what mends it. */
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { observe } from '../../agent/observe.ts';
import { recordedHost } from '../../agent/recorded-host.ts';
import { diagnose } from '../../aggregator/diagnose/diagnose.ts';
import type { Diagnosis, DiagnosisQuestion } from '../../aggregator/model/diagnosis.ts';
import { readApiFolder } from '../../cli/audit/api-folder.ts';
import type { ObservedNode } from '../../cli/audit/audit-nodes.ts';
import { inputOf } from '../../cli/diagnose/recorded-input.ts';
import type { NodeParts } from '../../proto/parts.ts';
import { recordingFolder } from '../recordings.ts';

type Edit = (text: string) => string;

export interface Situation {
  /** `s1-healthy`. */
  readonly recording: string;
  /** Files of nodes and lists of the API, and what becomes of them: `node-a/net/ip-link.json`, `api/services.json`. */
  readonly files?: Readonly<Record<string, Edit>>;
  /** Parts that no recording has, by node. */
  readonly parts?: Readonly<Record<string, Partial<NodeParts>>>;
  /** The recordings' CNI plugins, bridge and ptp, enforce no NetworkPolicy; here one does, in the place of nobody. */
  readonly enforcesPolicies?: true;
  /** When the nodes are read, RFC 3339; ten minutes after s1 was made unless said. */
  readonly readAt?: string;
}

/** @throws when a change changes nothing, or the question cannot be asked. */
export async function diagnosed(
  situation: Situation,
  asked: Pick<DiagnosisQuestion, 'from' | 'to'> & Partial<DiagnosisQuestion>,
): Promise<Diagnosis> {
  const source = recordingFolder(situation.recording);
  const files = Object.entries(situation.files ?? {});
  const changed = new Set(files.map(([name]) => name.split('/')[0] ?? ''));
  const folder = mkdtempSync(join(tmpdir(), 'plumbline-diagnosed-'));
  folders.push(folder);
  for (const part of changed) cpSync(join(source, part), join(folder, part), { recursive: true });
  for (const [name, edit] of files) change(join(folder, name), edit);
  const placeOf = (part: string) => join(changed.has(part) ? folder : source, part);
  const state = readApiFolder(placeOf('api'), 'diagnose');
  if (!state.ok) throw new Error(state.refusal.cameBack);
  const nodes = readdirSync(source).filter((name) => name.startsWith('node-'));
  const observed = await Promise.all(nodes.map((name) => observedNode(name, placeOf(name), situation)));
  const input = inputOf(observed, state.value);
  const findings = input.findings.filter(
    ({ check }) => situation.enforcesPolicies === undefined || check !== 'policy-not-enforced',
  );
  const answer = diagnose({ port: null, protocol: null, ...asked }, { ...input, findings });
  if (!answer.ok) throw new Error(answer.problem);
  return answer.diagnosis;
}

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const observations = new Map<string, Promise<ObservedNode['observation']>>();

async function observedNode(name: string, folder: string, { parts = {}, readAt }: Situation): Promise<ObservedNode> {
  const at = readAt ?? '2026-11-22T07:40:00Z';
  const key = `${folder} ${at}`;
  const known = observations.get(key) ?? observe(recordedHost(folder), { now: () => new Date(at) });
  observations.set(key, known);
  const observation = await known;
  return { name, observation: { ...observation, parts: { ...observation.parts, ...parts[name] } } };
}

function change(path: string, edit: Edit): void {
  const before = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const after = edit(before);
  if (after === before) throw new Error(`${path} is as it was recorded`);
  writeFileSync(path, after);
}

/** What on-call reads first; of the remedy its first line. */
export function inShort({ verdict, firstBroken, sentence, steps, remediation }: Diagnosis) {
  const step = firstBroken === null ? undefined : steps[firstBroken.step];
  return {
    verdict,
    layer: firstBroken?.layer ?? null,
    direction: step?.direction ?? null,
    by: step?.finding?.check ?? null,
    sentence,
    remedy: remediation[0]?.command.split('\n')[0] ?? null,
  };
}

/** The same situation after the policies of a diagnosis' remedies were applied. */
export function withRemedies(situation: Situation, { remediation }: Diagnosis): Situation {
  const texts = remediation.flatMap(({ command }) => /<<'EOF'\n([\s\S]*)\nEOF$/.exec(command)?.[1] ?? []);
  const added = texts.flatMap((text) => parseAllDocuments(text).map((one) => one.toJS() as unknown));
  if (added.length === 0) throw new Error('no remedy is a policy');
  const list = 'api/networkpolicies.json';
  const before = situation.files?.[list] ?? ((text: string) => text);
  const edit: Edit = (text) => {
    const known = JSON.parse(before(text)) as { readonly items: readonly unknown[] };
    return JSON.stringify({ ...known, items: [...known.items, ...added] });
  };
  return { ...situation, files: { ...situation.files, [list]: edit } };
}

/** The verdict of each layer: `L1 pass`. */
export function layersOf({ layers }: Diagnosis): readonly string[] {
  return layers.map(({ layer, verdict }) => `${layer} ${verdict}`);
}
