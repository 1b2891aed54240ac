import { describe, expect, it } from 'vitest';
import { recordingFolder } from '../../../test/recordings.ts';
import { recordedHost } from '../../recorded-host.ts';
import { scriptedHost } from '../../scripted-host.ts';
import { entriesOf } from './reading.ts';
import { readResults, resultFolder } from './results.ts';

/** What libcni writes of one interface. */
const record = {
  kind: 'cniCacheV1',
  containerId: 'aaa',
  ifName: 'eth0',
  networkName: 'net',
  config: 'eyJ0b2tlbiI6InNlY3JldCJ9',
  netns: '/run/netns/cni-1',
  cniArgs: [
    ['IgnoreUnknown', '1'],
    ['K8S_POD_NAMESPACE', 'shop'],
    ['K8S_POD_NAME', 'web-0'],
    ['K8S_POD_UID', '0b8e1d4e-7f0e-4c0e-9d8e-2f6a1b3c4d5e'],
  ],
  result: {
    interfaces: [{ name: 'cni0' }, { name: 'veth1', sandbox: '' }, { name: 'eth0', sandbox: '/run/netns/cni-1' }],
    ips: [{ address: '10.1.0.3/24' }, { address: 'fd00:0::3/64' }],
  },
};
const told = {
  network: 'net',
  container: 'aaa',
  link: 'eth0',
  pod: { namespace: 'shop', name: 'web-0', uid: '0b8e1d4e-7f0e-4c0e-9d8e-2f6a1b3c4d5e' },
  addresses: ['10.1.0.3', 'fd00::3'],
  nodeLinks: ['cni0', 'veth1'],
  networkNamespace: 'cni-1',
};

/** Reads these files of the folder. */
async function resultsOf(files: Readonly<Record<string, string>>) {
  const paths = Object.fromEntries(Object.entries(files).map(([name, text]) => [`${resultFolder}/${name}`, text]));
  const names = Object.keys(files).map((name) => ({ name, kind: 'file' as const }));
  return readResults(scriptedHost({ files: paths }), { ok: true, value: names });
}

describe("libcni's records", () => {
  it('are one for each sandbox of a recorded node (s1, node-c)', async () => {
    const host = recordedHost(`${recordingFolder('s1-healthy')}/node-c`);
    const listed = await host.list?.(resultFolder, 1000);
    const results = await readResults(host, entriesOf(listed ?? { ok: false, kind: 'failed', message: '' }));
    if (!results.ok) throw new Error(results.reason);
    expect([results.value.total, results.value.first.length]).toEqual([6, 6]);
    expect(results.value.first.find(({ pod }) => pod?.name === 'stream-2')).toEqual({
      network: 'labnet',
      container: expect.stringMatching(/^[0-9a-f]{64}$/),
      link: 'eth0',
      pod: { namespace: 'media', name: 'stream-2', uid: null },
      addresses: ['10.244.3.6', 'fd00:10:244:3::6'],
      nodeLinks: [expect.stringMatching(/^veth/)],
      networkNamespace: expect.stringMatching(/^cni-/),
    });
  });

  it('say whose sandbox it is, its addresses and the links on the node, and nothing of the configuration', async () => {
    expect(await resultsOf({ 'net-aaa-eth0': JSON.stringify(record) })).toEqual({
      ok: true,
      value: { total: 1, first: [told] },
    });
  });

  it('of containerd 1.6 tell the namespace with the links in the pod alone', async () => {
    const { netns: _netns, ...older } = record;
    expect(await resultsOf({ a: JSON.stringify(older) })).toEqual({ ok: true, value: { total: 1, first: [told] } });
  });

  it('of before version 0.3.0 have one address of each family', async () => {
    const result = { ip4: { ip: '10.1.0.3/24' }, ip6: { ip: 'fd00::3/64' } };
    expect(await resultsOf({ a: JSON.stringify({ ...record, result }) })).toEqual({
      ok: true,
      value: { total: 1, first: [{ ...told, nodeLinks: [] }] },
    });
  });

  it('that tell no pod, no namespace and no result are told so', async () => {
    const { cniArgs: _args, netns: _netns, result: _result, ...bare } = record;
    expect(await resultsOf({ a: JSON.stringify(bare) })).toEqual({
      ok: true,
      value: { total: 1, first: [{ ...told, pod: null, addresses: [], nodeLinks: [], networkNamespace: null }] },
    });
  });

  it('that are no records are counted', async () => {
    const cut = JSON.stringify(record).slice(0, 200);
    expect(await resultsOf({ a: '', b: cut, c: '[]', d: '{"networkName":7}', e: JSON.stringify(record) })).toEqual({
      ok: true,
      value: { total: 5, first: [told] },
    });
  });

  it('with members of other kinds tell what is left of them', async () => {
    const odd = {
      ...record,
      netns: '/run/netns/../../etc/shadow',
      cniArgs: [7, ['K8S_POD_NAME'], ['K8S_POD_NAME', 7], { K8S_POD_NAMESPACE: 'a' }],
      result: { interfaces: { name: 'x' }, ips: [{ address: 'x/24' }, { address: 7 }, null] },
    };
    expect(await resultsOf({ a: JSON.stringify(odd) })).toEqual({
      ok: true,
      value: { total: 1, first: [{ ...told, pod: null, addresses: [], nodeLinks: [], networkNamespace: null }] },
    });
  });

  it('beyond 2,000 are counted and not read', async () => {
    const names = Array.from({ length: 2100 }, (_, i) => ({ name: `${i}`, kind: 'file' as const }));
    const files = Object.fromEntries(names.map(({ name }) => [`${resultFolder}/${name}`, JSON.stringify(record)]));
    const results = await readResults(scriptedHost({ files }), { ok: true, value: names });
    expect(results.ok && [results.value.total, results.value.first.length]).toEqual([2100, 2000]);
  });

  it('that go meanwhile were not there; one that is refused fails the part', async () => {
    const names = [{ name: 'a', kind: 'file' as const }];
    expect(await readResults(scriptedHost({}), { ok: true, value: names })).toEqual({
      ok: true,
      value: { total: 0, first: [] },
    });
    const refused = { ok: false, kind: 'not-permitted', message: 'a: EACCES' } as const;
    const host = scriptedHost({ files: { [`${resultFolder}/a`]: refused } });
    expect(await readResults(host, { ok: true, value: names })).toEqual({ ok: false, reason: 'a: EACCES' });
  });
});
