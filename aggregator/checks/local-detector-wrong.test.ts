import { describe, expect, it } from 'vitest';
import type { LocalDetector } from '../../proto/profile.ts';
import { nodeView, prefix } from '../../test/view-builders.ts';
import { localDetectorWrong } from './local-detector-wrong.ts';

const podCIDRs = ['10.244.1.0/24', 'fd00:10:244:1::/64'];
const ipv6 = { source: 'unknown', reason: 'no IPv6' } as const;

function found(detector: LocalDetector, cidrs: readonly string[] = podCIDRs) {
  const localDetector = { ipv4: { value: detector, source: 'rules' as const }, ipv6 };
  return localDetectorWrong.evaluate(nodeView({ podCIDRs: cidrs, profile: { localDetector } }));
}

describe('local-detector-wrong', () => {
  it('the cluster range was changed, kube-proxy still has the old one', () => {
    const [violation, ...others] = found({ kind: 'prefix', prefix: prefix('10.32.0.0/16') });
    expect(others).toEqual([]);
    expect(violation).toMatchObject({
      subject: { kind: 'Rule', name: 'local detector (ipv4)' },
      summary:
        "kube-proxy on node-a takes 10.32.0.0/16 for the local pods, but the node's pod range 10.244.1.0/24 lies outside of it.",
      evidence: [
        { kind: 'fact', name: 'local pods by kube-proxy', value: '10.32.0.0/16 (from rules)' },
        { kind: 'fact', name: 'pod ranges of the Node', value: '10.244.1.0/24' },
      ],
      frontends: [],
    });
  });

  it('half of the pod range lies outside', () => {
    expect(found({ kind: 'prefix', prefix: prefix('10.244.1.0/25') })).toHaveLength(1);
  });

  it.each(['10.244.0.0/16', '10.244.1.0/24'])('%s holds the pod range', (range) => {
    expect(found({ kind: 'prefix', prefix: prefix(range) })).toEqual([]);
  });

  it('says nothing of a node without pod range, of detection by interface, or of none', () => {
    expect([
      found({ kind: 'prefix', prefix: prefix('10.32.0.0/16') }, []),
      found({ kind: 'interface', pattern: 'cni0' }),
      found({ kind: 'none' }),
      localDetectorWrong.evaluate(nodeView({ podCIDRs })),
    ]).toEqual([[], [], [], []]);
  });
});
