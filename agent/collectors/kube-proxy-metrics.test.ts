import { describe, expect, it } from 'vitest';
import { readMetrics, readSample } from './kube-proxy-metrics.ts';

describe('a sample line', () => {
  it('without labels is a name and a number', () => {
    expect(readSample('up 1')).toEqual({ name: 'up', labels: new Map(), value: 1 });
  });

  it('has escapes in its label values undone', () => {
    const line = 'x{a="say \\"hi\\"",b="back\\\\slash",c="two\\nlines"} 2.5e3 1700000000';
    const labels = new Map([
      ['a', 'say "hi"'],
      ['b', 'back\\slash'],
      ['c', 'two\nlines'],
    ]);
    expect(readSample(line)).toEqual({ name: 'x', labels, value: 2500 });
  });

  it('with empty labels is one without labels', () => {
    expect(readSample('up{} 1')).toEqual({ name: 'up', labels: new Map(), value: 1 });
  });

  it.each(['', 'x', 'x ', 'x{', 'x{a="1" 1', 'x{a="1}', 'x{a=1} 1', 'x{a="1"}', 'x NaN', 'x +Inf', '{a="1"} 1'])(
    'that is damaged or no finite number is refused: %j',
    (line) => {
      expect(readSample(line)).toBeNull();
    },
  );
});

describe('metrics', () => {
  it('of a kube-proxy that does not tell families apart leave out what cannot be attributed', () => {
    const body = [
      '# HELP kubernetes_build_info [BETA] text',
      'kubernetes_build_info{git_version="v1.24.0",major="1"} 1',
      'kubeproxy_sync_proxy_rules_iptables_total{table="nat"} 5',
      'kubeproxy_sync_proxy_rules_last_timestamp_seconds 1.7e+09',
      '',
    ].join('\n');
    expect(readMetrics(body)).toEqual({
      version: 'v1.24.0',
      believedRules: [],
      lastSync: [],
      lastQueued: [],
      unreadableLines: 0,
    });
  });

  it('are read to the last line though its newline is missing', () => {
    const body = 'kubeproxy_sync_proxy_rules_last_timestamp_seconds{ip_family="IPv6"} 12';
    expect(readMetrics(body).lastSync).toEqual([{ family: 'ipv6', seconds: 12 }]);
  });
});
