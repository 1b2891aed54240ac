/**
 * What a trace says of addresses behind which somebody else is: node ports, host ports, addresses of load balancers, those
 * of Services that are gone; and where the packet ends. Recorded clusters as they are.
 */
import { describe, expect, it } from 'vitest';
import { diagnose } from '../../aggregator/diagnose/diagnose.ts';
import { recordedInput } from '../../cli/diagnose/recorded-input.ts';
import { recordingFolder } from '../recordings.ts';

const inputs = new Map<string, Promise<Parameters<typeof diagnose>[1]>>();

function inputFrom(recording: string) {
  const known = inputs.get(recording) ?? read(recording);
  inputs.set(recording, known);
  return known;
}

async function read(recording: string) {
  const places = { bundle: recordingFolder(recording), api: null, over: null };
  const found = await recordedInput(places, () => () => undefined);
  if (!found.ok) throw new Error(found.refusal.cameBack);
  return found.value;
}

async function traced(recording: string, from: string, to: string) {
  const answer = diagnose({ from, to, port: null, protocol: null }, await inputFrom(recording));
  if (!answer.ok) throw new Error(answer.problem);
  const { steps, hops, verdict } = answer.diagnosis;
  const [l3] = steps.filter(({ layer, verdict: of }) => layer === 'L3' && of !== 'not-looked-at');
  return { verdict, l3, hops: hops.map(({ direction, node, does }) => `${direction} ${node} ${does}`) };
}

describe('a Service that is gone, and whose rules a node still has (s2)', () => {
  it.each([
    ['192.168.100.12:30081', 'tcp node port 30081'],
    ['192.168.100.12:30090', 'tcp node port 30090'],
  ])('is broken at its node port %s, with what mends it', async (to, key) => {
    const { verdict, l3, hops } = await traced('s2-stale-stopped', 'pod/shop/web-0', to);
    expect([verdict, l3?.sentence, l3?.finding?.check]).toEqual([
      'broken',
      `node-b still has rules for ${key}, which no Service asks for any more.`,
      'stale-service',
    ]);
    expect(l3?.remediation.length).toBeGreaterThan(0);
    expect([hops.at(2), hops.at(-1)]).toEqual([
      'there node-a route 192.168.100.0/24 dev eth0',
      expect.stringMatching(/^there node-b DNAT to 10\.244\./),
    ]);
  });

  it('is broken at its cluster IP, on the node of the source', async () => {
    const { l3, hops } = await traced('s2-stale-stopped', 'pod/shop/web-1', '10.96.220.135:80');
    expect([l3?.finding?.check, hops.at(-1)]).toEqual(['stale-service', 'there node-b DNAT to 10.244.3.3:8081']);
  });
});

describe('a host port (s1)', () => {
  it('leads to the pod that has it, by the rule of its node', async () => {
    const { l3, hops } = await traced('s1-healthy', 'pod/shop/cart-0', '192.168.100.12:8088');
    expect([l3?.verdict, l3?.sentence, hops.includes('there node-b arrives at 10.244.2.8')]).toEqual([
      ...['pass', 'node-b sends its host port 8088 to media/hostport-1, port 8080, by a rule of its CNI plugin.', true],
    ]);
  });
});

describe('a port that a Service has not (s1)', () => {
  it.each([
    [
      '10.96.27.42:81',
      'fail: 10.96.27.42 is the address of shop/web, which has no port 81; it has 80/tcp: no node translates packets to it, and nobody answers.',
    ],
    [
      '203.0.113.10:8443',
      'unknown: 203.0.113.10 is the address of edge/ingress, which has no port 8443; it has 80/tcp and 443/tcp: whether anybody else answers there is not seen.',
    ],
  ])('at %s is told as such', async (to, says) => {
    const { l3 } = await traced('s1-healthy', 'pod/shop/web-0', to);
    expect(`${l3?.verdict}: ${l3?.sentence}`).toBe(says);
  });

  it('as it has no address of that family, is none at that of a node', async () => {
    const { l3 } = await traced('s1-healthy', 'pod/shop/web-0', '[fd00:100::12]:30081');
    expect(l3?.sentence).toBe(
      'svc/shop/api-nodeport:admin has IPv4 addresses alone, so its node port is none at fd00:100::12: nobody answers there; ask node-b by IPv4.',
    );
  });
});

describe('a packet that a node drops', () => {
  it('goes no further (s1)', async () => {
    const { hops } = await traced('s1-healthy', '203.0.113.99', '192.168.100.13:30080');
    expect(hops.filter((hop) => !hop.startsWith('there node-c '))).toEqual([]);
  });
});

describe('a node that forwards to others with the source as it was', () => {
  it('never sees the replies, and so breaks the connection (s6)', async () => {
    const { l3 } = await traced('s6-ipvs-healthy', '198.51.100.7', '192.168.100.14:30080');
    expect([l3?.verdict, l3?.sentence]).toEqual([
      'fail',
      'node-d forwards packets to edge/ingress:http (tcp node port 30080) without writing its own address over their source, and its endpoints are on another node: the replies go past node-d, and are lost.',
    ]);
  });

  it('may break that of a pod of a third node, as the CNI plugin likes it (s1)', async () => {
    const { l3 } = await traced('s1-healthy', 'pod/shop/cart-0', '192.168.100.11:30080');
    expect([l3?.verdict, l3?.sentence]).toEqual([
      'unknown',
      expect.stringContaining('of its endpoints 10.244.2.9:80 is on another node: replies get lost, unless'),
    ]);
  });
});
