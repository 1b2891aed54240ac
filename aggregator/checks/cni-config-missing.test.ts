import { describe, expect, it } from 'vitest';
import { wiredFiles, wiredNode } from '../../test/wired-node.ts';
import { cniConfigMissing } from './cni-config-missing.ts';

const [good] = wiredFiles('bridge').configurations;
const broken = { file: '10-a.conflist', network: null, plugins: [], settings: [], problem: 'it is no JSON' };
const summaries = (configurations: ReturnType<typeof wiredFiles>['configurations']) =>
  cniConfigMissing.evaluate(wiredNode({ cni: { configurations } })).map(({ summary }) => summary);

describe('cni-config-missing', () => {
  it('there is none, or none that can be used', () => {
    expect(summaries([])).toEqual(['No new pod gets a network on node-a: /etc/cni/net.d holds no configuration.']);
    expect(summaries([broken])).toEqual([
      'No new pod gets a network on node-a: the one configuration, 10-a.conflist, cannot be used: it is no JSON.',
    ]);
    expect(summaries([broken, broken])).toEqual([
      'No new pod gets a network on node-a: none of 2 configurations can be used.',
    ]);
  });

  it('is not told where one of several can be used, or the folder is not seen', () => {
    expect(summaries(good === undefined ? [] : [broken, good])).toEqual([]);
    expect(cniConfigMissing.evaluate(wiredNode({ parts: { cni: { state: 'absent' } } }))).toEqual([]);
  });

  it("repeats the kubelet's word", () => {
    const view = wiredNode({ cni: { configurations: [] } });
    const node = view.node === null ? null : { ...view.node, notReadyBecause: 'cni plugin not initialized' };
    expect(cniConfigMissing.evaluate({ ...view, node })[0]?.evidence).toEqual([
      { kind: 'fact', name: 'the kubelet says', value: 'cni plugin not initialized' },
    ]);
  });
});
