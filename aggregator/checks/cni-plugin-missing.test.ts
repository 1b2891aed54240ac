import { describe, expect, it } from 'vitest';
import { sandboxEvent, wiredNode } from '../../test/wired-node.ts';
import { cniPluginMissing } from './cni-plugin-missing.ts';

const summaries = (...folders: readonly (readonly string[])[]) => {
  const pluginFolders = folders.map((executables, at) => ({
    path: at === 0 ? '/opt/cni/bin' : '/usr/lib/cni',
    executables,
  }));
  return cniPluginMissing.evaluate(wiredNode({ cni: { pluginFolders } })).map(({ summary }) => summary);
};

describe('cni-plugin-missing', () => {
  it('the plugin or its ipam has no program', () => {
    expect(summaries(['portmap', 'host-local'])).toEqual([
      'No new pod gets a network on node-a: 10-lab.conflist names bridge, and /opt/cni/bin has no such program.',
    ]);
    expect(summaries(['bridge'], ['ptp'])).toEqual([
      'No new pod gets a network on node-a: 10-lab.conflist names host-local, and /opt/cni/bin and /usr/lib/cni have no such program.',
    ]);
  });

  it('none of them is there, and the kubelet says so', () => {
    const pluginFolders = [{ path: '/opt/cni/bin', executables: ['portmap'] }];
    const events = [sandboxEvent(0, { message: 'failed to find plugin "bridge" in path [/opt/cni/bin]' })];
    expect(cniPluginMissing.evaluate(wiredNode({ cni: { pluginFolders }, events }))).toHaveLength(1);
  });

  it.each([
    ['all are there', [['bridge', 'host-local']]],
    ['they are in two folders', [['bridge'], ['host-local']]],
    ["none of them is there: the folder is not the runtime's (GKE, k3s)", [['sriov', 'whereabouts']]],
    ['no folder is seen', []],
    ['the one folder is empty, as one that was not really seen', [[]]],
    ['the list was cut', [Array.from({ length: 200 }, (_, at) => `plugin-${at}`)]],
  ])('nothing where %s', (_, folders) => {
    expect(summaries(...folders)).toEqual([]);
  });
});
