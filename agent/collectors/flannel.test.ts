import { describe, expect, it } from 'vitest';
import { scriptedHost } from '../scripted-host.ts';
import { collectFlannel, flannelFile } from './flannel.ts';

const now = () => new Date('2026-11-22T08:00:00Z');

function partOf(text: string) {
  return collectFlannel(scriptedHost({ files: { [flannelFile]: text } }), now);
}

function ok(value: unknown) {
  return { state: 'ok', value, collectedAt: '2026-11-22T08:00:00.000Z' };
}

const unusable = { state: 'failed', reason: `${flannelFile} names no FLANNEL_SUBNET that is a range` };

describe("flannel's word to its plugin", () => {
  it("is the network, the node's range with the bridge's address, the MTU", async () => {
    const text = 'FLANNEL_NETWORK=10.1.0.0/16\nFLANNEL_SUBNET=10.1.84.1/24\nFLANNEL_MTU=8908\nFLANNEL_IPMASQ=true\n';
    expect(await partOf(text)).toEqual(
      ok({
        networks: ['10.1.0.0/16'],
        subnets: [{ range: '10.1.84.0/24', gateway: '10.1.84.1' }],
        mtu: 8908,
        masquerade: true,
      }),
    );
  });

  it('of both families, and of several networks', async () => {
    const text = [
      'FLANNEL_NETWORK=10.1.0.0/16,10.2.0.0/16',
      'FLANNEL_SUBNET=10.1.84.1/24',
      'FLANNEL_IPV6_NETWORK=fd00:1::/56',
      'FLANNEL_IPV6_SUBNET=fd00:1:0:3::1/64',
      'FLANNEL_IPMASQ=false',
    ].join('\r\n');
    expect(await partOf(text)).toEqual(
      ok({
        networks: ['10.1.0.0/16', '10.2.0.0/16', 'fd00:1::/56'],
        subnets: [
          { range: '10.1.84.0/24', gateway: '10.1.84.1' },
          { range: 'fd00:1:0:3::/64', gateway: 'fd00:1:0:3::1' },
        ],
        mtu: null,
        masquerade: false,
      }),
    );
  });

  it.each([
    ['empty, as while it is written', ''],
    ['cut', 'FLANNEL_NETWORK=10.1.0.0/16\nFLANNEL_SUBNET=10.1.'],
    ['without a length', 'FLANNEL_SUBNET=10.1.84.1'],
    ['garbage', '\u0000FLANNEL_SUBNET=x/24\nexport FLANNEL_SUBNET=10.1.84.1/24'],
  ])('that is %s has failed', async (_what, text) => {
    expect(await partOf(text)).toEqual(unusable);
  });

  it('with more ranges than anybody has is cut, and an MTU that cannot be is none', async () => {
    const many = Array.from({ length: 50 }, (_, i) => `10.${i}.0.1/24`).join(',');
    const part = await partOf(`FLANNEL_SUBNET=${many}\nFLANNEL_MTU=-7\nFLANNEL_IPMASQ=perhaps`);
    expect(part.state === 'ok' && [part.value.subnets.length, part.value.mtu, part.value.masquerade]).toEqual([
      4,
      null,
      null,
    ]);
  });

  it('is absent where there is none, and failed where it is refused', async () => {
    expect(await collectFlannel(scriptedHost({}), now)).toEqual({ state: 'absent' });
    const refused = { ok: false, kind: 'not-permitted', message: 'EACCES' } as const;
    expect(await collectFlannel(scriptedHost({ files: { [flannelFile]: refused } }), now)).toEqual({
      state: 'failed',
      reason: 'EACCES',
    });
  });
});
