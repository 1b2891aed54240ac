import { describe, expect, it } from 'vitest';
import { address, prefix } from '../../test/builders.ts';
import { flannelWord, link, listed, noCni } from '../../test/network-builders.ts';
import { reported } from '../../test/view-builders.ts';
import { resultOf, wiredFiles, wiredNode, type WiredSketch } from '../../test/wired-node.ts';
import type { CniConfiguration } from '../../proto/parts.ts';
import type { NodeCni } from '../model/cluster.ts';
import { cniConfigAmbiguous } from './cni-config-ambiguous.ts';

const own: CniConfiguration = { ...(wiredFiles('bridge').configurations[0] as CniConfiguration) };
const first = { ...own, file: '00-other.conf', network: 'other' };
const flannel = { ...own, file: '10-flannel.conflist', plugins: ['flannel'] };
const named = (file: string, plugin: string) => ({
  ...own,
  file,
  network: plugin,
  plugins: [plugin],
  settings: own.settings.map((one) => ({ ...one, type: plugin })),
});
const calico = named('10-calico.conflist', 'calico');
const antrea = named('10-antrea.conflist', 'antrea');
const calicoWord = { calico: { addresses: [address('192.168.100.11')], tunnelAddresses: [] } };
const ofNode = { ...first, settings: own.settings.map((one) => ({ ...one, ranges: [prefix('10.244.1.0/24')] })) };
/** flannel's file in /run, which does not outlive a boot. */
const atWork = { flannel: reported({ networks: [], subnets: [], mtu: 1450, masquerade: null }) };
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
    expect(summaries([first, flannel], flannelWord(1), { cni: { results }, parts: atWork })).toHaveLength(1);
  });

  it("the first is an earlier plugin's, of which nothing is at work", () => {
    const cni = { ...flannelWord(1), ...calicoWord };
    expect(summaries([calico, flannel], cni, { parts: atWork })).toHaveLength(1);
  });

  it.each<readonly [string, readonly (typeof own)[], NodeCni, WiredSketch]>([
    ['the file and annotation of flannel are left of before', [antrea, flannel], flannelWord(1), {}],
    ['flannel is left at work beside a plugin that is not known', [antrea, flannel], flannelWord(1), { parts: atWork }],
    [
      'pods are about to move to Calico, whose Felix is at work',
      [calico, flannel],
      { ...flannelWord(1), ...calicoWord },
      { parts: atWork, links: [link('cni0', { kind: 'bridge' }), link('vxlan.calico', { kind: 'vxlan' })] },
    ],
    ["the first has a range of the Node's", [ofNode, own], noCni, {}],
  ])('nothing where %s', (_, configurations, cni, sketch) => {
    expect(summaries(configurations, cni, sketch)).toEqual([]);
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
