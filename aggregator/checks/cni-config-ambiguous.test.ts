import { describe, expect, it } from 'vitest';
import { flannelWord, listed, noCni } from '../../test/network-builders.ts';
import { resultOf, wiredFiles, wiredNode, type WiredSketch } from '../../test/wired-node.ts';
import type { CniConfiguration } from '../../proto/parts.ts';
import type { NodeCni } from '../model/cluster.ts';
import { cniConfigAmbiguous } from './cni-config-ambiguous.ts';

const own: CniConfiguration = { ...(wiredFiles('bridge').configurations[0] as CniConfiguration) };
const first = { ...own, file: '00-other.conf', network: 'other' };
const flannel = { ...own, file: '10-flannel.conflist', plugins: ['flannel'] };
const multus = { ...own, file: '00-multus.conf', network: 'multus-cni-network', plugins: ['multus'] };

function summaries(configurations: readonly (typeof own)[], cni: NodeCni = noCni, sketch: WiredSketch = {}) {
  const view = wiredNode({ ...sketch, cni: { ...sketch.cni, configurations } });
  const node = view.node === null ? null : { ...view.node, cni };
  return cniConfigAmbiguous.evaluate({ ...view, node }).map(({ summary }) => summary);
}

describe('cni-config-ambiguous', () => {
  it('the first is not that of the network to which the pods here were joined', () => {
    expect(summaries([first, own])).toEqual([
      'New pods on node-a are joined to other (00-other.conf) and not to cbr0 (10-lab.conflist), which comes after it.',
    ]);
  });

  it('the first is not that of the plugin that has written on the Node', () => {
    const results = listed([]);
    expect(summaries([first, flannel], flannelWord(1), { cni: { results } })).toHaveLength(1);
  });

  it.each([
    ['the right one is first', [own, { ...first, file: '99-other.conf' }]],
    ['there is one', [own]],
    ['Multus comes before the plugin that it calls', [multus, own]],
    ['the first cannot be used', [{ ...first, problem: 'it is no JSON' }, own]],
  ])('nothing where %s', (_, configurations) => {
    expect(summaries(configurations)).toEqual([]);
  });

  it('nothing where nothing tells which is right', () => {
    expect(summaries([first, own], noCni, { cni: { results: listed([]) } })).toEqual([]);
  });

  it('names the pods that were joined to the wrong network', () => {
    const results = listed(
      [0, 1].map((number) => resultOf(number, 'bridge')).concat(resultOf(5, 'bridge', { network: 'other' })),
    );
    const view = wiredNode({ cni: { configurations: [first, own], results } });
    expect(cniConfigAmbiguous.evaluate(view)[0]?.evidence.at(-1)).toEqual({
      kind: 'fact',
      name: 'shop/web-5',
      value: 'has 10.244.1.7, of other',
    });
  });
});
