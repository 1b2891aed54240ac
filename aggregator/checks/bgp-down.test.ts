import { describe, expect, it } from 'vitest';
import type { BirdProtocol } from '../../proto/parts.ts';
import { address } from '../../test/builders.ts';
import { anyNode, listed, noCni, nodeAddress, numberedNode } from '../../test/network-builders.ts';
import { reported } from '../../test/view-builders.ts';
import { bgpDown } from './bgp-down.ts';

const { evaluate } = bgpDown;

/** A session of Calico's mesh with the node that has this address. */
function session(text: string, changes: Partial<BirdProtocol> = {}): BirdProtocol {
  return {
    daemon: 'bird',
    name: `Mesh_${text.replaceAll(/[.:]/g, '_')}`,
    kind: 'BGP',
    state: 'up',
    info: 'Established',
    since: '2026-11-20',
    neighbour: address(text),
    imported: 2,
    exported: 3,
    lastError: null,
    ...changes,
  };
}
const refused = { state: 'start', info: 'Active', lastError: 'Socket: Connection refused' };
const kernel = { ...session('192.0.2.1'), name: 'kernel1', kind: 'Kernel', info: '', neighbour: null };
const of = (sessions: readonly BirdProtocol[], nodes = [1, 2, 3].map((number) => numberedNode(number))) =>
  evaluate(anyNode({ nodes, parts: { bird: reported({ protocols: listed([kernel, ...sessions]) }) } }));
const [b, c] = [2, 3].map((number) => `${nodeAddress(number)}`) as [string, string];

describe('bgp-down', () => {
  it('a node refuses the connection', () => {
    expect(of([session(b, refused), session(c)])).toEqual([
      {
        subject: { kind: 'Peer', name: 'node-b' },
        summary: 'node-a has no BGP session with node-b: Active (Socket: Connection refused).',
        evidence: [
          {
            kind: 'fact',
            name: 'Mesh_192_168_100_12',
            value: 'start Active since 2026-11-20, last error: Socket: Connection refused',
          },
        ],
        remediation: [
          {
            command: `timeout 3 bash -c '</dev/tcp/192.168.100.12/179' && echo open`,
            effect:
              "Run on node-a: says whether the peer's port of BGP can be reached. If not, a firewall is in the way, or its BIRD does not run.",
          },
          {
            command: `kubectl -n calico-system exec -c calico-node "$(kubectl -n calico-system get pods --field-selector spec.nodeName=node-a -l k8s-app=calico-node -o name)" -- birdcl -s /var/run/calico/bird.ctl show protocols all`,
            effect:
              "Shows what BIRD on node-a says of its sessions. Without Calico's operator the namespace is kube-system; a BIRD of the node itself answers birdc.",
          },
        ],
        frontends: [],
        topics: ['peer node-b'],
        explainsTopics: ['peer node-b'],
      },
    ]);
  });

  it.each(['Idle', 'Connect', 'OpenSent', 'OpenConfirm', 'Passive'])('%s is no session', (info) => {
    expect(of([session(b, { state: 'start', info })])).toHaveLength(1);
  });

  it.each([
    ['all are established', [session(b), session(c)]],
    ['one is switched off by hand', [session(b, { state: 'down', info: '' })]],
    ['the node of the mesh is gone', [session('192.168.100.99', refused)]],
  ])('nothing is said where %s', (_, sessions) => {
    expect(of(sessions)).toEqual([]);
  });

  it.each([{ ready: false }, { leaving: true }])('a node with %j need have none', (changes) => {
    expect(of([session(b, refused)], [numberedNode(1), numberedNode(2, changes)])).toEqual([]);
  });

  it('a router that is no Node has its address for a name', () => {
    const router = session('192.168.100.254', { ...refused, name: 'Global_192_168_100_254' });
    expect(of([router, session(b)]).map(({ subject, topics }) => [subject, topics])).toEqual([
      [{ kind: 'Peer', name: '192.168.100.254' }, ['peer 192.168.100.254']],
    ]);
  });

  it('a node is known by the address that Calico has picked, also where it is not that of the Node', () => {
    const calico = { addresses: [address('10.9.0.12')], tunnelAddresses: [] };
    const nodes = [numberedNode(1), numberedNode(2, { cni: { ...noCni, calico } })];
    expect(of([session('10.9.0.12', refused)], nodes).map(({ subject }) => subject)).toEqual([
      { kind: 'Peer', name: 'node-b' },
    ]);
  });

  it('none of three is established: one finding', () => {
    const all = [session(b, refused), session(c, refused), session('192.168.100.14', refused)];
    const [one, ...more] = of(
      all,
      [1, 2, 3, 4].map((number) => numberedNode(number)),
    );
    expect([one?.subject, one?.summary, one?.explainsTopics, more]).toEqual([
      { kind: 'Node', name: 'node-a' },
      'node-a has none of its 3 BGP sessions: no other node learns the ranges of its pods.',
      'all',
      [],
    ]);
  });
});
