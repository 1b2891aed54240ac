import { describe, expect, it } from 'vitest';
import { ask, told, type World } from '../../test/diagnosis-world.ts';
import { link, listed, probe, probes, routes } from '../../test/network-builders.ts';
import { finding } from '../../test/report-builders.ts';
import { reported } from '../../test/view-builders.ts';

const toPod = { to: 'pod/shop/api-0', port: 8080 };
const ways = (world: World, asked: Parameters<typeof ask>[1] = toPod) => told(ask(world, asked), 'L2');
const routesOfA = (...lines: readonly string[]): World => ({
  parts: { 'node-a': { routes: reported(routes(lines)) } },
});

const there =
  'there pass: node-a has a route to node-b and nothing seen is against it (route 10.244.2.0/24 via 192.168.100.12 dev eth0); no probe has tried it.';
const back =
  'back pass: node-b has a route to node-a and nothing seen is against it (route 10.244.1.0/24 via 192.168.100.11 dev eth0); no probe has tried it.';

describe('the way between two nodes', () => {
  it('is looked at there and back', () => {
    expect(ways({})).toEqual([there, back]);
  });

  it('is told of one node where both ends are on it', () => {
    expect(ways({ api: { nodeName: 'node-a' } })).toEqual([
      'there pass: Both ends are on node-a: no other node is between them.',
    ]);
  });

  it.each([
    [[], 'there fail: Packets from node-a to 10.244.2.3 do not get to node-b: node-a has no route to 10.244.2.3.'],
    [
      ['blackhole 10.244.2.0/24'],
      'there fail: Packets from node-a to 10.244.2.3 do not get to node-b: a route of node-a drops packets to 10.244.2.3.',
    ],
    [
      ['10.244.2.0/24 via 192.168.100.11 dev eth0'],
      'there fail: node-a sends packets for 10.244.2.3 to node-a (192.168.100.11), and it is on node-b.',
    ],
  ])('is broken with the routes %j', (lines, sentence) => {
    expect(ways(routesOfA(...lines))).toEqual([sentence, back]);
  });

  it('is broken where its link is switched off', () => {
    const links = reported({ links: listed([link('eth0', { isUp: false })]) });
    expect(ways({ parts: { 'node-b': { links } } })).toEqual([
      there,
      'back fail: Packets from node-b to 10.244.1.2 do not get to node-a: eth0 of node-b is switched off.',
    ]);
  });

  it('is told by probes where there are any', () => {
    const seen = (answered: number) => ({
      parts: {
        'node-a': {
          probes: reported(probes({ results: [probe({ node: 'node-b', answered, lastAnswered: answered > 0 })] })),
        },
      },
    });
    expect([ways(seen(3))[0], ways(seen(0))[0]]).toEqual([
      'there pass: node-a reaches the pods of node-b: its probes are answered (route 10.244.2.0/24 via 192.168.100.12 dev eth0).',
      'there fail: node-a has a route to 10.244.2.3, and none of its newest probes to node-b was answered.',
    ]);
  });

  it('is not known where nothing of a node is', () => {
    expect(ways({ unknown: { 'node-b': 'its agent is silent' } })).toEqual([
      there,
      'back unknown: How node-b sends packets to 10.244.1.2 on node-a is not known: nothing is known of node-b (its agent is silent).',
    ]);
  });

  it('is told by findings about the peer, and by none about others', () => {
    const about = (name: string, node: string) =>
      finding('peer-route-missing', {
        layer: 'L2',
        node,
        subject: { kind: 'Peer', name },
        summary: `${node} lost ${name}.`,
      });
    const world = { findings: [about('node-c', 'node-a'), about('node-a', 'node-b')] };
    expect(ways(world)).toEqual([there, 'back fail: node-b lost node-a.']);
  });

  it('to an address outside is told as far as the node sees', () => {
    const asked = { to: '192.0.2.7:443' };
    expect([ways(routesOfA('default via 192.168.100.1 dev eth0'), asked), ways({}, asked)]).toEqual([
      [
        'there pass: node-a has a way to 192.0.2.7 (route 0.0.0.0/0 via 192.168.100.1 dev eth0); what comes after it is not seen from here.',
      ],
      ['there fail: node-a has no way to 192.0.2.7: no route of it fits, and there is no default route.'],
    ]);
  });

  it('of a client outside is not looked at', () => {
    expect(ways({}, { ...toPod, from: '192.0.2.7' })).toEqual([
      'there unknown: No way was looked at: by which node packets of 192.0.2.7 come is not known.',
    ]);
  });
});
