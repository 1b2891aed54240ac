/**
 * Recorded nodes with a named change: what was recorded, but for the files that a test edits, and the answers that were
 * never recorded and that a test gives in their form.
 */
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { readersOf } from '../../agent/collectors/readers.ts';
import type { Host } from '../../agent/host.ts';
import { observe } from '../../agent/observe.ts';
import { recordedHost } from '../../agent/recorded-host.ts';
import { subjectText } from '../../aggregator/model/finding.ts';
import { readApiFolder } from '../../cli/audit/api-folder.ts';
import { judge } from '../../cli/audit/audit-nodes.ts';
import type { Audit } from '../../cli/audit/report.ts';
import { recordingFolder } from '../recordings.ts';

type Edit = (text: string) => string;

/** A recorded node that answers more. */
export type Answering = (recorded: Host) => Host;

export interface Change {
  /** `s1-healthy/node-a`. */
  readonly of: string;
  /** Files of the node, and what becomes of them; one that was not recorded is empty before. */
  readonly files?: Readonly<Record<string, Edit>>;
  /** Lists of the API likewise: `services.json`. */
  readonly api?: Readonly<Record<string, Edit>>;
  /** Answers that were not recorded. */
  readonly host?: Answering;
  /** Read once more, so many seconds later; `host` is asked for the answers of each reading. */
  readonly againAfterSeconds?: number;
}

/** Audits one node of a recording with a change, against the API objects of that recording. */
async function auditChanged(change: Change): Promise<Audit> {
  const [recording = '', node = ''] = change.of.split('/');
  const folder = mkdtempSync(join(tmpdir(), 'plumbline-changed-'));
  folders.push(folder);
  cpSync(join(recordingFolder(recording), node), join(folder, node), { recursive: true });
  cpSync(join(recordingFolder(recording), 'api'), join(folder, 'api'), { recursive: true });
  edit(join(folder, node), change.files ?? {});
  edit(join(folder, 'api'), change.api ?? {});
  const state = readApiFolder(join(folder, 'api'), 'audit');
  if (!state.ok) throw new Error(state.refusal.cameBack);
  return judge([{ name: node, observation: await observation(join(folder, node), change) }], state.value, 'observed');
}

/**
 * What one check says of that node, and of the API objects: `severity subject`, `(unknown)` where it is not decided.
 * @throws when the change changes nothing.
 */
export async function toldBy(check: string, change: Change): Promise<readonly string[]> {
  const { report } = await auditChanged(change);
  const told = report.findings.filter((finding) => finding.check === check);
  return told.map(({ severity, state, subject }) => {
    return `${severity} ${subjectText(subject)}${state === 'unknown' ? ' (unknown)' : ''}`;
  });
}

async function observation(folder: string, { host = (recorded) => recorded, againAfterSeconds }: Change) {
  const recorded = recordedHost(folder);
  if (againAfterSeconds === undefined) return observe(host(recorded));
  let seconds = 0;
  let answering = host(recorded);
  const both: Host = {
    run: (command, onOutput) => answering.run(command, onOutput),
    read: (path, maxBytes) => answering.read(path, maxBytes),
    get: (url, deadlineMs) => answering.get(url, deadlineMs),
    list: async (path, maxNames) =>
      (await answering.list?.(path, maxNames)) ?? { ok: false, kind: 'absent', message: `${path} was not recorded` },
    identify: async (path) => (await answering.identify?.(path)) ?? null,
  };
  const clock = { now: () => new Date(1000 * seconds), monotonicMs: () => 1000 * seconds };
  const readers = readersOf(both, clock, true);
  await observe(both, { readers });
  seconds = againAfterSeconds;
  answering = host(recorded);
  return observe(both, { readers });
}

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function edit(folder: string, edits: Readonly<Record<string, Edit>>): void {
  for (const [name, change] of Object.entries(edits)) {
    const path = join(folder, name);
    const before = existsSync(path) ? readFileSync(path, 'utf8') : '';
    const after = change(before);
    if (after === before) throw new Error(`${name} is as it was recorded`);
    writeFileSync(path, after);
  }
}
