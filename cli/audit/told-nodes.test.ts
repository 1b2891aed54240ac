import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Finding } from '../../aggregator/model/finding.ts';
import type { AuditMoment } from '../../aggregator/model/moment.ts';
import type { FrontendKey } from '../../proto/forwarding.ts';
import { nodeRecord, tracked } from '../../test/audit-record.ts';
import { recordedMoment, unpackedSnapshot } from '../../test/recorded-moment.ts';
import { recordingFolder } from '../../test/recordings.ts';
import { auditBundle } from './audit-bundle.ts';
import type { Audit } from './report.ts';

const tidy: (() => void)[] = [];
afterEach(() => {
  for (const remove of tidy.splice(0)) remove();
});

async function audited(bundle: string): Promise<Audit> {
  const outcome = await auditBundle({ bundle, api: null, over: null });
  if (!outcome.ok) throw new Error(outcome.refusal.cameBack);
  return outcome.value;
}

async function snapshotOf(moment: AuditMoment): Promise<string> {
  const { folder, remove } = await unpackedSnapshot(moment);
  tidy.push(remove);
  return folder;
}

/** Without what a table of buckets gives in another order, and rules, which travel only when a finding asks for them. */
function inEssence({ evidence: _evidence, summary: _summary, ...finding }: Finding) {
  return finding;
}

const recording = 's2b-stale-partition';
let recorded: Promise<AuditMoment> | null = null;
function moment(): Promise<AuditMoment> {
  recorded ??= recordedMoment(recording);
  return recorded;
}

describe('the audit of what agents told', () => {
  it.each([recording, 's4-mixed-backends', 's6b-ipvs-stale'])(
    'says of each node and Service what the audit of the nodes themselves says: recording %s',
    async (name) => {
      const raw = await audited(recordingFolder(name));
      const told = await audited(await snapshotOf(await recordedMoment(name)));
      expect(told.report.nodes).toEqual(raw.report.nodes);
      expect(told.untold).toEqual(raw.untold);
      expect(told.report.findings.map(inEssence)).toEqual(raw.report.findings.map(inEssence));
    },
  );

  it('leaves out what was converging, which nobody was told then either', async () => {
    const settled = await moment();
    const told = await audited(await snapshotOf(settled));
    const [stale] = told.report.findings.filter(({ check }) => check === 'stale-endpoint');
    const frontends = (stale?.evidence ?? []).flatMap((piece) => (piece.kind === 'backend' ? [piece.frontend] : []));
    const converging = frontends.map((frontend) => frontend as FrontendKey);
    const nodes = settled.nodes.map((node) => ({ ...node, converging }));
    const calmer = await audited(await snapshotOf({ ...settled, nodes }));
    const fingerprints = calmer.report.findings.map(({ fingerprint }) => fingerprint);
    expect(stale).toBeDefined();
    expect(fingerprints).not.toContain(stale?.fingerprint);
  });

  it('keeps a node that could not be judged unknown, for its reason, and its findings with it', async () => {
    const settled = await moment();
    const notJudgedBecause = 'the agent of node-b is silent';
    const frontends = { total: 90, inSync: 0, drifted: 0, unknown: 90 };
    const record = nodeRecord('node-b', { state: 'unknown', frontends, unknownBecause: [notJudgedBecause] });
    const nodes = settled.nodes.map((node) =>
      node.record.name === 'node-b' ? { ...node, record, notJudgedBecause, history: null } : node,
    );
    const frozen = tracked('stale-endpoint', { state: 'unknown', unknownBecause: notJudgedBecause });
    const resolved = tracked('stale-endpoint', { fingerprint: 'another', state: 'firing' });
    const { report, untold } = await audited(await snapshotOf({ ...settled, nodes, findings: [frozen, resolved] }));
    expect(report.nodes.find(({ name }) => name === 'node-b')).toEqual({
      name: 'node-b',
      mode: 'iptables',
      state: 'unknown',
      frontends,
    });
    expect(untold.get('node-b')).toBe(notJudgedBecause);
    const ofNode = report.findings.filter(({ node }) => node === 'node-b');
    expect(ofNode.map(({ fingerprint, state }) => [fingerprint, state])).toEqual([['of-stale-endpoint', 'unknown']]);
  });
});

describe('a snapshot that was changed', () => {
  const refusal = async (bundle: string) => {
    const outcome = await auditBundle({ bundle, api: null, over: null });
    return outcome.ok ? null : outcome.refusal.cameBack.replaceAll(bundle, 'snapshot');
  };

  it.each([
    [
      'an entry of a table that says something else than its digest',
      'node-a/table.json',
      (text: string) => text.replaceAll('"masquerade":"always"', '"masquerade":"never"'),
      /^snapshot\/node-a: table\.json: the entries of leaf [0-9a-f]{32} have digest [0-9a-f]{32}$/,
    ],
    [
      'a table without one of its buckets',
      'node-a/table.json',
      (text: string) => text.replace(/\n\{"index":\d+.*\},\n/, '\n'),
      /^snapshot\/node-a: table\.json: its buckets are not those of its digest: it was changed, or is cut$/,
    ],
    [
      'a table that is cut',
      'node-a/table.json',
      (text: string) => text.slice(0, 5000),
      /^snapshot\/node-a: table\.json: is no JSON/,
    ],
    [
      'a node without a name',
      'node-a/node.json',
      (text: string) => text.replace('"name"', '"nom"'),
      /^snapshot\/node-a\/node\.json: /,
    ],
  ])('is refused: %s', async (_what, file, change, expected) => {
    const folder = await snapshotOf(await moment());
    const path = join(folder, file);
    const before = readFileSync(path, 'utf8');
    writeFileSync(path, change(before));
    expect(readFileSync(path, 'utf8')).not.toBe(before);
    expect(await refusal(folder)).toMatch(expected);
  });

  it('is unknown where a part does not fit its form', async () => {
    const folder = await snapshotOf(await moment());
    writeFileSync(join(folder, 'node-a/parts/kubeProxy.json'), '{"state":"ok","value":{"healthz":"splendid"}}');
    const { untold } = await audited(folder);
    expect(untold.get('node-a')).toContain('kubeProxy: part kubeProxy did not fit');
  });

  it('is unknown where a node has a table no more', async () => {
    const folder = await snapshotOf(await moment());
    rmSync(join(folder, 'node-a/table.json'));
    const outcome = await auditBundle({ bundle: folder, api: null, over: null });
    const said = outcome.ok ? [...outcome.value.untold.values()].join('; ') : outcome.refusal.cameBack;
    expect(said).toMatch(/the snapshot has no table of the node|there is no such table/);
  });

  it('and a folder of another name beside it is no node', async () => {
    const folder = await snapshotOf(await moment());
    mkdirSync(join(folder, 'notes'));
    const { untold } = await audited(folder);
    expect([...untold.keys()]).not.toContain('notes');
  });
});
