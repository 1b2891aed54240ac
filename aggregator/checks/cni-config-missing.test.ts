import { describe, expect, it } from 'vitest';
import type { CniConfiguration } from '../../proto/parts.ts';
import { sandboxEvent, webPod, wiredFiles, wiredNode, type WiredSketch } from '../../test/wired-node.ts';
import { cniConfigMissing } from './cni-config-missing.ts';

const broken: CniConfiguration = {
  file: '05-a.conflist',
  network: null,
  plugins: [],
  settings: [],
  problem: 'it is no JSON',
};
const [good = broken] = wiredFiles('bridge').configurations;
const linked = { ...broken, problem: '/etc/cni/net.d/05-a.conflist is a symbolic link, which is not followed' };
/** What kubelets write over containerd. */
const kubeletsWord =
  'container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized';

function evaluate(configurations: readonly CniConfiguration[], word: string | null, sketch: WiredSketch = {}) {
  const view = wiredNode({ ...sketch, cni: { configurations } });
  const node = view.node === null ? null : { ...view.node, notReadyBecause: word };
  return cniConfigMissing.evaluate({ ...view, node });
}
const summaries = (...args: Parameters<typeof evaluate>) => evaluate(...args).map(({ summary }) => summary);

describe('cni-config-missing', () => {
  it('there is none, and the kubelet says so', () => {
    expect(evaluate([], kubeletsWord).map(({ summary, evidence }) => [summary, evidence])).toEqual([
      [
        'No new pod gets a network on node-a: /etc/cni/net.d holds no configuration.',
        [{ kind: 'fact', name: 'the kubelet says', value: kubeletsWord }],
      ],
    ]);
  });

  it('there is none, and an Event says so', () => {
    const events = [
      sandboxEvent(0, { message: 'failed to setup network for sandbox "1": cni plugin not initialized' }),
    ];
    expect(summaries([], null, { pods: [webPod(1)], events })).toHaveLength(1);
  });

  it('none of them can be used', () => {
    expect(summaries([broken], null)).toEqual([
      'No new pod gets a network on node-a: the one configuration, 05-a.conflist, cannot be used: it is no JSON.',
    ]);
    expect(summaries([broken, broken], null)).toEqual([
      'No new pod gets a network on node-a: none of 2 configurations can be used.',
    ]);
  });

  it('the first cannot be used, and containerd reads no further', () => {
    expect(summaries([broken, good], kubeletsWord)).toEqual([
      'No new pod gets a network on node-a: the first configuration, 05-a.conflist, cannot be used (it is no JSON), and the runtime reads no further.',
    ]);
  });

  it.each([
    ['the folder is empty and the kubelet ready, as with k3s, which has another folder', [], null],
    ['the folder is empty, and the node is not ready for another reason', [], 'PLEG is not healthy'],
    ['another one can be used (CRI-O)', [broken, good], null],
    ['the first can be used', [good, broken], kubeletsWord],
    ['the agent cannot read the first', [linked], null],
  ] as const)('nothing where %s', (_, configurations, word) => {
    expect(summaries(configurations, word)).toEqual([]);
  });

  it('nothing where the folder is not seen', () => {
    expect(cniConfigMissing.evaluate(wiredNode({ parts: { cni: { state: 'absent' } } }))).toEqual([]);
  });
});
