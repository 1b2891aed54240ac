/** Audits of the recordings, through all the real code from the files to the findings. */
import { readFileSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import type { Finding } from '../../aggregator/model/finding.ts';
import { auditBundle } from '../../cli/audit/audit-bundle.ts';
import type { Audit } from '../../cli/audit/report.ts';
import { recordingFolder } from '../recordings.ts';

/** Folders within the recording, for recordings that hold several bundles; or absolute ones. */
export interface Within {
  readonly bundle?: string;
  readonly api?: string;
  readonly over?: string;
}

/**
 * Audits one recording: what is said of nodes. What is said of the API's objects alone is the same whatever nodes do, and
 * stands in api-objects.test.ts for every recording.
 */
export async function audited(name: string, within: Within = {}): Promise<Audit> {
  const audit = await auditedWhole(name, within);
  const findings = audit.report.findings.filter(({ node }) => node !== null);
  return { ...audit, report: { ...audit.report, findings } };
}

const audits = new Map<string, Promise<Audit>>();

/** Audits one recording: all that is said. Once for all tests of a file. @throws when it cannot be audited, which no test expects. */
export function auditedWhole(name: string, within: Within = {}): Promise<Audit> {
  // A folder of a test's own may change.
  if (within.bundle !== undefined && isAbsolute(within.bundle)) return auditOf(name, within);
  const key = JSON.stringify([name, within.bundle, within.api, within.over]);
  const audit = audits.get(key) ?? auditOf(name, within);
  audits.set(key, audit);
  return audit;
}

async function auditOf(name: string, within: Within): Promise<Audit> {
  const place = (folder: string | undefined) => (folder === undefined ? null : resolve(recordingFolder(name), folder));
  const outcome = await auditBundle({
    bundle: place(within.bundle) ?? recordingFolder(name),
    api: place(within.api),
    over: place(within.over),
  });
  if (!outcome.ok) throw new Error(`${outcome.refusal.attempted}: ${outcome.refusal.cameBack}`);
  return outcome.value;
}

/** facts.json of a recording: what was done to it. The members are those that its tests read. */
export interface Facts {
  readonly node?: string;
  readonly staleNodes?: readonly string[];
  readonly stale?: readonly string[];
  readonly service?: string | null;
  readonly portName?: string;
  readonly rulesRemoved?: readonly string[];
  readonly rulesDuplicated?: readonly string[];
  readonly changes?: readonly {
    readonly kind: string;
    readonly service?: string;
    readonly services?: readonly string[];
  }[];
}

/** @param folder of the recording; its top unless given. */
export function factsOf(name: string, folder = ''): Facts {
  return JSON.parse(readFileSync(join(recordingFolder(name), folder, 'facts.json'), 'utf8')) as Facts;
}

/** `namespace/name` of the Service that a finding is about; null where it is about none. */
export function serviceOf({ subject }: Finding): string | null {
  return subject.kind === 'Service' ? `${subject.namespace}/${subject.name}` : null;
}

/** Each node's state by name. */
export function statesOf({ report }: Audit): Readonly<Record<string, string>> {
  return Object.fromEntries(report.nodes.map(({ name, state }) => [name, state]));
}
