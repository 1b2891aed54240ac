import { describe, expect, it } from 'vitest';
import { flannelNode, linksWith } from '../../test/flannel-node.ts';
import { calicoFiles, flannelDevice, flannelWord, numberedNode } from '../../test/network-builders.ts';
import { reported } from '../../test/view-builders.ts';
import { vtepMacDrift } from './vtep-mac-drift.ts';

const { evaluate } = vtepMacDrift;
const other = '9a:e0:6b:c3:ce:e3';
const drifted = linksWith({ 'flannel.1': { mac: other } });

describe('vtep-mac-drift', () => {
  it('flannel.1 was made anew, and the Node shows its former address', () => {
    expect(evaluate(flannelNode({ parts: drifted }))).toEqual([
      {
        subject: { kind: 'Link', name: 'flannel.1' },
        summary: `Pods of node-a cannot be reached from other nodes: these send to MAC address 02:00:00:00:00:01, and flannel.1 has ${other}.`,
        evidence: [
          { kind: 'fact', name: 'published on the Node', value: '02:00:00:00:00:01' },
          { kind: 'fact', name: 'MAC address of flannel.1', value: other },
        ],
        remediation: [
          {
            command: 'kubectl -n kube-flannel delete pod --field-selector spec.nodeName=node-a -l app=flannel',
            effect:
              "Restarts flannel on node-a: it makes its device, routes, neighbours and annotations anew; pods keep running. The names are those of flannel's own manifest; in k3s flannel is a part of the node's k3s service.",
          },
        ],
        frontends: [],
        topics: ['link flannel.1'],
        explainsTopics: 'all',
      },
    ]);
  });

  it('IPv6 has a device of its own', () => {
    const vtepMacIpv6 = '02:00:00:00:00:61';
    const word = flannelWord(1);
    const cni = { ...word, flannel: word.flannel === null ? null : { ...word.flannel, vtepMacIpv6 } };
    const nodes = [numberedNode(1, { cni })];
    const parts = linksWith({ 'flannel-v6.1': { ...flannelDevice(1), name: 'flannel-v6.1', mac: other } });
    expect(evaluate(flannelNode({ nodes, parts })).map(({ subject }) => subject)).toEqual([
      { kind: 'Link', name: 'flannel-v6.1' },
    ]);
  });

  it.each([
    ['both are the same', {}],
    [
      'a device of a former VNI is left beside it',
      linksWith({ 'flannel.4096': { ...flannelDevice(1), name: 'flannel.4096', mac: other } }),
    ],
    ['the device is absent, which is another finding', linksWith({ 'flannel.1': null })],
    [
      "the node went over to Calico, and flannel's annotations and device are left",
      { ...drifted, cni: reported(calicoFiles) },
    ],
  ])('nothing is said where %s', (_, parts) => {
    expect(evaluate(flannelNode({ parts }))).toEqual([]);
  });

  it('other backends have no such address', () => {
    const nodes = [numberedNode(1, { cni: flannelWord(1, 'host-gw') })];
    expect(evaluate(flannelNode({ nodes, parts: drifted }))).toEqual([]);
  });
});
