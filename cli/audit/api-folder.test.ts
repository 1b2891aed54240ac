import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { apiSandboxEvent } from '../../test/api-objects.ts';
import { recordingFolder } from '../../test/recordings.ts';
import { readApiFolder } from './api-folder.ts';

const attempted = 'audit ./bundle';
let folder = '';

/** The lists of recording s1-healthy, to be changed by the test. */
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'plumbline-test-'));
  cpSync(join(recordingFolder('s1-healthy'), 'api'), folder, { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

function counts() {
  const read = readApiFolder(folder, attempted);
  if (!read.ok) throw new Error(read.refusal.cameBack);
  const { services, endpointSlices, nodes, pods, namespaces, podEvents, networkPolicies } = read.value;
  const all = [services, endpointSlices, nodes, pods, namespaces, podEvents, networkPolicies];
  return all.map((objects) => objects?.length ?? null);
}

/** The refusal's words, without the folder. */
function refusal(): string {
  const read = readApiFolder(folder, attempted);
  if (read.ok) throw new Error('a refusal was expected');
  return read.refusal.cameBack.replaceAll(folder, 'api');
}

describe('a folder of API lists', () => {
  it('holds what the API server listed, pods, namespaces and events too', () => {
    expect(counts()).toEqual([36, 37, 3, 29, 10, 0, 2]);
    const events = { kind: 'EventList', items: [apiSandboxEvent('shop/web-0', 'node-a', '2026-11-22T12:00:00Z')] };
    writeFileSync(join(folder, 'events.json'), JSON.stringify(events));
    expect(counts()).toEqual([36, 37, 3, 29, 10, 1, 2]);
  });

  it('may hold each of them packed', () => {
    for (const file of readdirSync(folder).filter((name) => name.endsWith('.json'))) {
      writeFileSync(join(folder, `${file}.gz`), gzipSync(readFileSync(join(folder, file))));
      rmSync(join(folder, file));
    }
    expect(counts()).toEqual([36, 37, 3, 29, 10, 0, 2]);
  });
});

describe.each(['pods', 'namespaces', 'events', 'networkpolicies'])('a list of %s', (kind) => {
  const file = () => join(folder, `${kind}.json`);
  const countsWith = (count: number | null) => [
    ...[36, 37, 3],
    ...[kind === 'pods' ? count : 29, kind === 'namespaces' ? count : 10, kind === 'events' ? count : 0],
    kind === 'networkpolicies' ? count : 2,
  ];

  it('that is not there makes them unknown, which is not none', () => {
    rmSync(file());
    expect(counts()).toEqual(countsWith(null));
  });

  it('that is there and empty says that there are none', () => {
    writeFileSync(file(), JSON.stringify({ kind: 'List', apiVersion: 'v1', items: [] }));
    expect(counts()).toEqual(countsWith(0));
  });

  it('that is cut is refused, never taken for fewer', () => {
    const text = readFileSync(file(), 'utf8');
    writeFileSync(file(), text.slice(0, text.length / 2));
    expect(refusal()).toMatch(new RegExp(`^api/${kind}\\.json: is no JSON: `));
  });

  it('that is another kind of answer is refused', () => {
    writeFileSync(file(), JSON.stringify({ kind: 'Status', status: 'Failure', code: 403 }));
    expect(refusal()).toMatch(/^api: /);
  });
});

describe('lists that kubectl prints of a few kinds', () => {
  const put = (file: string, items: readonly object[]) =>
    writeFileSync(join(folder, file), JSON.stringify({ kind: 'List', apiVersion: 'v1', items }));
  const read = () => {
    const reading = readApiFolder(folder, attempted);
    if (!reading.ok) throw new Error(reading.refusal.cameBack);
    return { foreign: reading.value.foreignPolicies, dns: reading.value.dnsConfigurations };
  };

  it('are not known where they are not there', () => {
    expect(read()).toEqual({ foreign: null, dns: null });
  });

  it('hold policies that are not judged, each named by its kind', () => {
    const metadata = { namespace: 'shop', name: 'p' };
    put('foreignpolicies.json', [
      { apiVersion: 'cilium.io/v2', kind: 'CiliumNetworkPolicy', metadata, spec: { endpointSelector: {} } },
      { apiVersion: 'crd.projectcalico.org/v1', kind: 'GlobalNetworkPolicy', metadata: { name: 'deny' } },
      { apiVersion: 'policy.networking.k8s.io/v1alpha1', kind: 'AdminNetworkPolicy', metadata: { name: 'all' } },
    ]);
    expect(read().foreign).toEqual([
      { kind: 'CiliumNetworkPolicy', namespace: 'shop', name: 'p' },
      { kind: 'GlobalNetworkPolicy.crd.projectcalico.org', namespace: null, name: 'deny' },
      { kind: 'AdminNetworkPolicy', namespace: null, name: 'all' },
    ]);
  });

  it('hold the ConfigMaps of CoreDNS, and others are passed over', () => {
    const map = (namespace: string, name: string) => ({
      ...{ kind: 'ConfigMap', apiVersion: 'v1', metadata: { namespace, name } },
      data: { Corefile: '. {\n}\n', NodeHosts: '192.0.2.1 node-a' },
    });
    put('configmaps.json', [map('kube-system', 'coredns'), map('kube-system', 'kubeadm-config'), map('x', 'coredns')]);
    expect(read().dns).toEqual([
      { namespace: 'kube-system', name: 'coredns', files: { Corefile: '. {\n}\n', NodeHosts: '(left out)' } },
    ]);
  });
});

describe.each(['services', 'endpointslices', 'nodes'])('a list of %s', (kind) => {
  it('that is not there is refused: nothing can be held against it', () => {
    rmSync(join(folder, `${kind}.json`));
    expect(refusal()).toBe(`api/${kind}.json: no such file or directory`);
  });
});
