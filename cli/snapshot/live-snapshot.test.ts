import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recordedHost } from '../../agent/recorded-host.ts';
import { scriptedHost } from '../../agent/scripted-host.ts';
import { recordingFolder } from '../../test/recordings.ts';
import { auditBundle } from '../audit/audit-bundle.ts';
import { type LivePlan, recordMachine } from './live-snapshot.ts';
import { packFolder } from './packed-folder.ts';

let place = '';
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'plumbline-test-'));
});
afterEach(() => rmSync(place, { recursive: true }));

const recording = recordingFolder('s1-healthy');
const keepOpen = () => () => undefined;

function plan(changes: Partial<LivePlan> = {}): LivePlan {
  return {
    api: { folder: join(recording, 'api') },
    node: null,
    hostname: 'somewhere',
    version: '0.2.0',
    now: () => new Date('2026-11-22T12:00:00Z'),
    host: recordedHost(join(recording, 'node-a')),
    ...changes,
  };
}

function record(changes: Partial<LivePlan> = {}) {
  return recordMachine(join(place, 'bundle'), plan(changes), keepOpen);
}

describe('a snapshot of a machine', () => {
  it('is a bundle of its node, named as kube-proxy names it, with the lists of the API', async () => {
    expect(await record()).toEqual({ ok: true, value: { node: 'node-a', gaps: [] } });
    expect(readdirSync(join(place, 'bundle')).sort()).toEqual(['api', 'node-a', 'snapshot.json']);
    expect(readdirSync(join(place, 'bundle/api')).sort()).toEqual([
      ...['endpointslices', 'events', 'namespaces', 'networkpolicies', 'nodes', 'pods', 'services'].map(
        (name) => `${name}.json`,
      ),
    ]);
    expect(JSON.parse(readFileSync(join(place, 'bundle/snapshot.json'), 'utf8'))).toEqual({
      apiVersion: 'plumbline.dev/v1',
      kind: 'NodeRecording',
      version: '0.2.0',
      takenAt: '2026-11-22T12:00:00.000Z',
      node: 'node-a',
      leftOut: [],
    });
  });

  it('is audited packed as it is unpacked', async () => {
    await record();
    const archive = join(place, 'bundle.tar.gz');
    await packFolder(join(place, 'bundle'), archive, 0);
    const audits = await Promise.all(
      [join(place, 'bundle'), archive].map((bundle) => auditBundle({ bundle, api: null, over: null })),
    );
    expect(audits[0]?.ok).toBe(true);
    expect(audits[1]).toEqual(audits[0]);
  });

  it('without a kubeconfig is of the node alone, and says so', async () => {
    const environment = { KUBECONFIG: join(place, 'none') };
    const taken = await record({ api: { access: { kubeconfig: null, context: null, environment } } });
    expect(taken.ok && taken.value.gaps.map((gap) => gap.replace(place, 'place'))).toEqual([
      "the API's objects were not recorded: no kubeconfig was found (there is no place/none), and this is no pod with a service account; audit it with --api",
    ]);
    expect(readdirSync(join(place, 'bundle')).sort()).toEqual(['node-a', 'snapshot.json']);
  });

  it('with a kubeconfig that cannot be read is none', async () => {
    const kubeconfig = join(place, 'kubeconfig');
    writeFileSync(kubeconfig, 'clusters: [');
    const taken = await record({ api: { access: { kubeconfig, context: null, environment: {} } } });
    expect(taken.ok).toBe(false);
  });

  it('that the API does not know is none', async () => {
    const taken = await record({ node: 'node-x' });
    expect(taken.ok ? null : taken.refusal).toEqual({
      attempted: 'take a snapshot of this machine',
      cameBack: 'the API has no Node node-x',
      advice: 'Say with --node which it is: node-a, node-b, node-c.',
    });
  });

  it('whose rules may not be read is none', async () => {
    const refused = { ok: false, kind: 'not-permitted', message: 'not permitted: nft was refused' } as const;
    const taken = await record({ host: scriptedHost({ runs: { 'nft list flowtables': refused } }) });
    expect(taken.ok ? null : [taken.refusal.cameBack, taken.refusal.advice]).toEqual([
      'not permitted: nft was refused',
      'It takes root, iptables and nft.',
    ]);
  });
});
