import { describe, expect, it } from 'vitest';
import type { NodeParts } from '../../proto/parts.ts';
import { flannelNode } from '../../test/flannel-node.ts';
import { counters, rose, settings } from '../../test/network-builders.ts';
import { reported } from '../../test/view-builders.ts';
import { vxlanChecksumOffload } from './vxlan-checksum-offload.ts';

const { evaluate } = vxlanChecksumOffload;
const kernel = (release: string | null) => ({ networkSettings: reported(settings({ kernel: release })) });
const old = kernel('5.4.0-150-generic');
const errors = (count: number): Partial<NodeParts> => ({
  networkCounters: reported(counters({ udpChecksumErrors: rose(count) })),
});
const both = { 'node-b': errors(40), 'node-c': errors(12) };

describe('vxlan-checksum-offload', () => {
  it('an old kernel leaves checksums to flannel.1, and other nodes drop what comes', () => {
    expect(evaluate(flannelNode({ parts: old, peers: both }))).toEqual([
      {
        subject: { kind: 'Link', name: 'flannel.1' },
        summary:
          'node-a sends packets with wrong checksums by flannel.1: its kernel 5.4.0-150-generic leaves them to the device, and node-b and node-c drop such packets.',
        evidence: [
          { kind: 'fact', name: 'kernel', value: '5.4.0-150-generic' },
          { kind: 'fact', name: 'tx-checksum-ip-generic of flannel.1', value: 'on' },
          { kind: 'fact', name: 'node-b', value: '40 packets with a wrong UDP checksum within a minute' },
          { kind: 'fact', name: 'node-c', value: '12 packets with a wrong UDP checksum within a minute' },
        ],
        remediation: [
          {
            command: 'ethtool -K flannel.1 tx-checksum-ip-generic off',
            effect: 'Run on node-a: the kernel computes the checksums itself, until the device is made anew.',
          },
        ],
        frontends: [],
        topics: ['link flannel.1'],
        explainsTopics: ['peer node-b', 'peer node-c'],
      },
    ]);
  });

  it.each(['3.10.0-1160.el7.x86_64', '4.18.0-80.el8.x86_64', '5.6.19'])('%s is old', (release) => {
    expect(evaluate(flannelNode({ parts: kernel(release), peers: both }))).toHaveLength(1);
  });

  it.each(['5.7.0', '5.15.0-91-generic', '6.1.0-18-amd64', '10.0.1', 'unknown', '', null])('%s is not', (release) => {
    expect(evaluate(flannelNode({ parts: kernel(release), peers: both }))).toEqual([]);
  });

  it.each([
    ['no node complains: the distribution has the mend', old, {}],
    ['one node of two complains, which may have other reasons', old, { 'node-b': errors(40) }],
    ['too few packets to tell', old, { 'node-b': errors(9), 'node-c': errors(9) }],
    ['nobody reports', old, { 'node-b': {}, 'node-c': {} }],
    [
      'the offload is off',
      { ...old, offloads: reported({ links: [{ link: 'flannel.1', transmitChecksum: false }] }) },
      both,
    ],
    [
      'the offload is not told',
      { ...old, offloads: reported({ links: [{ link: 'flannel.1', transmitChecksum: null }] }) },
      both,
    ],
    ['there is no tunnel', { ...old, offloads: { state: 'absent' } as const }, both],
  ])('nothing is said where %s', (_, parts, peers: Readonly<Record<string, Partial<NodeParts>>>) => {
    expect(evaluate(flannelNode({ parts, peers }))).toEqual([]);
  });

  it('the only node that is known complains', () => {
    expect(evaluate(flannelNode({ parts: old, peers: { 'node-b': errors(40), 'node-c': {} } }))).toHaveLength(1);
  });
});
