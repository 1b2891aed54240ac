import { describe, expect, it } from 'vitest';
import type { BirdProtocol, NodeParts, PodNetwork, Sandbox } from '../../proto/parts.ts';
import {
  flannelDevice,
  flannelFiles,
  link,
  listed,
  probe,
  probes,
  routes,
  unanswered,
} from '../../test/network-builders.ts';
import { noParts, reported } from '../../test/view-builders.ts';
import { networkFacts } from './network-facts.ts';

/** One line for each: `L1 pods: 12 with a network of their own`. */
function linesOf(parts: Partial<NodeParts>): readonly string[] {
  return networkFacts({ ...noParts, ...parts }).map(({ layer, name, value }) => `${layer} ${name}: ${value}`);
}

function podNetwork(namespace: PodNetwork['namespace']): PodNetwork {
  return { uid: '', pod: null, containers: [], namespace, links: [], addresses: [], defaultRoutes: [] };
}

const session: BirdProtocol = {
  daemon: 'bird',
  name: 'Mesh_1',
  kind: 'BGP',
  state: 'up',
  info: 'Established',
  since: '12:00:00',
  neighbour: null,
  imported: 3,
  exported: 1,
  lastError: null,
};

const sandbox: Sandbox = {
  id: 'a',
  namespace: 'shop',
  name: 'web-0',
  uid: 'uid-of-web-0',
  attempt: 0,
  ready: true,
  createdAt: '2026-11-22T12:00:00Z',
  network: null,
};

describe('what a node reports of its network', () => {
  it('is told in a line each', () => {
    expect(
      linesOf({
        podNetworks: reported({ pods: listed([podNetwork('own'), podNetwork('own')]), unread: 0, problem: null }),
        cni: reported(flannelFiles),
        links: reported({ links: listed([link('eth0'), link('cni0', { kind: 'bridge' }), flannelDevice(1)]) }),
        routes: reported(routes(['default via 192.168.100.1 dev eth0', '10.244.1.0/24 dev cni0 proto kernel'])),
        probes: reported(probes({ results: [probe(), probe({ size: 'full' }), probe({ node: 'node-c' })] })),
      }),
    ).toEqual([
      'L1 pods: 2 with a network of their own',
      'L1 CNI: 10-flannel.conflist: flannel',
      'L2 links: 3',
      'L2 overlay: flannel.1 (VXLAN 1, port 8472, MTU 1450)',
      'L2 routes: 2',
      'L2 probes: 2 of 2 nodes answer',
    ]);
  });

  it('names what is not as the rest', () => {
    const [file] = flannelFiles.configurations;
    if (file === undefined) throw new Error('there is one file');
    const broken = { ...file, file: '05-broken.conf', problem: 'no JSON' };
    expect(
      linesOf({
        podNetworks: reported({
          pods: { total: 1500, first: [podNetwork('own'), podNetwork('node')] },
          ...{ unread: 2, problem: 'not permitted' },
        }),
        sandboxes: reported({
          runtime: 'containerd v1.6.20',
          sandboxes: listed([sandbox, { ...sandbox, ready: false }]),
        }),
        cni: reported({ ...flannelFiles, configurations: [broken, file] }),
        links: reported({
          links: listed([1, 2, 3, 4].map((index) => link(`veth${index}`, { kind: 'veth', isUp: false }))),
        }),
        bird: reported({
          protocols: listed([
            { ...session, name: 'kernel1', kind: 'Kernel', info: '' },
            session,
            { ...session, name: 'Mesh_2', info: 'Active' },
          ]),
        }),
        probes: reported(
          probes({
            results: [
              probe(),
              probe({ size: 'full', ...unanswered }),
              probe({ node: 'node-c', ...unanswered }),
              probe({ node: 'node-d', sent: 0, answered: 0, lastAnswered: null }),
            ],
          }),
        ),
      }),
    ).toEqual([
      'L1 pods: 1 with a network of their own; 1 in the network of the node; 1,500 not read',
      'L1 sandboxes: 2 by the word of containerd v1.6.20; 1 not ready',
      'L1 CNI: 05-broken.conf: cannot be read (no JSON); 1 more behind it',
      'L2 links: 4; switched off: veth1, veth2, veth3, 1 more',
      'L2 BGP: 1 of 2 sessions established; not with Mesh_2',
      'L2 probes: 0 of 2 nodes answer; not node-b (large packets), node-c',
    ]);
  });

  it('has no line where nothing of it was reported, or where that failed', () => {
    expect(linesOf({ routes: { state: 'failed', reason: 'not permitted' } })).toEqual([]);
  });

  it('is said where there is nothing of it', () => {
    expect(
      linesOf({
        cni: reported({ ...flannelFiles, configurations: [] }),
        bird: reported({ protocols: listed([]) }),
        probes: reported(probes()),
      }),
    ).toEqual(['L1 CNI: no configuration', 'L2 BGP: no session', 'L2 probes: nobody to probe']);
  });
});
