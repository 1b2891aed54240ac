/** A kube-proxy that is cut off from the API server and calls itself healthy, as the running aggregator sees it. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { observe } from '../../agent/observe.ts';
import { recordedHost } from '../../agent/recorded-host.ts';
import { desiredState } from '../../aggregator/audit/desired.ts';
import { isLargeCluster } from '../../aggregator/audit/service-ports.ts';
import { buildView } from '../../aggregator/audit/view.ts';
import { checks } from '../../aggregator/checks/index.ts';
import type { NodeView, Staleness } from '../../aggregator/model/check.ts';
import { readApiFolder } from '../../cli/audit/api-folder.ts';
import { findingsOf } from '../findings-of.ts';
import { recordingFolder } from '../recordings.ts';
import { objects } from '../view-builders.ts';
import { factsOf, serviceOf } from './audited.ts';

/** The changes were made 71 s before it was recorded. */
const changedAt = '2026-11-22T07:51:05.000Z';
const wantedUntilThen: Staleness = { shows: 'past-state', from: '2026-11-22T07:50:20.000Z', until: changedAt };

/** One node of the recording, with a history that says of all that differs there the same. */
async function viewOf(name: string, shown: Staleness): Promise<NodeView> {
  const folder = recordingFolder('s2b-stale-partition');
  const state = readApiFolder(join(folder, 'api'), 'read the API');
  if (!state.ok) throw new Error(state.refusal.cameBack);
  const { profile, parts } = await observe(recordedHost(join(folder, name)));
  const node = state.value.nodes.find((candidate) => candidate.name === name) ?? null;
  const desired = desiredState(state.value, { name, zone: node?.zone ?? null, profile });
  const view = buildView({
    name,
    node,
    profile,
    parts,
    desired,
    largeCluster: isLargeCluster(state.value),
    objects: objects(state.value),
    peers: { parts: () => null },
  });
  const staleness = new Map(view.drift.map(({ key }) => [key, shown]));
  return {
    ...view,
    history: { reachesBackTo: '2026-11-22T07:00:00.000Z', staleness, desiredChangedAt: changedAt },
  };
}

describe('a node that is cut off from the API server (s2b, node-b)', () => {
  it('has one finding, and those of every Service that changed below it', async () => {
    const findings = findingsOf(await viewOf('node-b', wantedUntilThen), checks);
    const roots = findings.filter(({ parent }) => parent === null);
    expect(roots.map(({ check, summary }) => `${check}: ${summary}`)).toEqual([
      'proxy-stalled: node-b stands still at the state of 2026-11-22T07:51:05Z: 5 Services that changed since are served as they were then, while kube-proxy calls itself healthy.',
    ]);
    const children = findings.filter(({ parent }) => parent === roots[0]?.fingerprint);
    expect([...new Set(children.map(serviceOf))].sort()).toEqual(
      [...(factsOf('s2b-stale-partition').stale ?? [])].sort(),
    );
  });

  it('tells what kube-proxy says: healthy, and nothing synced since before the changes', async () => {
    const findings = findingsOf(await viewOf('node-b', wantedUntilThen), checks);
    const evidence = findings.find(({ check }) => check === 'proxy-stalled')?.evidence ?? [];
    expect(evidence.map((one) => (one.kind === 'fact' ? `${one.name}: ${one.value}` : one.kind))).toEqual([
      'state of: 2026-11-22T07:51:05Z',
      'Services that show it: 5: payments/ledger, payments/ledger-v6, payments/ledger-v6np, payments/refunds and shop/api-nodeport',
      '/healthz: healthy',
      'last sync, IPv4: 2026-11-22T07:50:20Z, 44 s before that moment',
      'last sync, IPv6: 2026-11-22T07:50:17Z, 47 s before that moment',
      'changes of Services it heard of: 80 since its start',
      'changes of endpoints it heard of: 40 since its start',
      'the API last changed what it should do: 2026-11-22T07:51:05Z',
    ]);
  });

  it('whose differences nobody ever wanted is damaged, not stalled', async () => {
    const findings = findingsOf(await viewOf('node-b', { shows: 'never-wanted' }), checks);
    expect(findings.filter(({ check }) => check === 'proxy-stalled')).toEqual([]);
    expect(findings.length).toBeGreaterThan(0);
  });

  it('leaves the node beside it, which followed, without a finding (node-a)', async () => {
    expect(findingsOf(await viewOf('node-a', wantedUntilThen), checks)).toEqual([]);
  });
});
