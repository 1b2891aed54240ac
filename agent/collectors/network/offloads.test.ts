import { describe, expect, it } from 'vitest';
import type { NodeLink } from '../../../proto/parts.ts';
import { flannelDevice, link, listed } from '../../../test/network-builders.ts';
import { type Script, scriptedHost } from '../../scripted-host.ts';
import { collectOffloads } from './offloads.ts';

const collectedAt = '2026-11-22T08:00:00.000Z';
const now = () => new Date(collectedAt);

/** As ethtool 6.1 begins. */
const features = (link: string, generic: string) => `\
Features for ${link}:
rx-checksumming: on
tx-checksumming: ${generic}
	tx-checksum-ipv4: off [fixed]
	tx-checksum-ip-generic: ${generic}
	tx-checksum-ipv6: off [fixed]
scatter-gather: on
`;

async function offloadsOf(runs: NonNullable<Script['runs']>, links: readonly NodeLink[], log: string[] = []) {
  const part = { state: 'ok', value: { links: listed(links) }, collectedAt } as const;
  return collectOffloads(scriptedHost({ runs }, log), part, now);
}

const vxlan = (name: string) => flannelDevice(1, { name });

describe('what VXLAN devices compute in place of the kernel', () => {
  it('is asked of them alone', async () => {
    const log: string[] = [];
    const runs = {
      'ethtool -k flannel.1': features('flannel.1', 'on'),
      'ethtool -k vxlan.calico': features('vxlan.calico', 'off'),
      'ethtool -k vx0': 'Features for vx0:\n',
    };
    const links = [link('eth0'), vxlan('flannel.1'), vxlan('vxlan.calico'), vxlan('vx0')];
    expect(await offloadsOf(runs, links, log)).toEqual({
      state: 'ok',
      value: {
        links: [
          { link: 'flannel.1', transmitChecksum: true },
          { link: 'vxlan.calico', transmitChecksum: false },
          { link: 'vx0', transmitChecksum: null },
        ],
      },
      collectedAt,
    });
    expect(log).toEqual(Object.keys(runs));
  });

  it('is not asked of a device whose name could be an option, and of ten at most', async () => {
    const log: string[] = [];
    const links = Array.from({ length: 12 }, (_, i) => vxlan(`vx${i}`));
    expect(await offloadsOf({}, [vxlan('-K'), ...links], log)).toEqual({ state: 'absent' });
    expect(log).toEqual(links.slice(0, 10).map(({ name }) => `ethtool -k ${name}`));
  });

  it('is absent without such a device, without ethtool, and where links are not known', async () => {
    expect(await offloadsOf({}, [link('eth0')])).toEqual({ state: 'absent' });
    expect(await offloadsOf({}, [vxlan('flannel.1')])).toEqual({ state: 'absent' });
    expect(await collectOffloads(scriptedHost({}), { state: 'failed', reason: 'x' }, now)).toEqual({ state: 'absent' });
  });

  it('is failed with the word of ethtool', async () => {
    const message = 'ethtool ended with code 1: netlink error: no device matches name (offset 24)';
    const runs = { 'ethtool -k flannel.1': { ok: false, kind: 'failed', message } as const };
    expect(await offloadsOf(runs, [vxlan('flannel.1')])).toEqual({ state: 'failed', reason: message });
  });
});
