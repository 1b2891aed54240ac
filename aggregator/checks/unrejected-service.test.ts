import { describe, expect, it } from 'vitest';
import { dropped, everyone, forwardTo, frontend, nodeView, rejected, untaken } from '../../test/view-builders.ts';
import { unrejectedService } from './unrejected-service.ts';

const typo = 'tcp 10.96.0.4:80';
const owners = { [typo]: 'shop/typo' };

function found(wanted: Parameters<typeof everyone>[0], real: Parameters<typeof everyone>[0]) {
  const view = nodeView({ desired: [[typo, everyone(wanted)]], observed: [[typo, everyone(real)]], owners });
  return unrejectedService.evaluate(view).map(({ summary, severity }) => ({ summary, severity }));
}

describe('unrejected-service', () => {
  it('the REJECT rule is gone: packets pass', () => {
    const view = nodeView({ desired: [[typo, everyone(rejected)]], observed: [], owners });
    expect(unrejectedService.evaluate(view)).toMatchObject([
      {
        subject: { kind: 'Service', namespace: 'shop', name: 'typo', port: '', protocol: 'tcp' },
        summary: `shop/typo has no endpoint that node-a may use, but at ${typo} all packets are let through: clients hang until they time out.`,
        frontends: [frontend(typo)],
      },
    ]);
  });

  it('a drop in place of a refusal lets clients hang too', () => {
    expect(found(rejected, dropped)).toEqual([
      {
        summary: `shop/typo has no endpoint that node-a may use, but at ${typo} all packets are dropped instead of refused: clients hang.`,
        severity: undefined,
      },
    ]);
  });

  it('a refusal in place of a drop is low', () => {
    expect(found(dropped, rejected)).toEqual([
      {
        summary: `shop/typo has no endpoint that node-a may use, but at ${typo} all packets are refused where they should be dropped in silence.`,
        severity: 'low',
      },
    ]);
  });

  it("the node's own packets to an external address, which kube-proxy never refuses, are not asked for", () => {
    const external = { pod: rejected, node: untaken, outside: rejected };
    const view = nodeView({ desired: [[typo, external]], observed: [[typo, external]], owners });
    expect(unrejectedService.evaluate(view)).toEqual([]);
  });

  it('a service that is forwarded without usable endpoint is a matter of stale endpoints', () => {
    expect(found(rejected, forwardTo('10.244.1.2:80'))).toEqual([]);
  });
});
